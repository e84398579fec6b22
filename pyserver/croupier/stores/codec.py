"""Rows as MessagePack: how sessions, seeds, rounds, transfers and epochs are stored. New fields go to the end, with a default."""

from __future__ import annotations

import hashlib

import msgspec

from croupier.model import Epoch, Key, Kind, Round, Row, Seed, Session, Transfer, Wallet
from croupier.stores.store import Document

KIND_NUMBERS: dict[Kind, int] = {"session": 1, "seed": 2, "round": 3, "transfer": 4, "epoch": 5}
"""Stored number of each kind of row; the wallet's own row has columns instead."""

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[Kind, msgspec.msgpack.Decoder[Session | Seed | Round | Transfer | Epoch]] = {
    "session": msgspec.msgpack.Decoder(Session),
    "seed": msgspec.msgpack.Decoder(Seed),
    "round": msgspec.msgpack.Decoder(Round),
    "transfer": msgspec.msgpack.Decoder(Transfer),
    "epoch": msgspec.msgpack.Decoder(Epoch),
}


def encode(row: Row) -> bytes:
    """A row's stored form."""
    assert not isinstance(row, Wallet), "a wallet's head is stored in columns"
    return _encoder.encode(row)


def decode(key: Key, body: bytes) -> Row:
    """The row stored under `key`."""
    return _decoders[key.kind].decode(body)


def document_digest(document: Document) -> bytes:
    """SHA-256 over a document, so that a damaged one is noticed: no hash chain covers documents."""
    return hashlib.sha256(_encoder.encode((document.kind, document.id, document.version, document.body))).digest()
