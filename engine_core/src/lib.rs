//! Croupier's engine: draws random numbers and evaluates outcomes. A round is a pure function of (model, seed, bet, actions).
//!
//! - `round`: the way in. `play` starts a round, `act` takes one step; both fold a family over the seed's stream.
//! - `model`: a game as data: one TOML file, named by its SHA-256.
//! - `games`: the registry, and one file or folder for each family.
//! - `rng`: the stream of a round, unbiased draws, health tests; `scripted` lets a test choose the draws.
//! - `analysis`: exact return, variance and hit rate; parallel simulation.
//! - `amount`: checked integer money.
//! - `error`: the one error enum.
//! - `pb`: the wire's game messages, generated from proto/.
//!
//! Absent on purpose: Python, clocks, files, environment, threads outside `analysis`, floats in money or odds.

pub mod amount;
pub mod analysis;
pub mod error;
pub mod games;
pub mod model;
pub mod rng;
pub mod round;

/// Messages generated from `proto/croupier/v1`: bets, actions, outcomes, pay tables.
#[allow(missing_docs, clippy::pedantic)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/croupier.v1.rs"));
}
