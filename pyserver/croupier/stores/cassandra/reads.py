"""Reading from Cassandra: shared by the store and by those who only read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from croupier.errors import StoreFailed
from croupier.model import GENESIS_EPOCH, Entry, Key, State, Wallet, WalletKey
from croupier.stores import codec
from croupier.stores.cassandra import fences, indices, ledger_reads, partition, statements
from croupier.stores.cassandra.driver import Row
from croupier.stores.cassandra.link import Link
from croupier.stores.cassandra.partition import Found
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.store import DirtyNote, Document, EntryQuery, Fence, FencedRecord, WalletSums

A = TypeVar("A")
B = TypeVar("B")
_AT_ONCE = 64
"""Requests on their way for one call over many wallets."""


class CassandraReads:
    """See Reads. Every method raises StoreUnreachable where the store cannot answer for certain."""

    dirty_bucket_ms = indices.DIRTY_BUCKET_MS

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    @property
    def _world(self) -> Link:
        return self._partitions.links.world

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        by_wallet: dict[WalletKey, list[Key]] = {}
        for key in keys:
            by_wallet.setdefault(key.wallet, []).append(key)
        if len(by_wallet) == 1:
            return await self._partitions.load(keys[0].wallet, keys)
        state: State = dict.fromkeys(keys)
        for part in await in_turns(by_wallet, lambda wallet: self._partitions.load(wallet, by_wallet[wallet])):
            state.update(part)
        return state

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """See Reads.entries."""
        return await ledger_reads.entries(self._partitions, query)

    async def wallets(self, after: WalletKey | None, limit: int) -> list[WalletKey]:
        """See Reads.wallets."""
        found: list[WalletKey] = []
        start = after or WalletKey("", "", "")
        for operator in await indices.operators(self._world, start.operator):
            name = start[1:] if operator == start.operator else ("", "")
            while len(found) < limit and (indexed := await indices.after(self._world, operator, *name, limit)):
                there = await in_turns([one.wallet for one in indexed], self._is_there)
                found += [one.wallet for one, is_there in zip(indexed, there, strict=True) if is_there]
                name = indexed[-1].wallet[1:]
                if len(indexed) < limit:
                    break
            if len(found) >= limit:
                break
        return found[:limit]

    async def sums(self, operator: str) -> list[WalletSums]:
        """See Reads.sums."""
        sums: dict[str, WalletSums] = {}
        for name in [operator] if operator else await indices.operators(self._world):
            async for page in indices.walk(self._world, name):
                for indexed, head in zip(page, await in_turns(page, self._head), strict=True):
                    if head is not None:
                        currency = indexed.wallet.currency
                        sums[currency] = _plus(sums.get(currency) or WalletSums(currency, 0, 0, 0, 0, 0, 0), head)
        return [sum_ for _, sum_ in sorted(sums.items())]

    async def documents(self, kind: str) -> list[Document]:
        """See Reads.documents."""
        return [document(kind, row) for row in await self._world.look(statements.READ_DOCUMENTS, [kind])]

    async def dirty(self, bucket: int) -> list[DirtyNote]:
        """What nodes noted in a bucket of time before they wrote; a bucket has `dirty_bucket_ms`."""
        return await indices.dirty(self._world, bucket)

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """See Reads.fenced."""
        return await fences.fenced(self._world, singleton)

    async def _is_there(self, wallet: WalletKey) -> bool:
        return bool(await self._world.look(*partition.reading(wallet, GENESIS_EPOCH, ())))

    async def _head(self, indexed: indices.Indexed) -> Wallet | None:
        """The head as acknowledged; nothing is opened or finished on the way."""
        number, head = indexed.epoch, None
        while found := await acknowledged(self._partitions, indexed.wallet, number):
            number, head = found.head.epoch, found.head
            if not found.closed:
                break
        return head


async def acknowledged(partitions: Partitions, wallet: WalletKey, number: int) -> Found | None:
    """A partition as its home has acknowledged it, if it is there; nothing is finished on the way. Raises StoreUnreachable."""
    reading = partition.reading(wallet, number, ())
    found = partition.found(number, await partitions.links.world.look(*reading))
    if found is None or not found.place.home:
        return found
    return partition.found(number, await partitions.links.of(found.place.home).look(*reading))


def document(kind: str, row: Row) -> Document:
    """A document as stored. Raises StoreFailed for a damaged one."""
    id_, version, body, digest = row
    found = Document(kind, id_, version, body)
    if codec.document_digest(found) != digest:
        raise StoreFailed(f"the {kind} {id_} in the database is damaged; restore the database from a backup")
    return found


async def in_turns(items: Iterable[A], ask: Callable[[A], Awaitable[B]]) -> list[B]:
    """What `ask` gives for each item, in order, some of them at once."""
    seats = asyncio.Semaphore(_AT_ONCE)

    async def seated(item: A) -> B:
        async with seats:
            return await ask(item)

    return list(await asyncio.gather(*(seated(item) for item in items)))


def _plus(sums: WalletSums, head: Wallet) -> WalletSums:
    return WalletSums(
        sums.currency,
        sums.wallets + 1,
        sums.deposited_micros + head.deposited_micros,
        sums.withdrawn_micros + head.withdrawn_micros,
        sums.staked_micros + head.staked_micros,
        sums.paid_micros + head.paid_micros,
        sums.balance_micros + head.balance_micros,
    )
