//! What SQLite refuses, as Python exceptions: a condition that did not hold apart from everything else.

use crate::msgpack::Malformed;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use rusqlite::{Error, ErrorCode};

create_exception!(croupier._engine, SqliteError, PyException, "SQLite refused or failed; `str()` is SQLite's own sentence.");
create_exception!(
    croupier._engine,
    SqliteConstraintError,
    SqliteError,
    "A row breaks a rule of the schema: a key that is there already, a CHECK."
);

/// Why a call into the database came to nothing.
pub enum Failure {
    /// SQLite's error.
    Sqlite(Error),
    /// The connection was closed before.
    Closed,
    /// What Python handed over is not what was agreed on.
    Malformed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sqlite(error) if is_constraint(&error) => SqliteConstraintError::new_err(sentence(&error)),
            Failure::Sqlite(error) => SqliteError::new_err(sentence(&error)),
            Failure::Closed => SqliteError::new_err("the connection is closed"),
            Failure::Malformed => PyValueError::new_err("the rows are not encoded as the native store reads them"),
        }
    }
}

/// Whether a condition of the schema did not hold.
pub fn is_constraint(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// SQLite's own words, without the statement.
fn sentence(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
