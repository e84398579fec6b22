"""The replicated store: one conditional batch for each write of a wallet, in one partition.

What it cannot know it says: an error that may have followed an effect is UNKNOWN, and nothing is sent twice here. Whoever calls `commit` again with the
same write learns what became of it; that goes through another coordinator, for the first may still hold the batch.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from croupier.errors import Refusal, StoreFailed, StoreUnreachable, TooLarge
from croupier.model import GENESIS_EPOCH, Entry, WalletKey, WalletWrite
from croupier.stores.cassandra import archive, documents, fences, homes, indices, losses, moves, partition
from croupier.stores.cassandra.driver import Applied, NotSent, Unknown
from croupier.stores.cassandra.link import Counts
from croupier.stores.cassandra.links import region_of
from croupier.stores.cassandra.partition import Found
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.cassandra.places import Known, Place, may_be_before
from croupier.stores.cassandra.reads import CassandraReads, in_turns
from croupier.stores.cassandra.watch import ServerWatch
from croupier.stores.store import CommitResult, Document, FencedRecord

APPLIED, REFUSED, UNKNOWN, UNSENT = CommitResult.APPLIED, CommitResult.REFUSED, CommitResult.UNKNOWN, CommitResult.UNSENT
_NOTE_AGAIN_MS = indices.DIRTY_BUCKET_MS // 2
"""How long after a note a wallet's writes need no other: so each bucket with a write has a note, or the one before it."""


