//! What a model returns: exact figures, and simulation with progress, both as JSON.

use crate::errors::to_python;
use engine_core::analysis::{exact_json, simulate, simulation_json, Plan};
use engine_core::error::Error;
use engine_core::model::Model;
use engine_core::pb;
use prost::Message;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Mutex;

/// See `Model.analyse`.
pub fn analysed(py: Python<'_>, model: &Model, threads: usize) -> PyResult<String> {
    let exact = py.detach(|| model.game.analysed().exact(threads.max(1)));
    exact.map(|exact| exact_json(model, &exact).to_string()).map_err(|e| to_python(py, &e))
}

/// See `Model.simulate`.
pub fn simulated(py: Python<'_>, model: &Model, plan: Plan, progress: Option<&Py<PyAny>>, bet: Option<&[u8]>) -> PyResult<String> {
    if plan.rounds == 0 {
        return Err(PyValueError::new_err("a simulation has at least 1 round"));
    }
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let tell = |done: u64| {
        let told = Python::attach(|py| {
            py.check_signals().and_then(|()| progress.map_or(Ok(()), |progress| progress.call1(py, (done,)).map(drop)))
        });
        let goes_on = told.is_ok();
        if let (Err(error), Ok(mut raised)) = (told, raised.lock()) {
            raised.get_or_insert(error);
        }
        goes_on
    };
    let simulation = py.detach(|| compared(model, bet, plan, &tell));
    match raised.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => simulation.map_err(|e| to_python(py, &e)),
    }
}

fn compared(model: &Model, bet: Option<&[u8]>, plan: Plan, tell: &(dyn Fn(u64) -> bool + Sync)) -> Result<String, Error> {
    let game = model.game.analysed();
    let chosen = match bet {
        Some(bytes) => {
            pb::Bet::decode(bytes).map_err(|e| Error::Bet { field: "bet".into(), message: format!("not a croupier.v1.Bet: {e}") })?
        }
        None => game.reference_bet(),
    };
    let table = game.table(&chosen)?;
    let exact = match game.exact(plan.threads) {
        // The figures of one bet say nothing about another one.
        Ok(exact) => Some(exact).filter(|exact| bet.is_none() || exact.bets.len() == 1),
        Err(Error::NotExact { .. }) => None,
        Err(error) => return Err(error),
    };
    let tally = simulate(&*table, plan, tell)?;
    Ok(simulation_json(model, &*table, plan, &tally, exact.as_ref().map(|exact| &exact.bets[0])).to_string())
}
