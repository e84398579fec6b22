"""History by month: entries of closed partitions that are older than a window, copied to where nothing changes any more.

    a wallet's closed partitions -> its entries after those that are copied already -> the old ones among them -> the archive, by month -> how far it reaches

Copying is harmless at any time and as often as one likes: what is copied is final, and a copy is the same row again. Nothing is taken out of the wallet.
How far a wallet's archive reaches is written once all before it is there, as a row of a month that no entry is of; so it is never too far.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import takewhile

from msgspec import Struct

from croupier.model import GENESIS_EPOCH, Entry, WalletKey
from croupier.stores import codec
from croupier.stores.cassandra import ledger_reads, statements
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.cassandra.reads import acknowledged
from croupier.stores.store import EntryQuery

PAGE_ENTRIES = 500
_REACHED = 0
"""The month whose rows tell how far the archive reaches: the greatest revision among them."""
_AT_ONCE = 4
"""Copies on their way at once, for one wallet: play comes first."""


class Copied(Struct, frozen=True):
    """What one turn has copied of a wallet."""

    entries: int
    reached: int
    """The revision that its archive reaches to, without a gap."""
    is_done: bool
    """Nothing else is due."""


def month_of(time_ms: int) -> int:
    """The month in UTC that a time lies in: year * 100 + month."""
    moment = time.gmtime(time_ms / 1000)
    return moment.tm_year * 100 + moment.tm_mon


def due(entries: Iterable[Entry], before_ms: int) -> list[Entry]:
    """The entries before the first that is not older than `before_ms`. One that is older but comes later waits with it, so that the archive has no gap."""
    return list(takewhile(lambda entry: entry.time_ms < before_ms, entries))


async def copy(partitions: Partitions, wallet: WalletKey, before_ms: int, limit: int = PAGE_ENTRIES, epoch: int = GENESIS_EPOCH) -> Copied:
    """Copies what is due next, `limit` entries at most. `epoch` is a partition of the wallet that was open once. Raises StoreUnreachable."""
    closed_revision, reached = await asyncio.gather(_closed_revision(partitions, wallet, epoch), until(partitions, wallet))
    if reached >= closed_revision:
        return Copied(0, reached, is_done=True)
    query = EntryQuery(wallet, limit, after_revision=reached, before_revision=closed_revision + 1, oldest_first=True)
    page = await ledger_reads.entries(partitions, query)
    entries = due(page, before_ms)
    for start in range(0, len(entries), _AT_ONCE):
        await asyncio.gather(*(_put(partitions, wallet, entry) for entry in entries[start : start + _AT_ONCE]))
    if entries:
        reached = entries[-1].revision
        await partitions.links.world.note(statements.PUT_ARCHIVE, [*wallet, _REACHED, reached, b""])
    return Copied(len(entries), reached, is_done=len(entries) < len(page) or reached >= closed_revision)


async def until(partitions: Partitions, wallet: WalletKey) -> int:
    """The revision that a wallet's archive reaches to, without a gap; 0 where nothing is there. Raises StoreUnreachable."""
    rows = await partitions.links.world.look(statements.READ_LAST_ARCHIVED, [*wallet, _REACHED])
    return rows[0][0] if rows else 0


async def month(
    partitions: Partitions, wallet: WalletKey, number: int, after_revision: int = 0, limit: int = PAGE_ENTRIES
) -> Sequence[Entry]:
    """Archived entries of one month, oldest first. Raises StoreUnreachable."""
    rows = await partitions.links.world.look(statements.READ_ARCHIVE, [*wallet, number, after_revision, limit])
    return [codec.decode_entry(body) for (body,) in rows]


async def _closed_revision(partitions: Partitions, wallet: WalletKey, epoch: int) -> int:
    """The last revision of the closed partitions, as far as that was acknowledged: plain reads, for most wallets have nothing to copy."""
    revision = 0
    while found := await acknowledged(partitions, wallet, epoch):
        if not found.closed:
            return found.place.first_revision - 1
        epoch, revision = found.head.epoch, found.head.revision
    return revision


async def _put(partitions: Partitions, wallet: WalletKey, entry: Entry) -> None:
    values = [*wallet, month_of(entry.time_ms), entry.revision, codec.encode_row(entry)]
    await partitions.links.world.note(statements.PUT_ARCHIVE, values)
