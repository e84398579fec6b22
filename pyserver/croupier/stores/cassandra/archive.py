"""History by month: entries of closed partitions that are older than the window, copied to where nothing changes any more.

Copying is harmless at any time and as often as one likes: what is copied is final, and a copy is the same row again. Nothing is taken out of the wallet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from croupier.model import Entry, WalletKey
from croupier.stores import codec
from croupier.stores.cassandra import ledger_reads, statements
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.cassandra.reads import in_turns
from croupier.stores.store import EntryQuery

_PAGE_ENTRIES = 500


def month_of(time_ms: int) -> int:
    """The month in UTC that a time lies in: year * 100 + month."""
    moment = time.gmtime(time_ms / 1000)
    return moment.tm_year * 100 + moment.tm_mon


def due(entries: Iterable[Entry], closed_revision: int, before_ms: int) -> list[Entry]:
    """Which of a wallet's entries are to be copied: those up to the last one of a closed partition, in so far as they are older than `before_ms`."""
    return [entry for entry in entries if entry.revision <= closed_revision and entry.time_ms < before_ms]


async def copy(partitions: Partitions, wallet: WalletKey, before_ms: int, after_revision: int = 0) -> int:
    """Copies what is due after a revision; the revision to go on from next time. Raises StoreUnreachable."""
    newest = await partitions.newest(wallet)
    if newest is None:
        return after_revision
    closed_revision = newest.place.first_revision - 1
    while after_revision < closed_revision:
        page = await ledger_reads.entries(partitions, EntryQuery(wallet, _PAGE_ENTRIES, after_revision=after_revision, oldest_first=True))
        copied = due(page, closed_revision, before_ms)
        await in_turns(copied, lambda entry: _put(partitions, wallet, entry))
        if copied:
            after_revision = copied[-1].revision
        if len(copied) < len(page) or not page:
            break
    return after_revision


async def month(
    partitions: Partitions, wallet: WalletKey, number: int, after_revision: int = 0, limit: int = _PAGE_ENTRIES
) -> Sequence[Entry]:
    """Archived entries of one month, oldest first. Raises StoreUnreachable."""
    rows = await partitions.links.world.look(statements.READ_ARCHIVE, [*wallet, number, after_revision, limit])
    return [codec.decode_entry(body) for (body,) in rows]


async def _put(partitions: Partitions, wallet: WalletKey, entry: Entry) -> None:
    values = [*wallet, month_of(entry.time_ms), entry.revision, codec.encode_row(entry)]
    await partitions.links.world.note(statements.PUT_ARCHIVE, values)
