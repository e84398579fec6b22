"""Rows as MessagePack: how sessions, seeds, rounds, transfers and epochs are stored, and how all rows cross the bridge to the native store.

New fields go to the end, with a default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from croupier.model import Entry, Epoch, Key, Kind, Round, Row, Seed, Session, Transfer, Wallet, WalletWrite
from croupier.stores.store import Document

KIND_NUMBERS: dict[Kind, int] = {"session": 1, "seed": 2, "round": 3, "transfer": 4, "epoch": 5}
"""Stored number of each kind of row; the wallet's own row has columns instead."""

_encoder = msgspec.msgpack.Encoder()
_decode_entry = msgspec.msgpack.Decoder(Entry).decode
_decoders: dict[Kind, msgspec.msgpack.Decoder[Row]] = {
    "wallet": msgspec.msgpack.Decoder(Wallet),
    "session": msgspec.msgpack.Decoder(Session),
    "seed": msgspec.msgpack.Decoder(Seed),
    "round": msgspec.msgpack.Decoder(Round),
    "transfer": msgspec.msgpack.Decoder(Transfer),
    "epoch": msgspec.msgpack.Decoder(Epoch),
}


def encode_keys(keys: Sequence[Key]) -> bytes:
    """Keys as WalletRows.load reads them."""
    return _encoder.encode(keys)


def encode_writes(writes: Sequence[WalletWrite]) -> bytes:
    """Writes as WalletRows.write reads them; within them each row has its stored form."""
    return _encoder.encode(writes)


def decode(key: Key, body: bytes) -> Row:
    """The row stored under `key`; a wallet's columns in the order of its fields."""
    return _decoders[key.kind].decode(body)


def encode_row(row: Row | Entry) -> bytes:
    """The stored form of one row."""
    return _encoder.encode(row)


def decode_entry(body: bytes) -> Entry:
    """The entry that `encode_row` encoded."""
    return _decode_entry(body)


def document_digest(document: Document) -> bytes:
    """SHA-256 over a document, so that a damaged one is noticed: no hash chain covers documents."""
    return hashlib.sha256(_encoder.encode((document.kind, document.id, document.version, document.body))).digest()
