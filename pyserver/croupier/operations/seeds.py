"""The seeds of a session: drawn, sealed, committed to, rotated, revealed."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from msgspec import structs

from croupier.limits import Limits
from croupier.model import Entry, EntryKind, Key, NextSeed, Row, Seed, Session, Wallet, WalletKey, seed_key
from croupier.operations import ledger
from croupier.operations.house import Entropy, House
from croupier.vault import NONCE_BYTES, SEED_BYTES, Vault

_MAX_OPEN = 4_096
"""Seeds kept open: a session that is being played opens its seed once, not once a round."""


def draw(house: House, wallet: WalletKey, session: bytes, entropy: Entropy) -> NextSeed:
    """A fresh server seed from the OS, sealed for this session (R1, R2)."""
    seed = entropy(SEED_BYTES)
    return NextSeed(hashlib.sha256(seed).digest(), house.vault.seal(seed, bound_to(wallet, session), entropy(NONCE_BYTES)))


def first(house: House, wallet: WalletKey, session: bytes, client_seed: str, now_ms: int, entropy: Entropy) -> Seed:
    """The seed that a session opens with."""
    drawn = draw(house, wallet, session, entropy)
    return Seed(1, drawn.commitment, drawn.sealed, client_seed, 1, 0, now_ms)


def rotate(house: House, wallet: WalletKey, session: Session, client_seed: str, now_ms: int, entropy: Entropy) -> tuple[Session, Seed]:
    """The session under its next seed, whose commitment was public before, and the seed in force until now, revealed."""
    old = session.seed
    revealed = structs.replace(old, revealed=server_seed(house, wallet, session), reveal_time_ms=now_ms, last_round=last_round(session))
    seed = Seed(
        old.number + 1,
        session.next_seed.commitment,
        session.next_seed.sealed,
        client_seed or old.client_seed,
        session.rounds + 1,
        0,
        now_ms,
    )
    return structs.replace(session, seed=seed, next_seed=draw(house, wallet, session.id, entropy)), revealed


def last_round(session: Session) -> int:
    """Number of the last round under the seed in force; 0 if none was played."""
    return session.rounds if session.rounds >= session.seed.first_round else 0


def rotate_if_due(
    house: House, key: WalletKey, wallet: Wallet, session: Session, now_ms: int, entropy: Entropy
) -> tuple[Wallet, Session, tuple[Entry, ...], tuple[tuple[Key, Row], ...]]:
    """Rotates the seed once it has served its count or time (R3) and no round is open; the entry and rows to write beside the round's.

    After a round, never before one: which seed a round draws from is then fixed by what was committed before it, so no clock that passes
    between two attempts at a round can change its outcome.
    """
    if session.open_round or not _is_due(house.limits, session, now_ms):
        return wallet, session, (), ()
    session, revealed = rotate(house, key, session, "", now_ms, entropy)
    wallet, epochs = ledger.roll_epoch(key, wallet, house.limits.epoch_max_entries, now_ms)
    detail = ledger.digest(revealed.revealed, session.next_seed.commitment)
    wallet, entry = ledger.append(wallet, EntryKind.SEED_ROTATED, session.id, now_ms, session=session.id, detail=detail)
    return wallet, session, (entry,), (*epochs, (seed_key(key, session.id, revealed.number), revealed))


def server_seed(house: House, wallet: WalletKey, session: Session) -> bytes:
    """The server seed in force, opened."""
    return _opened(house.vault, session.seed.sealed, wallet, session.id)


def bound_to(wallet: WalletKey, session: bytes) -> bytes:
    """What a sealed seed is authenticated with."""
    return f"{wallet}/sessions/".encode() + session


@lru_cache(_MAX_OPEN)
def _opened(vault: Vault, sealed: bytes, wallet: WalletKey, session: bytes) -> bytes:
    return vault.open(sealed, bound_to(wallet, session))


def _is_due(limits: Limits, session: Session, now_ms: int) -> bool:
    rounds = session.rounds - session.seed.first_round + 1
    return rounds >= limits.seed_max_rounds or now_ms - session.seed.create_time_ms >= limits.seed_max_age_ms
