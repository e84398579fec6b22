"""The sweeper: goes after what nodes left half done when they died.

    notes of wallets about to be written to, bucket by bucket of time -> those of nodes that have not lived since -> each wallet's newest partition, read in
    earnest -> its watchers told -> how far it came

Reading in earnest (SERIAL) is what finishes: a conditional write that too few replicas had heard of when its coordinator died is completed or dropped by
it, and a partition that was closed without a successor gets one. How far it came is remembered under the fence, so a leader that was taken for dead cannot
move the mark back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from croupier.cluster.membership import Member, Term, TermLost
from croupier.model import Entry, Key, State, WalletKey
from croupier.operations.command import wallet_key
from croupier.stores.store import CommitResult, DirtyNote, Fence, FencedRecord, Fences

SINGLETON = "sweeper"
_MARK = "bucket"
_AT_ONCE = 16
_BUCKETS_A_STEP = 6
_OLDEST_BUCKETS = 6 * 24
"""How far back it begins where nothing was remembered: a day, in buckets of ten minutes."""


class Notes(Fences, Protocol):
    """What the sweeper needs of a store that keeps notes."""

    dirty_bucket_ms: int
    """How much time one bucket of notes covers."""

    async def dirty(self, bucket: int) -> list[DirtyNote]:
        """What was noted in a bucket."""
        ...

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        ...

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """See Reads.fenced."""
        ...


class Sweeper:
    """A job of cluster/singletons.py."""

    every_s = 10.0

    def __init__(
        self,
        store: Notes,
        members: Callable[[], Sequence[Member]],
        clock_ms: Callable[[], int],
        on_commit: Callable[[WalletKey, Sequence[Entry]], None],
    ) -> None:
        """`members` are the nodes that live; `on_commit` hears of every wallet that may have entries which nobody was told of."""
        self.swept = 0
        """Wallets looked at."""
        self._store = store
        self._members = members
        self._clock_ms = clock_ms
        self._on_commit = on_commit

    async def step(self, term: Term) -> None:
        """Some of the buckets that have ended."""
        _, records = await self._store.fenced(SINGLETON)
        ended = self._clock_ms() // self._store.dirty_bucket_ms - 1
        mark = next((int(record.body) for record in records if record.item == _MARK), ended - _OLDEST_BUCKETS)
        for bucket in range(mark + 1, min(ended, mark + _BUCKETS_A_STEP) + 1):
            term.check()
            await self._sweep(await self._store.dirty(bucket), bucket * self._store.dirty_bucket_ms)
            if await self._store.put_fenced(FencedRecord(SINGLETON, _MARK, str(bucket).encode()), term.fence) is CommitResult.REFUSED:
                raise TermLost(f"the store refused the sweeper's mark under fence {term.fence}: a later term has begun")

    async def _sweep(self, notes: Sequence[DirtyNote], since_ms: int) -> None:
        """Goes after the notes of nodes that have died since the bucket began."""
        living = {member.node for member in self._members() if member.start_ms <= since_ms}
        wallets = sorted({note.wallet for note in notes if note.node not in living})
        for start in range(0, len(wallets), _AT_ONCE):
            part = wallets[start : start + _AT_ONCE]
            await asyncio.gather(*(self._store.load([wallet_key(wallet)]) for wallet in part))
            for wallet in part:
                self._on_commit(wallet, ())
            self.swept += len(part)