class CassandraWrites(CassandraReads):
    """The conditional writes. See Store."""

    inline = False
    name = "cassandra"
    max_write_bytes = partition.MAX_WRITE_BYTES

    def __init__(
        self, partitions: Partitions, counts: Counts, node: str, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """`node` is who writes, for its notes."""
        super().__init__(partitions)
        self.servers: ServerWatch | None = None
        """What is looked at in the servers now and then; None until the store is open."""
        self._node = node
        self.counts = counts
        self._clock_ms = clock_ms
        self._places = partitions.places
        self._links = partitions.links
        self._operators: set[str] = set()
        """Those that the index has for certain."""

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """See Store.commit. Raises TooLarge for a write above `max_write_bytes`, of which nothing was done."""
        if len(writes) == 1:
            return [await self._commit(writes[0])]
        return await in_turns(writes, self._commit)

    async def home_of(self, wallet: WalletKey) -> str:
        """In class home, the region that decided for a wallet when it was last read or written here: the node's own for one that is not there yet.

        Empty in the other classes. Raises StoreUnreachable.
        """
        if not self._links.region:
            return ""
        place = self._places.of(wallet).place
        if place is None:
            found = await self._partitions.newest(wallet)
            place = found.place if found else None
        return region_of(place.home) if place else self._links.region

    async def move_home(self, wallet: WalletKey, region: str) -> bool:
        """Makes `region` the home of a wallet; whether there is such a wallet. Raises StoreUnreachable, WriteConflict."""
        return await moves.move(self._partitions, wallet, region)

    async def archive(
        self, wallet: WalletKey, before_ms: int, limit: int = archive.PAGE_ENTRIES, epoch: int = GENESIS_EPOCH
    ) -> archive.Copied:
        """Copies old entries into the archive: see archive.copy."""
        return await archive.copy(self._partitions, wallet, before_ms, limit, epoch)

    async def archived_until(self, wallet: WalletKey) -> int:
        """How far a wallet's archive reaches: see archive.until."""
        return await archive.until(self._partitions, wallet)

    async def archived(self, wallet: WalletKey, month: int, after_revision: int = 0, limit: int = 500) -> Sequence[Entry]:
        """Archived entries of a month: see archive.month."""
        return await archive.month(self._partitions, wallet, month, after_revision, limit)

    async def give_up(self, region: str, heir: str, operator: str) -> None:
        """Gives a lost region up: see moves.give_up."""
        await moves.give_up(self._links, region, heir, operator)

    async def expected_loss(self, region: str, heir: str) -> losses.ExpectedLoss:
        """What giving up `region` would leave of its wallets: see losses.expected."""
        return await losses.expected(self._links, region, heir)

    async def take_back(self, region: str, operator: str) -> list[WalletKey]:
        """Takes a region back whose data was made anew: see moves.take_back."""

        async def all_wallets() -> AsyncIterator[WalletKey]:
            for name in await indices.operators(self._world):
                async for page in indices.walk(self._world, name):
                    for indexed in page:
                        yield indexed.wallet

        return await moves.take_back(self._partitions, all_wallets(), region, operator)

    async def indexed(self, after: indices.Spot | None, limit: int) -> tuple[list[indices.Indexed], indices.Spot | None]:
        """Some of all wallets: see indices.some."""
        return await indices.some(self._world, after, limit)

    async def put_document(self, document: Document) -> bool:
        """See Store.put_document."""
        return await documents.put(self._world, document)

    async def raise_fence(self, singleton: str, holder: str) -> int:
        """See Fences.raise_fence."""
        return await fences.raise_fence(self._world, singleton, holder)

    async def put_fenced(self, record: FencedRecord, fence: int) -> CommitResult:
        """See Fences.put_fenced."""
        return await fences.put_fenced(self._world, record, fence)

    async def _commit(self, write: WalletWrite) -> CommitResult:
        known = self._places.of(write.key)
        number = partition.starting_epoch(write)
        is_doubtful = known.doubtful_revision == write.expected_revision
        if self._links.region:
            await self._partitions.refresh_homes()
        try:
            place = await self._place(write, number, known)
            if place is None or await self._is_known(write, place):
                return REFUSED
            batch = partition.batch(write, number, place.home)
            if partition.batch_bytes(batch) > self.max_write_bytes:
                raise TooLarge(f"what these calls decided takes more than {self.max_write_bytes} bytes to store; nothing was done")
            await self._note(write, known)
            answer = await self._links.of(place.home).conditional(batch, avoid=known.avoid)
        except (NotSent, StoreUnreachable):
            return UNKNOWN if is_doubtful else UNSENT
        except Unknown as error:
            known.avoid, known.doubtful_revision = error.coordinator, write.expected_revision
            return UNKNOWN
        if is_doubtful:
            self._resolved(known, answer)
        if not answer.applied:
            if answer.row.get("closed") is not False:
                self._places.forget(write.key)
            return REFUSED
        if write.wallet.epoch == number:
            known.place = place
        else:
            await self._rolled(write, place, known)
        return APPLIED

    async def _place(self, write: WalletWrite, number: int, known: Known) -> Place | None:
        """The partition that the write goes to; None where that is not the open one. Raises StoreUnreachable."""
        if known.place is not None and known.place.number == number:
            return known.place
        if number == GENESIS_EPOCH and not self._links.region:
            return Place(number, 0, 1, 0, "")
        if not write.expected_revision:
            return Place(number, 0, 1, 0, await homes.claim(self._links, write.key))
        found = await self._partitions.newest(write.key)
        return found.place if found is not None and found.place.number == number else None

    async def _is_known(self, write: WalletWrite, place: Place) -> bool:
        """Whether a row to create is there already, in a partition before; in the open one the batch itself finds it."""
        keys = [key for key, _ in write.creates if may_be_before(key, place)]
        return bool(keys) and bool(await self._partitions.before(write.key, place, keys))

    async def _note(self, write: WalletWrite, known: Known) -> None:
        """What must be written before the wallet is: that it exists, and that it is about to change. Raises StoreUnreachable."""
        if not write.expected_revision:
            await indices.note_wallet(self._world, write.key, GENESIS_EPOCH)
            if write.key.operator not in self._operators:
                await indices.note_operator(self._world, write.key.operator)
                self._operators.add(write.key.operator)
        now_ms = self._clock_ms()
        if abs(now_ms - known.noted_ms) >= _NOTE_AGAIN_MS:
            await indices.note_dirty(self._world, write.key, self._node, now_ms)
            known.noted_ms = now_ms

    async def _rolled(self, write: WalletWrite, place: Place, known: Known) -> None:
        """Opens the next partition at once; where that fails, whoever comes next does it."""
        self.counts.rolls += 1
        known.place = None
        with suppress(Refusal, StoreFailed):
            known.place = await self._partitions.open_next(write.key, Found(place, write.wallet, True, "", {}))

    def _resolved(self, known: Known, answer: Applied) -> None:
        known.avoid, known.doubtful_revision = "", -1
        if answer.applied:
            self.counts.resolved_applied += 1
        else:
            self.counts.resolved_refused += 1
