//! Class `Model`: one parsed model and the rounds played on it.

use crate::analysis;
use crate::errors::{to_python, EngineError};
use engine_core::analysis::Plan;
use engine_core::error::Error;
use engine_core::round::{self, Played, Seed};
use prost::Message;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// (stake_micros, payout_micros or None, outcome, state).
type PlayedTuple<'py> = (i64, Option<i64>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// One version of a game's maths and rules, read from a TOML file. Immutable, safe to share between threads.
#[pyclass(frozen, module = "croupier._engine")]
pub struct Model {
    /// The engine's own model.
    pub inner: engine_core::model::Model,
}

#[pymethods]
impl Model {
    /// Reads a model file's text; raises ModelError with the line, what is wrong and what would be right.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        let parsed = py.detach(|| engine_core::model::Model::parse(text));
        parsed.map(|inner| Self { inner }).map_err(|e| to_python(py, &e))
    }

    /// The game's id.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// The name for people.
    #[getter]
    fn title(&self) -> &str {
        &self.inner.title
    }

    /// Version of this game's maths, from 1.
    #[getter]
    fn version(&self) -> u32 {
        self.inner.version
    }

    /// "slots", "roulette", "dice" or "blackjack".
    #[getter]
    fn family(&self) -> &str {
        &self.inner.family
    }

    /// SHA-256 of the file, 32 bytes.
    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.hash)
    }

    /// Starts round `number` (from 1). `server_seed` is 32 bytes, `bet` an encoded croupier.v1.Bet, `step_micros` the currency's smallest
    /// amount. Returns (stake_micros, payout_micros or None while the round is open, encoded croupier.v1.Outcome, state for `act`).
    /// Raises BetError, AmountError, RngUnhealthyError.
    #[pyo3(signature = (server_seed, client_seed, number, bet, step_micros, /))]
    fn play<'py>(
        &self,
        py: Python<'py>,
        server_seed: &[u8],
        client_seed: &str,
        number: u64,
        bet: &[u8],
        step_micros: i64,
    ) -> PyResult<PlayedTuple<'py>> {
        let seed = Seed { server: key(server_seed)?, client: client_seed, number };
        answer(py, || round::play(&self.inner, &seed, bet, step_micros))
    }

    /// Takes the next step of an open round: `state` is what the step before returned, `action` an encoded croupier.v1.Action, the rest as in
    /// `play`. Raises ActionError for an action that is not allowed now, StateError for a state that is not this engine's.
    #[pyo3(signature = (server_seed, client_seed, number, bet, step_micros, state, action, /))]
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest one from Python")]
    fn act<'py>(
        &self,
        py: Python<'py>,
        server_seed: &[u8],
        client_seed: &str,
        number: u64,
        bet: &[u8],
        step_micros: i64,
        state: &[u8],
        action: &[u8],
    ) -> PyResult<PlayedTuple<'py>> {
        let seed = Seed { server: key(server_seed)?, client: client_seed, number };
        answer(py, || round::act(&self.inner, &seed, bet, step_micros, state, action))
    }

    /// What the model pays, as an encoded croupier.v1.PayTable.
    fn pay_table<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.game.pay_table().encode_to_vec())
    }

    /// The exact figures of every kind of bet, as JSON: the model's PAR sheet. Raises NotExactError where there are none.
    #[pyo3(signature = (threads, /))]
    fn analyse(&self, py: Python<'_>, threads: usize) -> PyResult<String> {
        analysis::analysed(py, &self.inner, threads)
    }

    /// Plays `bet` (an encoded croupier.v1.Bet under a step of 10,000 micros; None for the reference bet) `rounds` times and compares the
    /// mean with the exact figure, if there is one for that bet; as JSON. The same seed gives the same result on every number of threads.
    /// `progress` is called with the rounds done so far, from any thread; what it raises stops the run. Raises BetError.
    #[pyo3(signature = (rounds, seed, threads, progress = None, bet = None, /))]
    fn simulate(
        &self,
        py: Python<'_>,
        rounds: u64,
        seed: u64,
        threads: usize,
        progress: Option<Py<PyAny>>,
        bet: Option<&[u8]>,
    ) -> PyResult<String> {
        analysis::simulated(py, &self.inner, Plan { rounds, seed, threads: threads.max(1) }, progress.as_ref(), bet)
    }
}

fn key(server_seed: &[u8]) -> PyResult<&[u8; 32]> {
    server_seed.try_into().map_err(|_| PyValueError::new_err(format!("a server seed has 32 bytes, not {}", server_seed.len())))
}

/// A broken invariant inside the engine becomes an `EngineError`, so that it stops one round and not the server's thread.
fn answer(py: Python<'_>, decide: impl FnOnce() -> Result<Played, Error>) -> PyResult<PlayedTuple<'_>> {
    match catch_unwind(AssertUnwindSafe(decide)) {
        Ok(Ok(played)) => Ok((played.stake, played.payout, PyBytes::new(py, &played.outcome), PyBytes::new(py, &played.state))),
        Ok(Err(error)) => Err(to_python(py, &error)),
        Err(_) => Err(EngineError::new_err("the engine broke one of its own invariants; the round was not played")),
    }
}
