"""One wallet: its ledger from the first entry to the head, and every row that an entry is about."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from croupier.audit.report import Report
from croupier.audit.session import KINDS, SessionTrace
from croupier.currencies import STEP_MICROS
from croupier.engine import Catalog
from croupier.errors import StoreFailed
from croupier.model import (
    WITHOUT_ENTRY_MS,
    Entry,
    EntryKind,
    Epoch,
    Key,
    Round,
    Row,
    Seed,
    Session,
    Transfer,
    TransferKind,
    Wallet,
    WalletKey,
    epoch_key,
    seed_key,
)
from croupier.operations import ledger, replay
from croupier.operations.ledger import drift_micros
from croupier.stores.store import EntryQuery, Reads
from croupier.vault import Vault

_PAGE_ENTRIES = 1_000
_EMPTY_EPOCHS_MAX = 10_000
"""Epochs between two entries that are looked for; a wallet would have to move that often in between."""
R = TypeVar("R", bound=Row)


class Tools(Struct, frozen=True):
    """What an audit works with beside the store."""

    catalog: Catalog
    vault: Vault | None = None
    """Opens sealed seeds; without it they are counted as unopened."""
    replays: bool = False
    """Play every round again whose seed is known."""


class WalletAudit:
    """Walks one wallet. Memory grows with its open sessions, not with its history."""

    def __init__(self, reads: Reads, key: WalletKey, tools: Tools, report: Report, progress: Callable[[int], None]) -> None:
        """`progress` is told how many entries were read since it was last told."""
        self._reads = reads
        self._key = key
        self._tools = tools
        self._report = report
        self._progress = progress
        self._sessions: dict[bytes, SessionTrace] = {}
        self._revision = 0
        self._is_chained = True
        self._entries_sum_micros = 0

    async def run(self) -> Wallet | None:
        """Notes every problem in the report; the head as it must be by the entries, None where the wallet cannot be read."""
        head = await self._load(Key(self._key, "wallet", b""), Wallet)
        if head is None:
            self._complain("the wallet's row cannot be read")
            return None
        walked = ledger.new_wallet(self._key, head.create_time_ms)
        async for entry in self._entries():
            if walked.revision == 0 and entry.time_ms != head.create_time_ms:
                self._complain("the wallet was not created with its first entry")
            walked = await self._follow(walked, entry)
        for trace in self._sessions.values():
            self._finish(trace)
        walked = await self._after_moves(head, walked)
        self._check_head(head, walked)
        self._report.wallets += 1
        self._report.broken_chains += not self._is_chained
        return walked

    async def _entries(self) -> AsyncIterator[Entry]:
        after = 0
        while True:
            try:
                page = await self._reads.entries(EntryQuery(self._key, limit=_PAGE_ENTRIES, after_revision=after, oldest_first=True))
            except (StoreFailed, ValueError, TypeError) as error:
                self._break(f"the entries after revision {after} cannot be read: {error}")
                return
            for entry in page:
                yield entry
            self._progress(len(page))
            if len(page) < _PAGE_ENTRIES:
                return
            after = page[-1].revision

    async def _follow(self, before: Wallet, entry: Entry) -> Wallet:
        """The wallet after `entry`, as the entry has it; what does not follow from the wallet before is noted."""
        self._revision = entry.revision
        self._report.entries += 1
        if entry.revision != before.revision + 1:
            self._break(f"revisions {before.revision + 1} to {entry.revision - 1} are missing")
        if ledger.chain(before.chain_hash, entry) != entry.chain_hash:
            self._break("the chain hash does not follow from the entry before and this one")
        if entry.epoch != before.epoch:
            await self._roll(before, entry)
        added = entry.payout_micros - entry.stake_micros + entry.transfer_micros
        self._entries_sum_micros += added
        if entry.balance_micros != before.balance_micros + added or entry.balance_micros < 0:
            self._complain("the balance is not the balance before plus what the entry adds")
        await self._about(entry)
        return Wallet(
            entry.balance_micros,
            entry.revision,
            entry.chain_hash,
            entry.epoch,
            entry.revision if entry.epoch != before.epoch else before.epoch_first_revision,
            before.deposited_micros + max(entry.transfer_micros, 0),
            before.withdrawn_micros - min(entry.transfer_micros, 0),
            before.staked_micros + entry.stake_micros,
            before.paid_micros + entry.payout_micros,
            before.create_time_ms,
        )

    async def _roll(self, before: Wallet, entry: Entry) -> None:
        """The epoch before this entry must be closed by a row that says how it ended; so must those between them, which ended without an entry."""
        if entry.epoch < before.epoch:
            self._complain(f"epoch {entry.epoch} comes after epoch {before.epoch}")
        for number in range(before.epoch, min(entry.epoch, before.epoch + _EMPTY_EPOCHS_MAX)):
            await self._closed(before, number, entry.time_ms if number == entry.epoch - 1 else WITHOUT_ENTRY_MS)

    async def _after_moves(self, head: Wallet, walked: Wallet) -> Wallet:
        """The wallet after its last entry, and after the epochs that ended since, without an entry."""
        if head.epoch <= walked.epoch or head.epoch_first_revision != head.revision + 1:
            return walked
        for number in range(walked.epoch, min(head.epoch, walked.epoch + _EMPTY_EPOCHS_MAX)):
            await self._closed(walked, number, WITHOUT_ENTRY_MS)
        return structs.replace(walked, epoch=head.epoch, epoch_first_revision=walked.revision + 1)

    async def _closed(self, before: Wallet, number: int, close_time_ms: int) -> None:
        """An epoch's end, at that time or without an entry, must be what the wallet was before."""
        self._report.epochs += 1
        row = await self._load(epoch_key(self._key, number), Epoch)
        if row and row.close_time_ms == WITHOUT_ENTRY_MS:
            close_time_ms = WITHOUT_ENTRY_MS
        if row != Epoch(number, before.revision, before.balance_micros, before.chain_hash, close_time_ms):
            self._complain(f"epoch {number} is not closed as the ledger says")

    async def _about(self, entry: Entry) -> None:
        """The row that the entry is about."""
        if entry.kind in KINDS:
            await self._about_session(entry)
            return
        self._report.transfers += 1
        row = await self._load(Key(self._key, "transfer", entry.reference), Transfer)
        if row is None:
            self._complain(f"transfer {entry.reference.hex()} is missing")
            return
        kind = TransferKind.DEPOSIT if entry.kind is EntryKind.DEPOSIT else TransferKind.WITHDRAWAL
        amount = entry.transfer_micros if kind is TransferKind.DEPOSIT else -entry.transfer_micros
        expected = Transfer(entry.reference, kind, amount, row.reference, entry.balance_micros, entry.revision, entry.time_ms)
        if row != expected or ledger.digest(row.reference.encode()) != entry.detail:
            self._complain(f"transfer {entry.reference.hex()} is not what the ledger says")

    async def _about_session(self, entry: Entry) -> None:
        trace = await self._open(entry) if entry.kind is EntryKind.SESSION_OPENED else self._sessions.get(entry.session)
        if trace is None:
            self._complain(f"the entry belongs to session {entry.session.hex()}, which is not open here")
        elif entry.kind is EntryKind.SESSION_OPENED:
            await trace.opened(entry)
        elif entry.kind is EntryKind.CLIENT_SEED_SET:
            trace.client_seed_set(entry)
        elif entry.kind is EntryKind.SEED_ROTATED:
            self._report.seeds += 1
            await trace.seed_rotated(entry)
        elif entry.kind is EntryKind.SESSION_CLOSED:
            self._report.seeds += 1
            await trace.closed(entry)
            self._finish(trace)
            del self._sessions[entry.session]
        else:
            await self._about_round(trace, entry)

    async def _open(self, entry: Entry) -> SessionTrace | None:
        """Starts to follow a session."""
        self._report.sessions += 1
        row = await self._load(Key(self._key, "session", entry.reference), Session)
        if row is None:
            return None
        model = self._tools.catalog.by_hash.get(row.model)
        if model is not None and model.name != row.game:
            self._complain(f"session {row.id.hex()} is at game {row.game}, its model is of {model.name}")
        trace = SessionTrace(self._key, row, partial(self._seed, row.id), self._tools.vault, self._complain)
        self._sessions[entry.session] = trace
        return trace

    async def _about_round(self, trace: SessionTrace, entry: Entry) -> None:
        row: Round | None = None
        if entry.step == 0:
            self._report.rounds += 1
            row = await self._load(Key(self._key, "round", entry.reference), Round)
            if row is None:
                self._complain(f"round {entry.reference.hex()} is missing")
                return
            self._report.open_rounds += not row.settled
        trace.stepped(entry, row)
        if row is not None and (self._tools.replays or not row.settled):
            await self._replay(trace, row)

    async def _replay(self, trace: SessionTrace, row: Round) -> None:
        model = self._tools.catalog.by_hash.get(row.model)
        server_seed = await trace.server_seed(row.seed_number)
        step_micros = STEP_MICROS.get(self._key.currency)
        if model is None or server_seed is None or step_micros is None or len(server_seed) != 32:
            self._report.rounds_not_replayed += 1
            return
        found = replay.difference(row, server_seed, replay.replay(model, server_seed, row, step_micros))
        if found:
            self._complain(f"round {row.id.hex()}: {found}")
            return
        self._report.replayed_rounds += 1

    def _finish(self, trace: SessionTrace) -> None:
        trace.finished()
        self._report.sealed_seeds_opened += trace.opened_seeds
        self._report.sealed_seeds_unopened += trace.unopened_seeds

    def _check_head(self, head: Wallet, walked: Wallet) -> None:
        self._revision = 0
        self._report.drift += abs(head.balance_micros - self._entries_sum_micros)
        if (head.revision, head.chain_hash) != (walked.revision, walked.chain_hash):
            self._break("the wallet's head does not follow from its last entry")
        for name in structs.asdict(head):
            if name not in ("revision", "chain_hash") and getattr(head, name) != getattr(walked, name):
                self._complain(f"the wallet's {name} is {getattr(head, name)}, its entries make it {getattr(walked, name)}")
        if drift_micros(head):
            self._complain(f"the wallet's sums leave a drift of {drift_micros(head)} micros")

    async def _seed(self, session: bytes, number: int) -> Seed | None:
        return await self._load(seed_key(self._key, session, number), Seed) if 0 < number < 1 << 32 else None

    async def _load(self, key: Key, type_: type[R]) -> R | None:
        """The row under `key`; None where there is none, or none that can be read, which is noted."""
        try:
            row = (await self._reads.load((key,)))[key]
        except (StoreFailed, msgspec.MsgspecError, ValueError, TypeError) as error:
            self._complain(f"the {key.kind} row {key.id.hex()} cannot be read: {error}")
            return None
        return row if isinstance(row, type_) else None

    def _break(self, what: str) -> None:
        self._is_chained = False
        self._complain(what)

    def _complain(self, what: str) -> None:
        self._report.add(self._key, self._revision, what)


def head_digest_part(key: WalletKey, wallet: Wallet) -> bytes:
    """A wallet's part of Report.heads_sha256."""
    return hashlib.sha256(str(key).encode()).digest() + wallet.revision.to_bytes(8, "big") + wallet.chain_hash
