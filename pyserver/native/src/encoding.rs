//! What every round needs encoded or hashed: the round's message of `round_service.proto`, and the ledger's hashes. Flat calls of plain values: in Python
//! each of them costs several times as much as the decision's own arithmetic.

use prost::encoding::{encode_key, encode_varint, WireType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use sha2::{Digest, Sha256};

/// Values of croupier.v1.RoundState.
const STATE_OPEN: i64 = 1;
const STATE_SETTLED: i64 = 2;

/// Field numbers of croupier.v1.Round; a test holds them against the descriptor.
mod round {
    pub const NAME: u32 = 1;
    pub const SESSION_ID: u32 = 2;
    pub const NUMBER: u32 = 3;
    pub const MODEL: u32 = 4;
    pub const STATE: u32 = 5;
    pub const STEP: u32 = 6;
    pub const BET: u32 = 7;
    pub const ACTIONS: u32 = 8;
    pub const OUTCOME: u32 = 9;
    pub const CURRENCY_CODE: u32 = 10;
    pub const STAKE_MICROS: u32 = 11;
    pub const PAYOUT_MICROS: u32 = 12;
    pub const BALANCE_BEFORE_MICROS: u32 = 13;
    pub const BALANCE_MICROS: u32 = 14;
    pub const REVISION: u32 = 15;
    pub const SEED_NUMBER: u32 = 16;
    pub const SERVER_SEED_HASH: u32 = 17;
    pub const CLIENT_SEED: u32 = 18;
    pub const CREATE_TIME: u32 = 19;
    pub const SETTLE_TIME: u32 = 20;
}

/// An encoded message under construction.
struct Message(Vec<u8>);

impl Message {
    fn length_delimited(&mut self, field: u32, length: usize) {
        encode_key(field, WireType::LengthDelimited, &mut self.0);
        encode_varint(length as u64, &mut self.0);
    }

    /// An integer; proto3 leaves out a zero.
    fn int(&mut self, field: u32, value: i64) {
        if value != 0 {
            encode_key(field, WireType::Varint, &mut self.0);
            encode_varint(u64::from_ne_bytes(value.to_ne_bytes()), &mut self.0);
        }
    }

    fn message(&mut self, field: u32, encoded: &[u8]) {
        self.length_delimited(field, encoded.len());
        self.0.extend_from_slice(encoded);
    }

    /// A string; proto3 leaves out an empty one.
    fn text(&mut self, field: u32, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length != 0 {
            self.length_delimited(field, length);
            for part in parts {
                self.0.extend_from_slice(part);
            }
        }
    }

    /// A google.protobuf.Timestamp.
    fn time(&mut self, field: u32, time_ms: i64) {
        let mut inner = Message(Vec::with_capacity(12));
        inner.int(1, time_ms / 1000);
        inner.int(2, time_ms % 1000 * 1_000_000);
        self.message(field, &inner.0);
    }
}

/// A field that holds an encoded message: tag, length, bytes. Fields side by side make up the message around them.
#[pyfunction]
#[pyo3(signature = (number, encoded, /))]
pub fn encode_field<'py>(py: Python<'py>, number: u32, encoded: &[u8]) -> Bound<'py, PyBytes> {
    let mut message = Message(Vec::with_capacity(encoded.len() + 8));
    message.message(number, encoded);
    PyBytes::new(py, &message.0)
}

/// Positions in the tuple of the server's `Round`, and of its `Step`.
mod at {
    pub const ID: usize = 0;
    pub const SESSION: usize = 1;
    pub const NUMBER: usize = 2;
    pub const MODEL: usize = 3;
    pub const BET: usize = 4;
    pub const SEED_NUMBER: usize = 5;
    pub const COMMITMENT: usize = 6;
    pub const CLIENT_SEED: usize = 7;
    pub const BALANCE_BEFORE: usize = 8;

    pub const OUTCOME: usize = 1;
    pub const STAKE: usize = 2;
    pub const PAYOUT: usize = 3;
    pub const BALANCE: usize = 4;
    pub const REVISION: usize = 5;
    pub const TIME: usize = 6;
}

