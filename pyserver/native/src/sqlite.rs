//! Class `Connection`: one connection to a SQLite file. Every access of this process to a database goes through the SQLite that is linked in here.

use crate::sqlite_errors::Failure;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::Value;
use rusqlite::{params_from_iter, OpenFlags};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const STATEMENTS_KEPT: usize = 64;

/// A connection that several Python objects use in turn; None once it is closed. Locked only while the GIL is released.
pub type Shared = Arc<Mutex<Option<rusqlite::Connection>>>;

/// One connection to a SQLite file. Calls from two threads wait for each other; each releases the GIL while SQLite works.
#[pyclass(frozen, module = "croupier._engine")]
pub struct Connection {
    shared: Shared,
}

#[pymethods]
impl Connection {
    /// Opens the file, which is made when first written to unless `read_only`. Raises SqliteError, at the latest with the first statement.
    #[new]
    #[pyo3(signature = (path, /, *, read_only = false, busy_ms = 5000, cache_kib = 2048))]
    fn open(py: Python<'_>, path: PathBuf, read_only: bool, busy_ms: u64, cache_kib: i64) -> PyResult<Self> {
        let connection = py.detach(|| -> Result<_, Failure> {
            let access = if read_only {
                OpenFlags::SQLITE_OPEN_READ_ONLY
            } else {
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
            };
            let connection = rusqlite::Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(Duration::from_millis(busy_ms))?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
            connection.execute_batch(&format!("PRAGMA cache_size = -{cache_kib}"))?;
            Ok(connection)
        })?;
        Ok(Self { shared: Arc::new(Mutex::new(Some(connection))) })
    }

    /// Runs one statement; its rows. Parameters and columns are None, int, float (columns only), str or bytes.
    #[pyo3(signature = (statement, parameters = None, /))]
    fn query<'py>(
        &self,
        py: Python<'py>,
        statement: &str,
        parameters: Option<Vec<Bound<'py, PyAny>>>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let parameters = values(&parameters.unwrap_or_default())?;
        let rows = py.detach(|| with(&self.shared, |connection| Ok(run(connection, statement, parameters)?.0)))?;
        rows.into_iter().map(|row| PyTuple::new(py, row.into_iter().map(|value| object(py, value)))).collect()
    }

    /// Runs one statement; how many rows it inserted, updated or deleted.
    #[pyo3(signature = (statement, parameters = None, /))]
    fn execute(&self, py: Python<'_>, statement: &str, parameters: Option<Vec<Bound<'_, PyAny>>>) -> PyResult<u64> {
        let parameters = values(&parameters.unwrap_or_default())?;
        Ok(py.detach(|| with(&self.shared, |connection| Ok(run(connection, statement, parameters)?.1)))?)
    }

    /// Runs several statements, separated by semicolons.
    #[pyo3(signature = (statements, /))]
    fn script(&self, py: Python<'_>, statements: &str) -> PyResult<()> {
        Ok(py.detach(|| with(&self.shared, |connection| Ok(connection.execute_batch(statements)?)))?)
    }

    /// Whether a transaction is open.
    #[getter]
    fn in_transaction(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(py.detach(|| with(&self.shared, |connection| Ok(!connection.is_autocommit())))?)
    }

    /// Copies the whole database into `target`, `pages` at a time; `progress` gets pages left and pages in all after each step, and what it
    /// raises ends the copy.
    #[pyo3(signature = (target, pages, progress, /))]
    fn backup(&self, py: Python<'_>, target: &Self, pages: i32, progress: Py<PyAny>) -> PyResult<()> {
        py.detach(|| with(&self.shared, |source| with(&target.shared, |target| copy(source, target, pages, &progress))))?
    }

    /// Closes the file; the last connection to close folds the log into it. Closing twice does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let closed = py.detach(|| self.shared.lock().expect("no thread panics within SQLite").take().map(rusqlite::Connection::close));
        match closed {
            Some(Err((_, error))) => Err(Failure::Sqlite(error).into()),
            _ => Ok(()),
        }
    }
}

impl Connection {
    /// The connection, for another object that uses it.
    pub fn shared(&self) -> Shared {
        Arc::clone(&self.shared)
    }
}

/// Does something with an open connection. Never to be called with the GIL held: another thread may wait for the GIL with the lock in hand.
pub fn with<T>(shared: &Shared, work: impl FnOnce(&mut rusqlite::Connection) -> Result<T, Failure>) -> Result<T, Failure> {
    work(shared.lock().expect("no thread panics within SQLite").as_mut().ok_or(Failure::Closed)?)
}

/// All rows of a statement, and how many it changed.
fn run(connection: &rusqlite::Connection, statement: &str, parameters: Vec<Value>) -> rusqlite::Result<(Vec<Vec<Value>>, u64)> {
    let mut prepared = connection.prepare_cached(statement)?;
    let columns = prepared.column_count();
    let rows = prepared
        .query(params_from_iter(parameters))?
        .mapped(|row| (0..columns).map(|column| row.get(column)).collect())
        .collect::<rusqlite::Result<_>>()?;
    Ok((rows, connection.changes()))
}

fn copy(
    source: &rusqlite::Connection,
    target: &mut rusqlite::Connection,
    pages: i32,
    progress: &Py<PyAny>,
) -> Result<PyResult<()>, Failure> {
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(pages)?;
        let counts = backup.progress();
        if let Err(raised) = Python::attach(|py| progress.call1(py, (counts.remaining, counts.pagecount))) {
            return Ok(Err(raised));
        }
        if step == StepResult::Done {
            return Ok(Ok(()));
        }
    }
}

fn values(parameters: &[Bound<'_, PyAny>]) -> PyResult<Vec<Value>> {
    parameters.iter().map(value).collect()
}

fn value(parameter: &Bound<'_, PyAny>) -> PyResult<Value> {
    if parameter.is_none() {
        Ok(Value::Null)
    } else if let Ok(bytes) = parameter.cast::<PyBytes>() {
        Ok(Value::Blob(bytes.as_bytes().to_vec()))
    } else if let Ok(text) = parameter.cast::<PyString>() {
        Ok(Value::Text(text.to_str()?.to_owned()))
    } else {
        parameter.extract().map(Value::Integer).map_err(|_| PyTypeError::new_err("a parameter is None, an int of 64 bits, str or bytes"))
    }
}

fn object(py: Python<'_>, value: Value) -> Bound<'_, PyAny> {
    match value {
        Value::Null => py.None().into_bound(py),
        Value::Integer(value) => value.into_pyobject(py).expect("an int can be made").into_any(),
        Value::Real(value) => value.into_pyobject(py).expect("a float can be made").into_any(),
        Value::Text(value) => PyString::new(py, &value).into_any(),
        Value::Blob(value) => PyBytes::new(py, &value).into_any(),
    }
}
