"""Entries of a wallet over its partitions: each holds those of consecutive revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from croupier.model import GENESIS_EPOCH, Entry
from croupier.stores.cassandra import partition, statements
from croupier.stores.cassandra.partition import Found
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.store import EntryQuery

_FILTERED_PAGE = 256
_MAX_REVISION = (1 << 63) - 1


async def entries(partitions: Partitions, query: EntryQuery) -> list[Entry]:
    """See Reads.entries. Raises StoreUnreachable."""
    newest = await partitions.newest(query.wallet)
    gathered: list[Entry] = []
    if newest is None:
        return gathered
    async for found in _walk(partitions, query, newest):
        await _gather(partitions, found, query, gathered)
        if len(gathered) >= query.limit:
            break
    return gathered


async def _walk(partitions: Partitions, query: EntryQuery, newest: Found) -> AsyncIterator[Found]:
    """The partitions that hold some of the revisions asked for, in the order asked for."""
    if not query.oldest_first:
        found = newest
        while True:
            if not query.before_revision or found.place.first_revision < query.before_revision:
                yield found
            if not _is_before(query, found):
                return
            found = await partitions.at(query.wallet, found.place.previous)
    found = await _first(partitions, query, newest)
    while True:
        yield found
        if not found.closed or (query.before_revision and found.head.revision + 1 >= query.before_revision):
            return
        found = newest if found.head.epoch == newest.place.number else await partitions.at(query.wallet, found.head.epoch)


async def _first(partitions: Partitions, query: EntryQuery, newest: Found) -> Found:
    """The partition with the first revision asked for, looked for from the nearer end."""
    wanted = query.after_revision + 1
    if wanted > newest.place.first_revision // 2:
        found = newest
        while _is_before(query, found):
            found = await partitions.at(query.wallet, found.place.previous)
        return found
    found = await partitions.at(query.wallet, GENESIS_EPOCH)
    while found.closed and found.head.revision < wanted:
        found = await partitions.at(query.wallet, found.head.epoch)
    return found


def _is_before(query: EntryQuery, found: Found) -> bool:
    """Whether revisions asked for may lie before this partition."""
    return found.place.previous > 0 and found.place.first_revision > query.after_revision + 1


async def _gather(partitions: Partitions, found: Found, query: EntryQuery, gathered: list[Entry]) -> None:
    """Adds one partition's entries, page by page where only some are wanted."""
    link = partitions.links.of(found.place.home)
    after, before = query.after_revision, query.before_revision or _MAX_REVISION
    if found.closed:  # A region that was given up may have had more, which is not part of the ledger.
        before = min(before, found.head.revision + 1)
    is_filtered = bool(query.kinds or query.session) or query.step is not None
    while (wanted := query.limit - len(gathered)) > 0:
        page = max(wanted, _FILTERED_PAGE) if is_filtered else wanted
        bounds = [partition.revision_id(after), partition.revision_id(before), page]
        statement = statements.READ_ENTRIES[query.oldest_first]
        read = partition.entries(await link.read(statement, [*query.wallet, found.place.number, *bounds]))
        gathered += [entry for entry in read if _matches(query, entry)][:wanted]
        if len(read) < page:
            return
        if query.oldest_first:
            after = read[-1].revision
        else:
            before = read[-1].revision


def _matches(query: EntryQuery, entry: Entry) -> bool:
    return (
        (not query.kinds or entry.kind in query.kinds)
        and (not query.session or entry.session == query.session)
        and (query.step is None or entry.step == query.step)
    )
