"""The ledger's hash chain, recomputed: whether a run of entries is unaltered and complete. docs/fairness.md describes the bytes."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterable

from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import wallet_service_pb2 as wallets

_ENTRY = struct.Struct(">32s Q I B 16s 16s I q q q q Q 32s")


def genesis(wallet: str) -> bytes:
    """The hash before the first entry: SHA-256 of the wallet's name."""
    return hashlib.sha256(wallet.encode()).digest()


def chain_hash(previous: bytes, entry: wallets.Entry) -> bytes:
    """What the entry's chain hash must be after an entry whose chain hash is `previous`."""
    packed = _ENTRY.pack(
        previous,
        entry.revision,
        entry.epoch,
        entry.kind,
        uuid.UUID(entry.reference_id).bytes,
        uuid.UUID(entry.session_id).bytes if entry.session_id else bytes(16),
        entry.step,
        entry.stake_micros,
        entry.payout_micros,
        entry.transfer_micros,
        entry.balance_micros,
        entry.create_time.ToMilliseconds(),
        bytes.fromhex(entry.detail_hash),
    )
    return hashlib.sha256(packed).digest()


def round_detail(round_: rounds.Round) -> str:
    """What the entry of the round's last step must hold as `detail_hash`: its bet or action, and the outcome."""
    decided = round_.actions[-1] if round_.actions else round_.bet
    return detail_hash(decided.SerializeToString(deterministic=True), round_.outcome.SerializeToString(deterministic=True))


def detail_hash(*parts: bytes) -> str:
    """SHA-256 in hex over the parts, each after its length in four bytes."""
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()


def verify_ledger(wallet: wallets.Wallet, entries: Iterable[wallets.Entry]) -> list[str]:
    """Checks a wallet's whole ledger, oldest entry first, against its head; one sentence for each thing that does not fit."""
    found: list[str] = []
    previous, revision, balance = genesis(wallet.name), 0, 0
    for entry in entries:
        if entry.revision != revision + 1:
            found.append(f"revision {entry.revision} follows {revision}")
        elif chain_hash(previous, entry).hex() != entry.chain_hash:
            found.append(f"revision {entry.revision}: the chain hash does not follow from the entry before and this one")
        expected = balance + entry.transfer_micros - entry.stake_micros + entry.payout_micros
        if entry.balance_micros != expected:
            found.append(f"revision {entry.revision}: the balance is {entry.balance_micros}, recomputed {expected}")
        previous, revision, balance = bytes.fromhex(entry.chain_hash), entry.revision, entry.balance_micros
    if (wallet.revision, wallet.chain_hash, wallet.balance_micros) != (revision, previous.hex(), balance):
        found.append(f"the wallet stands at revision {wallet.revision} with another hash or balance than its last entry, {revision}")
    return found
