//! The bridge: `engine_core` and SQLite as the Python module `croupier._engine`. It converts types and errors and decides nothing.
//!
//! - `analysis`: exact figures and simulation, as JSON.
//! - `bench`: what bench/ measures inside the engine.
//! - `model`: class `Model`: parse, play, act, pay table.
//! - `encoding`: messages and hashes that every round needs.
//! - `entropy`: random bytes of the operating system through a health test, the raw collector, the self test.
//! - `front`: classes `Inbox` and `Front`: the front door and its queue.
//! - `errors`: the exceptions, one for each value of the engine's error enum.
//! - `sqlite`: class `Connection`: all that the embedded store, its checks and its backups ask of SQLite.
//! - `sqlite_rows`: class `WalletRows`: the store's hot path; `sqlite_load` reads, `sqlite_write` writes, `msgpack` is how rows cross the bridge.
#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "comments here are Python's docstrings, arguments come from Python by value"
)]

mod analysis;
mod bench;
mod encoding;
mod entropy;
mod errors;
mod front;
mod model;
mod msgpack;
mod sqlite;
mod sqlite_errors;
mod sqlite_load;
mod sqlite_rows;
mod sqlite_write;

use pyo3::prelude::*;

/// Croupier's game engine: random numbers, games, exact returns.
#[pymodule]
mod _engine {
    #[pymodule_export]
    use crate::bench::{bench_draws, bench_scan, bench_spins};
    #[pymodule_export]
    use crate::encoding::{chain_hash, digest, encode_field, encode_round, uuid7_bytes};
    #[pymodule_export]
    use crate::entropy::{entropy, raw, self_test};
    #[pymodule_export]
    use crate::errors::{ActionError, AmountError, BetError, EngineError, ModelError, NotExactError, RngUnhealthyError, StateError};
    #[pymodule_export]
    use crate::front::{Front, Inbox};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::sqlite::Connection;
    #[pymodule_export]
    use crate::sqlite_errors::{SqliteConstraintError, SqliteError};
    #[pymodule_export]
    use crate::sqlite_rows::WalletRows;
}
