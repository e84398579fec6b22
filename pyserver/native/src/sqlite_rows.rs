//! Class `WalletRows`: the hot path of the embedded store. A batch crosses the bridge as one MessagePack message and is carried out without the GIL.
//!
//! The statements are Python's, beside the schema that they belong to; here is only which values they get, in which order, and what a failed
//! condition means.

use crate::msgpack::{Cell, Reader};
use crate::sqlite::{with, Connection, Shared};
use crate::sqlite_errors::Failure;
use crate::sqlite_load;
use crate::sqlite_write;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Wallet numbers remembered before the memory is emptied; about 150 bytes each.
const NUMBERS_KEPT: usize = 200_000;

/// The statements and what they are about.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Statements {
    /// (operator, player, currency) -> number.
    pub find_wallet: String,
    /// (number) -> the head's columns.
    pub read_wallet: String,
    /// (kind, id, number) -> body.
    pub read_record: String,
    /// (the head's columns, operator, player, currency).
    pub insert_wallet: String,
    /// (the head's columns, number, expected revision).
    pub update_wallet: String,
    /// (kind, id, number, body), refused where the id is there.
    pub insert_record: String,
    /// (kind, id, number, body), whether it is there or not.
    pub replace_record: String,
    /// (number, the entry's columns).
    pub insert_entry: String,
}

/// Rows of wallets in one database: read and written by batches, each in one call.
#[pyclass(frozen, module = "croupier._engine")]
pub struct WalletRows {
    shared: Shared,
    context: Context,
    numbers: Mutex<Numbers>,
}

/// What does not change while the database is open.
pub struct Context {
    /// See there.
    pub statements: Statements,
    /// Stored number of each kind of record.
    pub kinds: HashMap<String, i64>,
}

#[pymethods]
impl WalletRows {
    /// `statements` maps each name in the stub to its SQL, `kinds` each kind of record to its stored number.
    #[new]
    #[pyo3(signature = (connection, statements, kinds, /))]
    fn new(connection: &Connection, statements: Statements, kinds: HashMap<String, i64>) -> Self {
        Self { shared: connection.shared(), context: Context { statements, kinds }, numbers: Mutex::default() }
    }

    /// The rows under `keys` (a list of model.Key as MessagePack), as they stood at one moment: MessagePack each, or None where there is none.
    #[pyo3(signature = (keys, /))]
    fn load<'py>(&self, py: Python<'py>, keys: &[u8]) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let rows =
            py.detach(|| with(&self.shared, |connection| sqlite_load::load(connection, &self.context, &mut self.numbers(), keys)))?;
        Ok(rows.into_iter().map(|row| row.map(|row| PyBytes::new(py, &row))).collect())
    }

    /// Carries out `writes` (a list of model.WalletWrite as MessagePack) in one transaction: durable when this returns. The positions of those
    /// that were refused; the others are applied. Raises SqliteError, after which it is not known what was applied.
    #[pyo3(signature = (writes, /))]
    fn write(&self, py: Python<'_>, writes: &[u8]) -> PyResult<Vec<usize>> {
        Ok(py.detach(|| with(&self.shared, |connection| sqlite_write::write(connection, &self.context, &mut self.numbers(), writes)))?)
    }
}

impl WalletRows {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().expect("no thread panics within SQLite")
    }
}

/// A wallet's name as it came: (operator, player, currency).
pub struct Name<'a> {
    /// The encoded name, which is one sequence of bytes for one name.
    pub raw: &'a [u8],
    /// Its three parts.
    pub parts: Vec<Cell<'a>>,
}

impl<'a> Name<'a> {
    /// Reads a name.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Failure> {
        let raw = reader.raw()?;
        Ok(Self { raw, parts: Reader::new(raw).cells()? })
    }
}

/// Numbers of the wallets used lately.
#[derive(Default)]
pub struct Numbers {
    by_name: HashMap<Box<[u8]>, i64>,
}

impl Numbers {
    /// The number of a wallet; None where there is no such wallet.
    pub fn find(&mut self, connection: &rusqlite::Connection, context: &Context, name: &Name<'_>) -> rusqlite::Result<Option<i64>> {
        if let Some(&number) = self.by_name.get(name.raw) {
            return Ok(Some(number));
        }
        let mut statement = connection.prepare_cached(&context.statements.find_wallet)?;
        sqlite_write::bind(&mut statement, 1, &name.parts)?;
        let found = statement.raw_query().next()?.map(|row| row.get(0)).transpose()?;
        if let Some(number) = found {
            self.remember(name, number);
        }
        Ok(found)
    }

    /// Takes note of a number.
    pub fn remember(&mut self, name: &Name<'_>, number: i64) {
        if self.by_name.len() >= NUMBERS_KEPT {
            self.by_name.clear();
        }
        self.by_name.insert(name.raw.into(), number);
    }

    /// Forgets all: wallets may have been made in a transaction that was undone.
    pub fn forget(&mut self) {
        self.by_name.clear();
    }
}
