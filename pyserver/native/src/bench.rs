//! What bench/ measures inside the engine, in seconds by the clock. All release the GIL.
#![allow(clippy::float_arithmetic, reason = "durations for people")]

use crate::errors::to_python;
use crate::model::Model;
use engine_core::analysis::{simulate, Plan};
use engine_core::games::slots::{scan, Slots};
use engine_core::games::Game;
use engine_core::pb::DrawPurpose;
use engine_core::rng::{Draws, Stream};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::hint::black_box;
use std::time::Instant;

/// Seconds for `n` unbiased draws below 43 from one stream, on one thread.
#[pyfunction]
#[pyo3(signature = (n, /))]
pub fn bench_draws(py: Python<'_>, n: u64) -> f64 {
    py.detach(|| {
        let mut stream = Stream::from_key(&[1; 32]);
        let start = Instant::now();
        black_box((0..n).fold(0_u64, |sum, _| sum.wrapping_add(stream.below(DrawPurpose::ReelStop, 43))));
        start.elapsed().as_secs_f64()
    })
}

/// (seconds, spins) for `rounds` whole rounds of a slots model at its reference bet; spins count the free ones too.
#[pyfunction]
#[pyo3(signature = (model, rounds, threads, /))]
pub fn bench_spins(py: Python<'_>, model: &Model, rounds: u64, threads: usize) -> PyResult<(f64, u64)> {
    slots(model)?;
    let game = model.inner.game.analysed();
    let played = py.detach(|| {
        let table = game.table(&game.reference_bet())?;
        let start = Instant::now();
        let tally = simulate(table.as_ref(), Plan { rounds, seed: 1, threads }, &|_| true)?;
        Ok((start.elapsed().as_secs_f64(), tally.spins))
    });
    played.map_err(|e| to_python(py, &e))
}

/// (seconds, combinations) for one full enumeration of every mode of a slots model.
#[pyfunction]
#[pyo3(signature = (model, threads, /))]
pub fn bench_scan(py: Python<'_>, model: &Model, threads: usize) -> PyResult<(f64, u64)> {
    let slots = slots(model)?;
    Ok(py.detach(|| {
        let start = Instant::now();
        for mode in slots.modes() {
            black_box(scan::scan(mode, threads));
        }
        let combinations = slots.modes().iter().map(|mode| mode.spin.cycle()).sum::<u128>();
        (start.elapsed().as_secs_f64(), u64::try_from(combinations).unwrap_or(u64::MAX))
    }))
}

fn slots(model: &Model) -> PyResult<&Slots> {
    match &model.inner.game {
        Game::Slots(slots) => Ok(slots),
        _ => Err(PyValueError::new_err(format!("{} is no slots model", model.inner.name))),
    }
}
