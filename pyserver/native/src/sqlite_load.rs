//! Reading rows by their keys.

use crate::msgpack::{write_array, write_bytes, write_int, Cell, Reader};
use crate::sqlite_errors::Failure;
use crate::sqlite_rows::{Context, Name, Numbers};
use crate::sqlite_write::bind;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

/// The kind of a wallet's own row, which has columns instead of a record.
const WALLET: &str = "wallet";

struct Key<'a> {
    wallet: Name<'a>,
    kind: &'a str,
    id: Cell<'a>,
}

/// See `WalletRows::load`.
pub fn load(connection: &Connection, context: &Context, numbers: &mut Numbers, keys: &[u8]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let keys = read_keys(keys)?;
    if keys.len() < 2 || !connection.is_autocommit() {
        return rows(connection, context, numbers, &keys);
    }
    connection.prepare_cached("BEGIN")?.raw_execute()?;
    let found = rows(connection, context, numbers, &keys);
    connection.prepare_cached("COMMIT")?.raw_execute()?;
    found
}

fn rows(connection: &Connection, context: &Context, numbers: &mut Numbers, keys: &[Key<'_>]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut heads = connection.prepare_cached(&context.statements.read_wallet)?;
    let mut records = connection.prepare_cached(&context.statements.read_record)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.push(match numbers.find(connection, context, &key.wallet)? {
            None => None,
            Some(number) if key.kind == WALLET => one(&mut heads, &[Cell::Int(number)], encoded)?,
            Some(number) => {
                let kind = *context.kinds.get(key.kind).ok_or(Failure::Malformed)?;
                one(&mut records, &[Cell::Int(kind), key.id, Cell::Int(number)], |row| row.get(0))?
            }
        });
    }
    Ok(found)
}

/// The statement's first row, if there is one.
fn one(
    statement: &mut Statement<'_>,
    parameters: &[Cell<'_>],
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<Vec<u8>>,
) -> rusqlite::Result<Option<Vec<u8>>> {
    bind(statement, 1, parameters)?;
    statement.raw_query().next()?.map(read).transpose()
}

/// All columns of a row, as an array.
fn encoded(row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let columns = row.as_ref().column_count();
    let mut message = Vec::with_capacity(128);
    write_array(&mut message, columns);
    for column in 0..columns {
        match row.get_ref(column)? {
            ValueRef::Integer(value) => write_int(&mut message, value),
            other => write_bytes(&mut message, other.as_blob()?),
        }
    }
    Ok(message)
}

fn read_keys(keys: &[u8]) -> Result<Vec<Key<'_>>, Failure> {
    let mut reader = Reader::new(keys);
    let keys = reader.list(read_key)?;
    reader.end()?;
    Ok(keys)
}

/// Reads a model.Key: wallet, kind, id.
fn read_key<'a>(reader: &mut Reader<'a>) -> Result<Key<'a>, Failure> {
    reader.array_of(3)?;
    let wallet = Name::read(reader)?;
    let Cell::Text(kind) = reader.cell()? else { return Err(Failure::Malformed) };
    Ok(Key { wallet, kind, id: reader.cell()? })
}
