"""The seeds of a session: drawn, sealed, committed to, rotated, revealed."""

from __future__ import annotations

import hashlib

from msgspec import structs

from croupier.limits import Limits
from croupier.model import NextSeed, Seed, Session, WalletKey
from croupier.operations.house import Entropy, House
from croupier.vault import NONCE_BYTES, SEED_BYTES


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


def is_due(limits: Limits, session: Session, now_ms: int) -> bool:
    """The seed in force has served its count or its time (R3)."""
    rounds = session.rounds - session.seed.first_round + 1
    return rounds >= limits.seed_max_rounds or now_ms - session.seed.create_time_ms >= limits.seed_max_age_ms


def server_seed(house: House, wallet: WalletKey, session: Session) -> bytes:
    """The server seed in force, opened."""
    return house.vault.open(session.seed.sealed, bound_to(wallet, session.id))


def bound_to(wallet: WalletKey, session: bytes) -> bytes:
    """What a sealed seed is authenticated with."""
    return f"{wallet}/sessions/".encode() + session
