//! One exception for each value of the engine's error enum, under one base. `str()` is the engine's sentence.

use engine_core::error::Error;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    croupier._engine,
    EngineError,
    PyException,
    "The engine refused or stopped; `message` says why. Base of all errors here."
);
create_exception!(croupier._engine, ModelError, EngineError, "A model file is malformed; `line` counts from 1, 0 if no line is to blame.");
create_exception!(croupier._engine, BetError, EngineError, "The model does not offer this bet; `field` is the path inside it.");
create_exception!(croupier._engine, ActionError, EngineError, "The round does not allow this action now.");
create_exception!(croupier._engine, StateError, EngineError, "A stored round cannot be resumed by this engine.");
create_exception!(croupier._engine, AmountError, EngineError, "An amount left the range of checked integer money.");
create_exception!(croupier._engine, RngUnhealthyError, EngineError, "A random source failed a health test; nothing drawn may be used.");
create_exception!(croupier._engine, NotExactError, EngineError, "The model has no exact figure of the kind that was asked for.");

/// The Python exception of an engine error, with its fields as attributes.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.to_string();
    let raised = match error {
        Error::Model { .. } => ModelError::new_err(text.clone()),
        Error::Bet { .. } => BetError::new_err(text.clone()),
        Error::Action { .. } => ActionError::new_err(text.clone()),
        Error::State { .. } => StateError::new_err(text.clone()),
        Error::Amount { .. } => AmountError::new_err(text.clone()),
        Error::RngUnhealthy { .. } => RngUnhealthyError::new_err(text.clone()),
        Error::NotExact { .. } => NotExactError::new_err(text.clone()),
    };
    match with_fields(raised.value(py), error, &text) {
        Ok(()) => raised,
        Err(failed) => failed,
    }
}

fn with_fields(raised: &Bound<'_, PyAny>, error: &Error, text: &str) -> PyResult<()> {
    match error {
        Error::Model { line, message } => {
            raised.setattr("line", *line)?;
            raised.setattr("message", message)
        }
        Error::Bet { field, message } => {
            raised.setattr("field", field)?;
            raised.setattr("message", message)
        }
        _ => raised.setattr("message", text),
    }
}
