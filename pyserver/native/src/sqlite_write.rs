//! Conditional writes of wallets: a batch in one transaction, table by table; behind a savepoint each only where one of them was refused.

use crate::msgpack::{Cell, Reader};
use crate::sqlite_errors::{is_constraint, Failure};
use crate::sqlite_rows::{Context, Name, Numbers};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

/// A model.WalletWrite.
struct Write<'a> {
    wallet: Name<'a>,
    expected_revision: i64,
    head: Vec<Cell<'a>>,
    entries: Vec<Vec<Cell<'a>>>,
    creates: Vec<Record<'a>>,
    updates: Vec<Record<'a>>,
}

/// A row that is stored as MessagePack.
struct Record<'a> {
    kind: i64,
    id: Cell<'a>,
    body: &'a [u8],
}

/// Why a write was not applied.
enum Stop {
    /// A condition did not hold; what was done so far must be undone.
    Refused,
    /// Anything else.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// See `WalletRows::write`. After an error the transaction may still be open: the owner goes no further.
pub fn write(connection: &Connection, context: &Context, numbers: &mut Numbers, writes: &[u8]) -> Result<Vec<usize>, Failure> {
    let writes = read_writes(context, writes)?;
    control(connection, "BEGIN IMMEDIATE")?;
    match apply(connection, context, numbers, &writes) {
        Ok(()) => {
            control(connection, "COMMIT")?;
            Ok(Vec::new())
        }
        Err(Stop::Refused) => {
            control(connection, "ROLLBACK")?;
            numbers.forget();
            write_apart(connection, context, numbers, &writes)
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// All in one transaction again, each behind its own savepoint; the positions of those that were refused.
fn write_apart(connection: &Connection, context: &Context, numbers: &mut Numbers, writes: &[Write<'_>]) -> Result<Vec<usize>, Failure> {
    let mut refused = Vec::new();
    control(connection, "BEGIN IMMEDIATE")?;
    for (position, write) in writes.iter().enumerate() {
        control(connection, "SAVEPOINT one")?;
        match apply(connection, context, numbers, std::slice::from_ref(write)) {
            Ok(()) => {}
            Err(Stop::Refused) => {
                control(connection, "ROLLBACK TO one")?;
                numbers.forget();
                refused.push(position);
            }
            Err(Stop::Failed(failure)) => return Err(failure),
        }
        control(connection, "RELEASE one")?;
    }
    control(connection, "COMMIT")?;
    Ok(refused)
}

/// Every row of `writes`, table by table.
fn apply(connection: &Connection, context: &Context, numbers: &mut Numbers, writes: &[Write<'_>]) -> Result<(), Stop> {
    let numbers = heads(connection, context, numbers, writes)?;
    let mut statement = connection.prepare_cached(&context.statements.insert_record)?;
    for (write, number) in writes.iter().zip(&numbers) {
        for record in &write.creates {
            put(&mut statement, record, *number).map_err(refused_or_failed)?;
        }
    }
    let mut statement = connection.prepare_cached(&context.statements.replace_record)?;
    for (write, number) in writes.iter().zip(&numbers) {
        for record in &write.updates {
            put(&mut statement, record, *number)?;
        }
    }
    let mut statement = connection.prepare_cached(&context.statements.insert_entry)?;
    for (write, number) in writes.iter().zip(&numbers) {
        for entry in &write.entries {
            bind(&mut statement, 1, &[Cell::Int(*number)])?;
            bind(&mut statement, 2, entry)?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}

/// Writes the heads, each under its condition; the wallets' numbers.
fn heads(connection: &Connection, context: &Context, numbers: &mut Numbers, writes: &[Write<'_>]) -> Result<Vec<i64>, Stop> {
    let mut update = connection.prepare_cached(&context.statements.update_wallet)?;
    writes
        .iter()
        .map(|write| {
            if write.expected_revision == 0 {
                insert_head(connection, context, numbers, write)
            } else {
                let number = numbers.find(connection, context, &write.wallet)?.ok_or(Stop::Refused)?;
                bind(&mut update, 1, &write.head)?;
                bind(&mut update, 1 + write.head.len(), &[Cell::Int(number), Cell::Int(write.expected_revision)])?;
                if update.raw_execute()? == 1 {
                    Ok(number)
                } else {
                    Err(Stop::Refused)
                }
            }
        })
        .collect()
}

/// A wallet that must be new; its number.
fn insert_head(connection: &Connection, context: &Context, numbers: &mut Numbers, write: &Write<'_>) -> Result<i64, Stop> {
    let mut insert = connection.prepare_cached(&context.statements.insert_wallet)?;
    bind(&mut insert, 1, &write.head)?;
    bind(&mut insert, 1 + write.head.len(), &write.wallet.parts)?;
    insert.raw_execute().map_err(refused_or_failed)?;
    let number = connection.last_insert_rowid();
    numbers.remember(&write.wallet, number);
    Ok(number)
}

fn put(statement: &mut Statement<'_>, record: &Record<'_>, number: i64) -> rusqlite::Result<usize> {
    bind(statement, 1, &[Cell::Int(record.kind), record.id, Cell::Int(number), Cell::Bytes(record.body)])?;
    statement.raw_execute()
}

/// Gives a statement its parameters from the one numbered `first` on.
pub fn bind(statement: &mut Statement<'_>, first: usize, cells: &[Cell<'_>]) -> rusqlite::Result<()> {
    for (offset, cell) in cells.iter().enumerate() {
        let value = match *cell {
            Cell::Int(value) => ValueRef::Integer(value),
            Cell::Text(value) => ValueRef::Text(value.as_bytes()),
            Cell::Bytes(value) => ValueRef::Blob(value),
        };
        statement.raw_bind_parameter(first + offset, ToSqlOutput::Borrowed(value))?;
    }
    Ok(())
}

fn control(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.raw_execute().map(|_| ())
}

fn refused_or_failed(error: rusqlite::Error) -> Stop {
    if is_constraint(&error) {
        Stop::Refused
    } else {
        error.into()
    }
}

fn read_writes<'a>(context: &Context, writes: &'a [u8]) -> Result<Vec<Write<'a>>, Failure> {
    let mut reader = Reader::new(writes);
    let writes = reader.list(|reader| read_write(context, reader))?;
    reader.end()?;
    Ok(writes)
}

fn read_write<'a>(context: &Context, reader: &mut Reader<'a>) -> Result<Write<'a>, Failure> {
    reader.array_of(6)?;
    let wallet = Name::read(reader)?;
    let expected_revision = reader.int()?;
    let head = reader.cells()?;
    let entries = reader.list(Reader::cells)?;
    let creates = read_records(context, reader)?;
    Ok(Write { wallet, expected_revision, head, entries, creates, updates: read_records(context, reader)? })
}

/// Reads pairs of a model.Key and its row. The wallet within the key is the write's own.
fn read_records<'a>(context: &Context, reader: &mut Reader<'a>) -> Result<Vec<Record<'a>>, Failure> {
    reader.list(|reader| {
        reader.array_of(2)?;
        reader.array_of(3)?;
        reader.raw()?;
        let Cell::Text(kind) = reader.cell()? else { return Err(Failure::Malformed) };
        let kind = *context.kinds.get(kind).ok_or(Failure::Malformed)?;
        Ok(Record { kind, id: reader.cell()?, body: reader.raw()? })
    })
}
