"""Frozen values that the whole server shares: keys, rows of a wallet's partition, and what a decision is.

Money is int micros (1,000,000 a unit of the currency), times are int milliseconds since the epoch, ids are the 16 bytes of a UUIDv7.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal, NamedTuple

from msgspec import Struct

GENESIS_EPOCH = 1
WITHOUT_ENTRY_MS = 0
"""When an epoch closed that ended without an entry, because its wallet moved to another region."""

Kind = Literal["wallet", "session", "seed", "round", "transfer", "epoch"]


class WalletKey(NamedTuple):
    """One player's money in one currency: the partition that every row below belongs to."""

    operator: str
    player: str
    currency: str

    def __str__(self) -> str:
        return f"operators/{self.operator}/players/{self.player}/wallets/{self.currency}"


class Key(Struct, frozen=True, array_like=True, cache_hash=True, gc=False):
    """Where a row lies: `id` is empty for the wallet itself, 16 bytes for sessions, rounds and transfers,
    session id + number (4 bytes, big-endian) for seeds, number (4 bytes) for epochs.
    """

    wallet: WalletKey
    kind: Kind
    id: bytes


class Wallet(Struct, frozen=True, array_like=True):
    """The head of a wallet: what the next conditional write is checked against."""

    balance_micros: int
    revision: int
    """Number of entries so far; the condition of every write."""
    chain_hash: bytes
    """SHA-256 over the entry before and the last one."""
    epoch: int
    epoch_first_revision: int
    deposited_micros: int
    withdrawn_micros: int
    staked_micros: int
    paid_micros: int
    create_time_ms: int


class Seed(Struct, frozen=True, array_like=True):
    """One server seed of a session."""

    number: int
    """From 1, one more at each rotation."""
    commitment: bytes
    """SHA-256 of the server seed, shown before the first round."""
    sealed: bytes
    """The server seed under AES-256-GCM, see vault.py."""
    client_seed: str
    first_round: int
    last_round: int
    create_time_ms: int
    revealed: bytes = b""
    """The server seed itself, once rotated away."""
    reveal_time_ms: int = 0


class NextSeed(Struct, frozen=True, array_like=True):
    """The server seed that takes over at the next rotation; its commitment is public already."""

    commitment: bytes
    sealed: bytes


class Session(Struct, frozen=True, array_like=True):
    """One player at one game."""

    id: bytes
    game: str
    model: bytes
    """SHA-256 of the model file; fixed for the session's life."""
    rounds: int
    """Number of the last round; 0 before the first."""
    open_round: bytes
    """Id of the round that waits for an action; empty if none does."""
    seed: Seed
    next_seed: NextSeed
    create_time_ms: int
    opened_client_seed: str
    """As asked for at the opening, to tell a repeated request from another one."""
    close_time_ms: int = 0
    """0 while open."""


class Step(Struct, frozen=True, array_like=True):
    """What one step of a round came to; with the round's own fields, the stored answer."""

    action: bytes
    """A croupier.v1.Action, encoded; empty for step 0, the play."""
    outcome: bytes
    """A croupier.v1.Outcome, encoded."""
    stake_micros: int
    """All that was staked in the round up to this step."""
    payout_micros: int
    balance_micros: int
    """After this step."""
    revision: int
    time_ms: int


class Round(Struct, frozen=True, array_like=True):
    """From stake to settlement."""

    id: bytes
    session: bytes
    number: int
    """In the session, from 1: the n of the draw's key."""
    model: bytes
    bet: bytes
    """A croupier.v1.Bet, encoded."""
    seed_number: int
    commitment: bytes
    client_seed: str
    balance_before_micros: int
    engine_state: bytes
    """What the engine resumes from; opaque, empty once settled."""
    settled: bool
    steps: tuple[Step, ...]


class TransferKind(IntEnum):
    """Which way a transfer goes; numbers as in croupier.v1.TransferKind."""

    DEPOSIT = 1
    WITHDRAWAL = 2


class Transfer(Struct, frozen=True, array_like=True):
    """Money in or out of a wallet."""

    id: bytes
    kind: TransferKind
    amount_micros: int
    """Above 0, whichever way it goes."""
    reference: str
    balance_micros: int
    revision: int
    time_ms: int


class Epoch(Struct, frozen=True, array_like=True):
    """A closed stretch of a wallet's ledger: its last revision and what the next epoch opened with."""

    number: int
    last_revision: int
    balance_micros: int
    chain_hash: bytes
    close_time_ms: int
    """That of the next entry, or WITHOUT_ENTRY_MS."""


class EntryKind(IntEnum):
    """What an entry records; numbers as in croupier.v1.EntryKind."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    ROUND = 3
    SESSION_OPENED = 4
    SESSION_CLOSED = 5
    SEED_ROTATED = 6
    CLIENT_SEED_SET = 7


class Entry(Struct, frozen=True, array_like=True):
    """One line of a wallet's ledger. Every change of a wallet is one, also those without money."""

    revision: int
    epoch: int
    kind: EntryKind
    reference: bytes
    """Id of the round, transfer or session."""
    session: bytes
    """Id of the session; 16 zero bytes for transfers."""
    step: int
    stake_micros: int
    payout_micros: int
    transfer_micros: int
    """Above 0 for a deposit, below 0 for a withdrawal."""
    balance_micros: int
    time_ms: int
    detail: bytes
    """SHA-256 of what the entry is about (bet, action, outcome …), so that the chain covers it too."""
    chain_hash: bytes


Row = Wallet | Session | Seed | Round | Transfer | Epoch


class Decision(Struct, frozen=True):
    """What a decided call writes, in one conditional write, and what its caller is told once that is committed."""

    wallet: Wallet
    entries: tuple[Entry, ...]
    answer: object
    creates: tuple[tuple[Key, Row], ...] = ()
    """Rows whose ids must be new."""
    updates: tuple[tuple[Key, Row], ...] = ()
    """Rows that may exist; the wallet's revision guards them."""

    def proves_new(self, keys: Sequence[Key]) -> bool:
        """Whether the write is refused unless each of `keys` is new."""
        created = self.creates
        if len(keys) == 1 and len(created) == 1:
            return keys[0] == created[0][0]
        return not keys or {key for key, _ in created}.issuperset(keys)


class Answer(Struct, frozen=True):
    """A decision that writes nothing: the call was done before, or changes nothing."""

    answer: object


class NeedState(Struct, frozen=True):
    """The decision needs rows that were not loaded: load these, then decide again."""

    keys: tuple[Key, ...]


State = dict[Key, Row | None]
"""Rows as last committed (or decided before in the same batch); None where a row is known not to exist."""


class WalletWrite(Struct, frozen=True, array_like=True):
    """ONE conditional write: applied only if the stored revision is `expected_revision` and every id in `creates` is new."""

    key: WalletKey
    expected_revision: int
    """0: the wallet must not exist."""
    wallet: Wallet
    entries: tuple[Entry, ...]
    creates: tuple[tuple[Key, Row], ...]
    updates: tuple[tuple[Key, Row], ...]


def seed_key(wallet: WalletKey, session: bytes, number: int) -> Key:
    """The key of a revealed seed."""
    return Key(wallet, "seed", session + number.to_bytes(4, "big"))


def epoch_key(wallet: WalletKey, number: int) -> Key:
    """The key of a closed epoch."""
    return Key(wallet, "epoch", number.to_bytes(4, "big"))
