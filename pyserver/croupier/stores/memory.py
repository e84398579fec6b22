"""A store in memory, for unit tests and simulation. It can be told to lie the way real stores do: to refuse, to answer "unknown" after applying,
to apply later than it answered, and to apply late writes in another order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from msgspec import Struct

from croupier.errors import StoreFailed
from croupier.model import Entry, Key, Row, State, Wallet, WalletKey, WalletWrite
from croupier.stores.store import NO_FENCE, CommitResult, Document, EntryQuery, Fence, FencedRecord, WalletSums


class Lies(Struct, frozen=True):
    """Probabilities, 0 to 1, with which a commit misbehaves; checked in this order for each write."""

    fail: float = 0
    """The store is gone before the write is sent: StoreFailed, nothing applied."""
    unsent: float = 0
    """Answers UNSENT; nothing applied."""
    unknown_lost: float = 0
    """Answers UNKNOWN and never applies."""
    unknown_applied: float = 0
    """Applies, and answers UNKNOWN."""
    unknown_late: float = 0
    """Answers UNKNOWN and applies at a later call, if the condition still holds then."""
    refused: float = 0
    """Answers REFUSED though the condition holds; nothing applied."""


HONEST = Lies()


class MemoryStore:
    """See the module."""

    inline = True
    name = "memory"

    def __init__(self, lies: Lies = HONEST, chance: Callable[[], float] | None = None) -> None:
        """`chance` gives numbers uniform in [0, 1), from a seed in simulations."""
        self.lies = lies
        self._chance = chance or random.Random(0).random
        self._rows: dict[Key, Row] = {}
        self._entries: dict[WalletKey, list[Entry]] = {}
        self._documents: dict[tuple[str, str], Document] = {}
        self._fences: dict[str, Fence] = {}
        self._fenced: dict[tuple[str, str], FencedRecord] = {}
        self._late: list[WalletWrite] = []

    async def open(self) -> None:
        """Nothing to connect."""

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        return {key: self._rows.get(key) for key in keys}

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """See Reads.entries."""
        found = [entry for entry in self._entries.get(query.wallet, []) if _matches(query, entry)]
        if not query.oldest_first:
            found.reverse()
        return found[: query.limit]

    async def wallets(self, after: WalletKey | None, limit: int) -> list[WalletKey]:
        """See Reads.wallets."""
        return sorted(key for key in self._entries if after is None or key > after)[:limit]

    async def sums(self, operator: str) -> list[WalletSums]:
        """See Reads.sums."""
        heads = [
            (key.wallet.currency, row)
            for key, row in self._rows.items()
            if isinstance(row, Wallet) and operator in ("", key.wallet.operator)
        ]
        return [_sums(currency, [head for name, head in heads if name == currency]) for currency in sorted({name for name, _ in heads})]

    async def documents(self, kind: str) -> list[Document]:
        """See Reads.documents."""
        return [document for _, document in sorted(self._documents.items()) if document.kind == kind]

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """See Store.commit, and Lies."""
        return self._commit_all(writes)

    async def put_document(self, document: Document) -> bool:
        """See Store.put_document."""
        key = (document.kind, document.id)
        stored = self._documents.get(key)
        if document.version - 1 != (stored.version if stored else 0):
            return False
        self._documents[key] = document
        return True

    async def raise_fence(self, singleton: str, holder: str) -> int:
        """See Fences.raise_fence."""
        fence = Fence(self._fences.get(singleton, NO_FENCE).number + 1, holder)
        self._fences[singleton] = fence
        return fence.number

    async def put_fenced(self, record: FencedRecord, fence: int) -> CommitResult:
        """See Fences.put_fenced."""
        if record.singleton not in self._fences or self._fences[record.singleton].number != fence:
            return CommitResult.REFUSED
        self._fenced[record.singleton, record.item] = record
        return CommitResult.APPLIED

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """See Reads.fenced."""
        return self._fences.get(singleton, NO_FENCE), [record for (name, _), record in sorted(self._fenced.items()) if name == singleton]

    def reads(self) -> MemoryStore:
        """The store itself."""
        return self

    def close(self) -> None:
        """Nothing to release."""

    def settle(self) -> None:
        """Applies every late write whose condition still holds, as if time had passed."""
        while self._late:
            self._apply(self._late.pop(int(self._chance() * len(self._late))))

    def _commit_all(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        self._apply_late()
        if self.lies.fail and self._chance() < self.lies.fail:
            raise StoreFailed("the memory store was told to fail")
        return [self._commit_one(write) for write in writes]

    def _commit_one(self, write: WalletWrite) -> CommitResult:
        lies = self.lies
        chance = self._chance()
        if chance < lies.unsent:
            return CommitResult.UNSENT
        chance -= lies.unsent
        for share, act in (
            (lies.unknown_lost, _lose),
            (lies.unknown_applied, self._apply_silently),
            (lies.unknown_late, self._late.append),
        ):
            if chance < share:
                act(write)
                return CommitResult.UNKNOWN
            chance -= share
        if chance < lies.refused:
            return CommitResult.REFUSED
        return CommitResult.APPLIED if self._apply(write) else CommitResult.REFUSED

    def _apply_silently(self, write: WalletWrite) -> None:
        self._apply(write)

    def _apply_late(self) -> None:
        """Some of the late writes arrive now, in any order."""
        while self._late and self._chance() < 0.5:
            self._apply(self._late.pop(int(self._chance() * len(self._late))))

    def _apply(self, write: WalletWrite) -> bool:
        head = self._rows.get(Key(write.key, "wallet", b""))
        revision = head.revision if isinstance(head, Wallet) else 0
        if revision != write.expected_revision or any(key in self._rows for key, _ in write.creates):
            return False
        self._rows[Key(write.key, "wallet", b"")] = write.wallet
        self._rows.update(write.creates)
        self._rows.update(write.updates)
        self._entries.setdefault(write.key, []).extend(write.entries)
        return True


def _matches(query: EntryQuery, entry: Entry) -> bool:
    return (
        entry.revision > query.after_revision
        and (not query.before_revision or entry.revision < query.before_revision)
        and (not query.kinds or entry.kind in query.kinds)
        and (not query.session or entry.session == query.session)
        and (query.step is None or entry.step == query.step)
    )


def _sums(currency: str, heads: list[Wallet]) -> WalletSums:
    return WalletSums(
        currency,
        len(heads),
        sum(head.deposited_micros for head in heads),
        sum(head.withdrawn_micros for head in heads),
        sum(head.staked_micros for head in heads),
        sum(head.paid_micros for head in heads),
        sum(head.balance_micros for head in heads),
    )


def _lose(write: WalletWrite) -> None:
    """The write never arrives."""
