//! The bridge: engine_core as the Python module croupier._engine.