/// A croupier.v1.Round as it stood after a step, as field `outer` of the message around it. `wallet` is the wallet's name; `round_row` and `step_row` are the tuples
/// of the server's rows, `actions` those up to the step; `create_time_ms` is the time of step 0. Bet, actions and outcome go in as they are.
#[pyfunction]
#[pyo3(signature = (outer, wallet, currency, round_row, step_row, actions, create_time_ms, settled, /))]
#[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest one from Python")]
pub fn encode_round<'py>(
    py: Python<'py>,
    outer: u32,
    wallet: &str,
    currency: &str,
    round_row: &Bound<'py, PyTuple>,
    step_row: &Bound<'py, PyTuple>,
    actions: Vec<Bound<'py, PyBytes>>,
    create_time_ms: i64,
    settled: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let (bet, outcome) = (bytes(round_row, at::BET)?, bytes(step_row, at::OUTCOME)?);
    let mut message = Message(Vec::with_capacity(512 + bet.len() + outcome.len()));
    message.text(round::NAME, &[wallet.as_bytes(), b"/rounds/", &uuid(bytes(round_row, at::ID)?)?]);
    message.text(round::SESSION_ID, &[&uuid(bytes(round_row, at::SESSION)?)?]);
    message.int(round::NUMBER, int(round_row, at::NUMBER)?);
    message.text(round::MODEL, &[b"models/", &hex(bytes(round_row, at::MODEL)?)]);
    message.int(round::STATE, if settled { STATE_SETTLED } else { STATE_OPEN });
    message.int(round::STEP, i64::try_from(actions.len())?);
    message.message(round::BET, bet);
    for action in &actions {
        message.message(round::ACTIONS, action.as_bytes());
    }
    message.message(round::OUTCOME, outcome);
    message.text(round::CURRENCY_CODE, &[currency.as_bytes()]);
    message.int(round::STAKE_MICROS, int(step_row, at::STAKE)?);
    message.int(round::PAYOUT_MICROS, int(step_row, at::PAYOUT)?);
    message.int(round::BALANCE_BEFORE_MICROS, int(round_row, at::BALANCE_BEFORE)?);
    message.int(round::BALANCE_MICROS, int(step_row, at::BALANCE)?);
    message.int(round::REVISION, int(step_row, at::REVISION)?);
    message.int(round::SEED_NUMBER, int(round_row, at::SEED_NUMBER)?);
    message.text(round::SERVER_SEED_HASH, &[&hex(bytes(round_row, at::COMMITMENT)?)]);
    message.text(round::CLIENT_SEED, &[text(round_row, at::CLIENT_SEED)?.as_bytes()]);
    message.time(round::CREATE_TIME, create_time_ms);
    if settled {
        message.time(round::SETTLE_TIME, int(step_row, at::TIME)?);
    }
    Ok(encode_field(py, outer, &message.0))
}

/// SHA-256 over the chain hash before and the fields of an entry in their order: big-endian, ids and hashes in their full length. Values that do not fit
/// raise OverflowError or ValueError.
#[pyfunction]
#[pyo3(signature = (previous, revision, epoch, kind, reference, session, step, stake, payout, transfer, balance, time_ms, detail, /))]
#[allow(clippy::too_many_arguments, reason = "an entry has that many fields, and a flat call is the cheapest one from Python")]
pub fn chain_hash<'py>(
    py: Python<'py>,
    previous: &[u8],
    revision: u64,
    epoch: u32,
    kind: u8,
    reference: &[u8],
    session: &[u8],
    step: u32,
    stake: i64,
    payout: i64,
    transfer: i64,
    balance: i64,
    time_ms: u64,
    detail: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let hash = Sha256::new()
        .chain_update(sized::<32>(previous)?)
        .chain_update(revision.to_be_bytes())
        .chain_update(epoch.to_be_bytes())
        .chain_update([kind])
        .chain_update(sized::<16>(reference)?)
        .chain_update(sized::<16>(session)?)
        .chain_update(step.to_be_bytes())
        .chain_update(stake.to_be_bytes())
        .chain_update(payout.to_be_bytes())
        .chain_update(transfer.to_be_bytes())
        .chain_update(balance.to_be_bytes())
        .chain_update(time_ms.to_be_bytes())
        .chain_update(sized::<32>(detail)?)
        .finalize();
    Ok(PyBytes::new(py, &hash))
}

/// SHA-256 over parts, each behind its length in four bytes, big-endian.
#[pyfunction]
#[pyo3(signature = (*parts))]
pub fn digest<'py>(py: Python<'py>, parts: Vec<Bound<'py, PyBytes>>) -> PyResult<Bound<'py, PyBytes>> {
    let mut hash = Sha256::new();
    for part in &parts {
        hash.update(u32::try_from(part.as_bytes().len())?.to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(PyBytes::new(py, &hash.finalize()))
}

/// The 16 bytes of a UUIDv7 (RFC 9562) in its canonical text form, lower case; None for any other text.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn uuid7_bytes<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyBytes>> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut id = [0; 16];
    let digits = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    for (byte, at) in id.iter_mut().zip(digits) {
        *byte = nibble(text[at])? << 4 | nibble(text[at + 1])?;
    }
    let (version, variant) = (id[6] >> 4, id[8] >> 6);
    (version == 7 && variant == 0b10).then(|| PyBytes::new(py, &id))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn int(tuple: &Bound<'_, PyTuple>, position: usize) -> PyResult<i64> {
    tuple.get_borrowed_item(position)?.extract()
}

fn bytes<'a>(tuple: &'a Bound<'_, PyTuple>, position: usize) -> PyResult<&'a [u8]> {
    Ok(tuple.get_borrowed_item(position)?.extract()?)
}

fn text<'a>(tuple: &'a Bound<'_, PyTuple>, position: usize) -> PyResult<&'a str> {
    tuple.get_borrowed_item(position)?.extract()
}

fn sized<const N: usize>(value: &[u8]) -> PyResult<&[u8; N]> {
    value.try_into().map_err(|_| PyValueError::new_err(format!("{N} bytes are expected, not {}", value.len())))
}

/// Lower-case hexadecimal.
fn hex(value: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    value.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// The text form of a UUID.
fn uuid(id: &[u8]) -> PyResult<[u8; 36]> {
    let digits = hex(sized::<16>(id)?);
    let mut text = [b'-'; 36];
    for (to, from) in [(0..8, 0..8), (9..13, 8..12), (14..18, 12..16), (19..23, 16..20), (24..36, 20..32)] {
        text[to].copy_from_slice(&digits[from]);
    }
    Ok(text)
}
