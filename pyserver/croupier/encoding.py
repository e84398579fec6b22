"""What every round needs encoded or hashed, done natively: fields and messages on the wire, ids, the ledger's hashes."""

from __future__ import annotations

from croupier._engine import chain_hash, digest, encode_field, encode_round, uuid7_bytes

__all__ = ["chain_hash", "digest", "encode_field", "encode_round", "uuid7_bytes"]
