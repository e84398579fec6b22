"""One session inside its wallet's ledger: what its rows must say, given the entries in order.

Client seeds and commitments are known from the entries alone: SESSION_OPENED holds the first two commitments and the client seed, SEED_ROTATED the
revealed seed and the commitment after the next, CLIENT_SEED_SET the new client seed. So every field of every row follows from the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from croupier.errors import StoreUnusable
from croupier.model import Entry, EntryKind, NextSeed, Round, Seed, Session, WalletKey
from croupier.operations import ledger, seeds
from croupier.vault import Vault

Complain = Callable[[str], None]
SeedOf = Callable[[int], Awaitable[Seed | None]]
"""The revealed seed of that number, if it is stored."""


class SessionTrace:
    """Follows one session from its first entry on. `complain` is told what does not fit."""

    def __init__(self, wallet: WalletKey, row: Session, seed_of: SeedOf, vault: Vault | None, complain: Complain) -> None:
        self.row = row
        self.rounds = 0
        self.round: Round | None = None
        """The round whose steps are being followed."""
        self.unopened_seeds = 0
        self.opened_seeds = 0
        self.is_closed = False
        self._wallet = wallet
        self._seed_of = seed_of
        self._vault = vault
        self._complain = complain
        self._number = 1
        self._in_force = b""
        self._first_round = 1
        self._create_time_ms = row.create_time_ms
        opened_client_seed = row.opened_client_seed or row.id.hex()
        self._client_digest = ledger.digest(opened_client_seed.encode())
        self._steps = 0
        self._staked_micros = 0

    async def opened(self, entry: Entry) -> None:
        """SESSION_OPENED."""
        row = self.row
        self._in_force = await self._commitment(1)
        self._expect("id", row.id, entry.reference)
        self._expect("creation time", row.create_time_ms, entry.time_ms)
        detail = ledger.digest(row.model, self._in_force, await self._commitment(2), row.game.encode(), row.opened_client_seed.encode())
        self._expect("opening (model, game, commitments, client seed)", detail, entry.detail)

    def client_seed_set(self, entry: Entry) -> None:
        """CLIENT_SEED_SET: only the digest is known; the rows that carry the seed are held against it."""
        self._client_digest = entry.detail

    async def seed_rotated(self, entry: Entry) -> None:
        """SEED_ROTATED: the seed in force is revealed, the next one takes over."""
        revealed = await self._reveal(entry)
        detail = ledger.digest(revealed, await self._commitment(self._number + 2))
        self._expect("rotation (seed, commitment after the next)", detail, entry.detail)
        self._number += 1
        self._in_force = await self._commitment(self._number)
        self._first_round = self.rounds + 1
        self._create_time_ms = entry.time_ms

    async def closed(self, entry: Entry) -> None:
        """SESSION_CLOSED."""
        revealed = await self._reveal(entry)
        self._expect("closing (seed)", ledger.digest(revealed), entry.detail)
        self._expect("closing time", self.row.close_time_ms, entry.time_ms)
        self._expect("last seed", self.row.seed, await self._seed_of(self._number))
        self.is_closed = True

    def stepped(self, entry: Entry, round_: Round | None) -> None:
        """ROUND: `round_` is the stored row for step 0, and None for later steps."""
        if entry.step == 0:
            assert round_ is not None
            self._start(entry, round_)
        round_ = self.round
        if round_ is None or round_.id != entry.reference:
            self._complain(f"step {entry.step} of round {entry.reference.hex()} follows no play of it")
            return
        self._staked_micros += entry.stake_micros
        self._step(entry, round_)

    def finished(self) -> None:
        """After the wallet's last entry: the session's own row."""
        row = self.row
        if self.round is not None and self._steps < len(self.round.steps):
            self._complain(f"round {self.round.id.hex()} has {len(self.round.steps)} steps, the ledger {self._steps}")
        waits = self.round is not None and not self.round.settled
        self._expect("open round", row.open_round, self.round.id if waits and self.round else b"")
        self._expect("number of rounds", row.rounds, self.rounds)
        self._seed_fields(row.seed, is_revealed=self.is_closed)
        if not self.is_closed:
            self._expect("closing time", row.close_time_ms, 0)
        self._open(row.seed.sealed, row.seed.commitment)
        self._next(row.next_seed)

    async def server_seed(self, number: int) -> bytes | None:
        """The server seed of that number: revealed, or opened with the key file; None if neither can be."""
        stored = await self._seed_of(number)
        if stored is not None and stored.revealed:
            return stored.revealed
        if self._vault is None or number != self.row.seed.number:
            return None
        try:
            return self._vault.open(self.row.seed.sealed, seeds.bound_to(self._wallet, self.row.id))
        except StoreUnusable:
            return None

    def _start(self, entry: Entry, round_: Round) -> None:
        if self.round is not None and (self._steps < len(self.round.steps) or not self.round.settled):
            self._complain(f"round {round_.id.hex()} starts before round {self.round.id.hex()} is settled")
        self.rounds += 1
        self.round, self._steps, self._staked_micros = round_, 0, 0
        what = f"round {round_.id.hex()}: "
        self._expect(what + "id", round_.id, entry.reference)
        self._expect(what + "session", round_.session, self.row.id)
        self._expect(what + "number", round_.number, self.rounds)
        self._expect(what + "model", round_.model, self.row.model)
        self._expect(what + "seed number", round_.seed_number, self._number)
        self._expect(what + "commitment", round_.commitment, self._in_force)
        self._expect(what + "client seed", ledger.digest(round_.client_seed.encode()), self._client_digest)
        self._expect(what + "balance before", round_.balance_before_micros, entry.balance_micros + entry.stake_micros - entry.payout_micros)
        if round_.settled and round_.engine_state:
            self._complain(what + "it is settled, yet has a state to resume from")

    def _step(self, entry: Entry, round_: Round) -> None:
        what = f"round {round_.id.hex()} step {entry.step}: "
        self._expect(what + "number", entry.step, self._steps)
        if entry.step >= len(round_.steps):
            self._complain(what + "the round's row lacks it")
            return
        self._steps += 1
        step = round_.steps[entry.step]
        self._expect(
            what + "content (bet or action, outcome)", ledger.digest(step.action if entry.step else round_.bet, step.outcome), entry.detail
        )
        if entry.step == 0:
            self._expect(what + "action", step.action, b"")
        self._expect(what + "stake", step.stake_micros, self._staked_micros)
        self._expect(what + "payout", step.payout_micros, entry.payout_micros)
        self._expect(what + "balance", step.balance_micros, entry.balance_micros)
        self._expect(what + "revision", step.revision, entry.revision)
        self._expect(what + "time", step.time_ms, entry.time_ms)

    async def _reveal(self, entry: Entry) -> bytes:
        """Checks the revealed seed in force; the server seed, empty if it is missing."""
        stored = await self._seed_of(self._number)
        if stored is None:
            self._complain(f"the revealed seed {self._number} is missing")
            return b""
        self._seed_fields(stored, is_revealed=True)
        what = f"seed {self._number}: "
        self._expect(what + "reveal time", stored.reveal_time_ms, entry.time_ms)
        self._expect(what + "commitment of what was revealed", hashlib.sha256(stored.revealed).digest(), stored.commitment)
        self._open(stored.sealed, stored.commitment)
        return stored.revealed

    def _seed_fields(self, seed: Seed, *, is_revealed: bool) -> None:
        what = f"seed {self._number}: "
        self._expect(what + "number", seed.number, self._number)
        self._expect(what + "commitment", seed.commitment, self._in_force)
        self._expect(what + "client seed", ledger.digest(seed.client_seed.encode()), self._client_digest)
        self._expect(what + "first round", seed.first_round, self._first_round)
        self._expect(what + "creation time", seed.create_time_ms, self._create_time_ms)
        last = self.rounds if self.rounds >= self._first_round else 0
        self._expect(what + "last round", seed.last_round, last if is_revealed else 0)
        if not is_revealed and (seed.revealed or seed.reveal_time_ms):
            self._complain(what + "it is in force, yet revealed")

    def _next(self, seed: NextSeed) -> None:
        self._open(seed.sealed, seed.commitment)

    def _open(self, sealed: bytes, commitment: bytes) -> None:
        if self._vault is None:
            self.unopened_seeds += 1
            return
        try:
            seed = self._vault.open(sealed, seeds.bound_to(self._wallet, self.row.id))
        except StoreUnusable as error:
            self._complain(str(error))
            return
        self.opened_seeds += 1
        self._expect("sealed seed's commitment", hashlib.sha256(seed).digest(), commitment)

    async def _commitment(self, number: int) -> bytes:
        """The commitment of that seed, from whichever row holds it."""
        row = self.row
        if number == row.seed.number:
            return row.seed.commitment
        if number == row.seed.number + 1:
            return row.next_seed.commitment
        stored = await self._seed_of(number)
        return stored.commitment if stored else b""

    def _expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._complain(f"{what} is not what the ledger says")


KINDS = frozenset({EntryKind.SESSION_OPENED, EntryKind.SESSION_CLOSED, EntryKind.SEED_ROTATED, EntryKind.CLIENT_SEED_SET, EntryKind.ROUND})
"""Kinds of entries that belong to a session."""
