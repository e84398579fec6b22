"""The archiver: copies what is old and final of every wallet's ledger to the archive, a little at a time.

    where it stood -> a few wallets of the index -> what each has of closed partitions that is older than the window -> the archive -> how far it came

It goes through all wallets once a day. How far it came is remembered under the fence, so the next holder goes on there; how far each wallet's archive
reaches is kept beside it, so what was copied is not read again. Play comes first: a step works for a second with few requests at once, rests three
times as long as it worked, and leaves out its turn while a node is busy.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct, structs

from croupier.cluster.membership import Member, Term, TermLost
from croupier.errors import StoreFailed
from croupier.model import WalletKey
from croupier.stores.cassandra.archive import Copied
from croupier.stores.cassandra.indices import Indexed, Spot
from croupier.stores.store import CommitResult, Fence, FencedRecord, Fences

SINGLETON = "archiver"
PASS_MS = 86_400_000
"""How long after the beginning of a pass the next one begins."""
_MARK = "progress"
_DAY_MS = 86_400_000
_AT_ONCE = 8
_ENTRIES_A_TURN = 250
_STEP_S = 1.0
_REST_S, _RESTS = 0.2, 3
"""How long it rests at least, and how many times as long as it worked."""
_IDLE_S = 60.0
_BUSY_PERMILLE, _BUSY_S = 800, 10.0
"""At which load of any node it leaves out its turn, and for how long."""

_log = logging.getLogger("croupier.archive")


class History(Fences, Protocol):
    """What the archiver needs of a store."""

    async def indexed(self, after: Spot | None, limit: int) -> tuple[list[Indexed], Spot | None]:
        """Some of all wallets, from a place in the index or its beginning; and where to go on, None at the end."""
        ...

    async def archive(self, wallet: WalletKey, before_ms: int, limit: int = ..., epoch: int = ...) -> Copied:
        """Copies what is due next of a wallet: see archive.copy."""
        ...

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """See Reads.fenced."""
        ...


class Progress(Struct, frozen=True):
    """What is remembered under the fence."""

    began_ms: int = 0
    """When the pass began that is under way, or was the last one."""
    spot: Spot | None = None
    """How far it came; None at the beginning, and once it has ended."""
    whole_ms: int = 0
    """When the last pass began that reached the end; 0 before the first one did."""


class Archiver:
    """A job of cluster/singletons.py."""

    every_s = _REST_S

    def __init__(
        self, store: History, members: Callable[[], Sequence[Member]], clock_ms: Callable[[], int], after_days: int, pass_ms: int = PASS_MS
    ) -> None:
        """Entries are copied that are older than `after_days`; `members` are the nodes, with their loads."""
        self.wallets = 0
        """Wallets that were looked at to the end."""
        self.entries = 0
        """Entries copied."""
        self.failures = 0
        """Wallets that were passed over, because something of theirs cannot be read."""
        self._store = store
        self._members = members
        self._clock_ms = clock_ms
        self._window_ms = after_days * _DAY_MS
        self._pass_ms = pass_ms
        self._term: Term | None = None
        self._whole_ms = 0

    @property
    def behind_s(self) -> float | None:
        """Everything is archived that is older than the window and this; infinite before the first whole pass. None where another node holds the term."""
        if self._term is None or self._term.left_s <= 0:
            return None
        return max(0, self._clock_ms() - self._whole_ms) / 1000 if self._whole_ms else math.inf

    async def step(self, term: Term) -> None:
        """Some wallets, or a rest until there is something to do."""
        _, records = await self._store.fenced(SINGLETON)
        progress = next((msgspec.json.decode(record.body, type=Progress) for record in records if record.item == _MARK), Progress())
        self._term, self._whole_ms = term, progress.whole_ms
        now_ms = self._clock_ms()
        if progress.began_ms == progress.whole_ms:
            if now_ms < progress.began_ms + self._pass_ms:
                self.every_s = _IDLE_S
                return
            progress = structs.replace(progress, began_ms=now_ms, spot=None)
        if any(member.load_permille >= _BUSY_PERMILLE for member in self._members()):
            self.every_s = _BUSY_S
            return
        began_s = time.monotonic()
        await self._remember(await self._go_on(progress, term, began_s + _STEP_S), term)
        self.every_s = max(_REST_S, _RESTS * (time.monotonic() - began_s))

    async def _go_on(self, progress: Progress, term: Term, until_s: float) -> Progress:
        while progress.began_ms != progress.whole_ms and time.monotonic() < until_s:
            term.check()
            progress = await self._turn(progress)
        return progress

    async def _turn(self, progress: Progress) -> Progress:
        """The next few wallets; the same ones again where something of theirs is left."""
        indexed, following = await self._store.indexed(progress.spot, _AT_ONCE)
        if not all(await asyncio.gather(*(self._archive(one, progress.began_ms - self._window_ms) for one in indexed))):
            return progress
        self.wallets += len(indexed)
        if following is None:
            _log.info("the archive has every entry of a closed partition that was older than %d days", self._window_ms // _DAY_MS)
            return Progress(progress.began_ms, None, progress.began_ms)
        return structs.replace(progress, spot=following)

    async def _archive(self, one: Indexed, before_ms: int) -> bool:
        """Whether nothing else of the wallet is due."""
        try:
            copied = await self._store.archive(one.wallet, before_ms, _ENTRIES_A_TURN, one.epoch)
        except (StoreFailed, msgspec.MsgspecError) as error:
            self.failures += 1
            _log.error("%s is not archived further: %s", one.wallet, error)
            return True
        self.entries += copied.entries
        return copied.is_done

    async def _remember(self, progress: Progress, term: Term) -> None:
        record = FencedRecord(SINGLETON, _MARK, msgspec.json.encode(progress))
        if await self._store.put_fenced(record, term.fence) is CommitResult.REFUSED:
            raise TermLost(f"the store refused the archiver's mark under fence {term.fence}: a later term has begun")
        self._whole_ms = progress.whole_ms
