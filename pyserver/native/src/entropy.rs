//! Random bytes of the operating system, through a continuous health test, and the self test of the engine's own generator.

use crate::errors::{to_python, RngUnhealthyError};
use engine_core::error::Error;
use engine_core::rng::health::ByteHealth;
use engine_core::rng::{self, Stream};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Mutex, PoisonError};

/// The most bytes that one call gives.
const BYTES_MAX: usize = 1 << 24;

/// One for the whole process: once the source has failed, no later call may trust it.
static HEALTH: Mutex<Option<ByteHealth>> = Mutex::new(None);

/// `n` bytes of the operating system's entropy, at most 16 MiB. Raises RngUnhealthyError if the source is missing or fails its
/// continuous health test, in this call or in any before it.
#[pyfunction]
#[pyo3(signature = (n, /))]
pub fn entropy(py: Python<'_>, n: usize) -> PyResult<Bound<'_, PyBytes>> {
    if n > BYTES_MAX {
        return Err(PyValueError::new_err(format!("at most {BYTES_MAX} bytes a call, not {n}")));
    }
    PyBytes::new_with(py, n, |bytes| fill(py, bytes))
}

/// `n` bytes of raw output for test batteries, before any scaling, at most 16 MiB: a stream keyed by fresh entropy of the operating system.
#[pyfunction]
#[pyo3(signature = (n, /))]
pub fn raw(py: Python<'_>, n: usize) -> PyResult<Bound<'_, PyBytes>> {
    if n > BYTES_MAX {
        return Err(PyValueError::new_err(format!("at most {BYTES_MAX} bytes a call, not {n}")));
    }
    let mut key = [0; 32];
    fill(py, &mut key)?;
    let mut stream = Stream::from_key(&key);
    PyBytes::new_with(py, n, |bytes| {
        for part in bytes.chunks_mut(4) {
            part.copy_from_slice(&stream.word().to_le_bytes()[..part.len()]);
        }
        stream.health().map_err(|e| to_python(py, &e))
    })
}

/// Checks the generator against published known answers; raises RngUnhealthyError if one does not hold. To be called before the first round.
#[pyfunction]
pub fn self_test(py: Python<'_>) -> PyResult<()> {
    rng::self_test().map_err(|e| to_python(py, &e))
}

fn fill(py: Python<'_>, bytes: &mut [u8]) -> PyResult<()> {
    getrandom::fill(bytes).map_err(|e| RngUnhealthyError::new_err(format!("the operating system gives no entropy: {e}")))?;
    let mut health = HEALTH.lock().unwrap_or_else(PoisonError::into_inner);
    let checked = health.get_or_insert_with(ByteHealth::default).check(bytes);
    checked.map_err(|failure| {
        bytes.fill(0);
        to_python(py, &Error::RngUnhealthy { test: failure.name() })
    })
}
