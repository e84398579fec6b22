//! All integration tests as one program: each file is a module of it, so that the engine is linked once and not once a file.

mod blackjack;
mod blackjack_properties;
mod blackjack_simulation;
mod dice;
mod figures_page;
mod golden_rounds;
mod models_page;
mod rng_statistics;
mod roulette;
mod shipped;
mod slots_models;
mod slots_properties;
mod slots_reference;
