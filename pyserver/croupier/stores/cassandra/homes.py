"""Class home: which region decides for a wallet, and how that moves.

A partition stays in one region's Paxos for life. So a home moves by closing the partition in the old region, conditionally, with the name of the next
one in it; the next partition is opened there by whoever comes first. A region that was given up cannot close anything any more: its partitions are then
taken as another region's replicas have them, and the next one opens in the region that was named when it was given up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from msgspec import structs

from croupier.errors import StoreUnreachable, WriteConflict
from croupier.model import GENESIS_EPOCH, WITHOUT_ENTRY_MS, Epoch, Wallet, WalletKey, epoch_key
from croupier.stores.cassandra import fences, partition, statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import unreachable
from croupier.stores.cassandra.links import Links, region_of
from croupier.stores.cassandra.partition import Found
from croupier.stores.store import CommitResult, FencedRecord

if TYPE_CHECKING:
    from croupier.stores.cassandra.partitions import Partitions

_GIVEN_UP = "given up"
"""The singleton under whose fence regions are given up and taken back."""
_ATTEMPTS = 30
"""How often a move is tried against those who write to the wallet meanwhile."""


async def of(links: Links, wallet: WalletKey, number: int) -> str | None:
    """The home of a partition; None where there is none. Raises StoreUnreachable."""
    missed: StoreUnreachable | None = None
    for region in links.regions:
        try:
            rows = await links.of(region).look(statements.READ_HOME, [*wallet, number])
        except StoreUnreachable as error:
            missed = error
            continue
        if rows:
            return rows[0][0]
        if number == GENESIS_EPOCH:
            rows = await links.world.read(statements.READ_FIRST_HOME, list(wallet))
            return rows[0][0] if rows else None
    if missed:
        raise missed
    return None


async def claim(links: Links, wallet: WalletKey) -> str:
    """The home of a wallet that is about to be made: the node's own region, unless another was first. Decided over all regions. Raises StoreUnreachable."""
    try:
        answer = await links.world.conditional([(statements.CLAIM_HOME, [*wallet, links.home])])
    except (NotSent, Unknown) as error:
        raise unreachable(error) from error
    return links.home if answer.applied else answer.row["home"]


async def move(partitions: Partitions, wallet: WalletKey, region: str) -> bool:
    """Makes `region` the wallet's home; whether there is such a wallet. What nodes of the old home decide meanwhile is refused or goes along.

    May be called again after any failure. Raises StoreUnreachable, WriteConflict.
    """
    await refresh(partitions.links)
    home = partitions.links.name_of(region)
    if home in partitions.links.given_up:
        raise StoreUnreachable(f"region {region} was given up; take it back first")
    for _ in range(_ATTEMPTS):
        found = await partitions.newest(wallet)
        if found is None:
            return False
        if found.place.home == home:
            return True
        rolled, ended = _rolled(found.head)
        close = [*wallet, found.place.number, found.head.revision, found.place.home]
        batch = [
            (statements.CLOSE_FOR_MOVE, [home, rolled.epoch, rolled.epoch_first_revision, *close]),
            partition.put(wallet, found.place.number, epoch_key(wallet, ended.number), ended),
        ]
        partitions.places.forget(wallet)
        try:
            await partitions.links.of(found.place.home).conditional(batch)
        except NotSent as error:
            raise unreachable(error) from error
        except Unknown:
            continue
    raise WriteConflict(f"{wallet} is written to all the time; move it again")


def inherited(links: Links, found: Found) -> Found:
    """An open partition as it is; one of a region that was given up as if its heir had closed it."""
    if found.place.home not in links.given_up:
        return found
    rolled, ended = _rolled(found.head)
    return Found(found.place, rolled, True, links.heir(found.place.home), found.rows, ended)


async def refresh(links: Links) -> None:
    """Learns which regions were given up and taken back. Raises StoreUnreachable."""
    _, records = await fences.fenced(links.world, _GIVEN_UP)
    links.given_up = {record.item: record.body.decode() for record in records if record.body}
    taken_back = sorted((record.item for record in records if not record.body), key=_term)
    links.names = {region_of(home): home for home in taken_back}


def standing(links: Links) -> dict[str, str]:
    """Regions that are given up now, each with the region that decides for its wallets; what was taken back is left out."""
    lost = [region_of(home) for home in links.given_up if links.name_of(region_of(home)) == home]
    return {region: region_of(links.heir(links.name_of(region))) for region in sorted(lost)}


async def give_up(links: Links, region: str, heir: str, operator: str) -> None:
    """From now on `heir` decides for the wallets of `region`, as far as its replicas know them. No node of `region` may be at work: nothing here can stop it.

    Raises StoreUnreachable, OutcomeUnknown.
    """
    await refresh(links)
    await _record(links, FencedRecord(_GIVEN_UP, links.name_of(region), heir.encode()), operator)


async def take_back(partitions: Partitions, wallets: AsyncIterator[WalletKey], region: str, operator: str) -> list[WalletKey]:
    """`region` takes part again, under a home of a new name, its data made anew from the others'. Before, each of `wallets`, which are all, goes over to
    the heir, and the region's own partitions are closed. Gives the wallets whose data is still the old one there, or that the region went on with after
    it had been given up: while there are any, nothing was taken back. May be called again after any failure.

    Raises StoreUnreachable, OutcomeUnknown.
    """
    links = partitions.links
    await refresh(links)
    home = links.name_of(region)
    if home not in links.given_up:
        return []
    torn = [wallet async for wallet in wallets if not await _closed(partitions, wallet, home)]
    if not torn:
        await _record(links, FencedRecord(_GIVEN_UP, f"{region}:{_term(home) + 1}", b""), operator)
    return torn


async def _closed(partitions: Partitions, wallet: WalletKey, home: str) -> bool:
    """Closes the wallet's last partition of a home in its own region, if that has just what the heir went on from."""
    links, later = partitions.links, await partitions.newest(wallet)
    while later is not None and later.place.previous:
        found = await partitions.at(wallet, later.place.previous)
        if found.place.home == home:
            ((revision, closed, _),) = await links.way_to(home).read(statements.READ_END, [*wallet, found.place.number])
            if closed:
                return True
            if revision != later.place.first_revision - 1:
                return False
            close = [later.place.home, later.place.number, later.place.first_revision, *wallet, found.place.number, revision, home]
            try:
                return (await links.way_to(home).conditional([(statements.CLOSE_FOR_MOVE, close)])).applied
            except (NotSent, Unknown) as error:
                raise unreachable(error) from error
        later = found
    return True


async def _record(links: Links, record: FencedRecord, operator: str) -> None:
    result = CommitResult.UNKNOWN
    while result is CommitResult.UNKNOWN:
        fence = await fences.raise_fence(links.world, _GIVEN_UP, operator)
        result = await fences.put_fenced(links.world, record, fence)
    if result is not CommitResult.APPLIED:
        raise StoreUnreachable("the store cannot be reached, or somebody else gives up a region now; nothing was done")
    await refresh(links)


def _term(home: str) -> int:
    """How often a region has begun: 1, unless it was taken back."""
    return int(home.partition(":")[2] or 1)


def _rolled(head: Wallet) -> tuple[Wallet, Epoch]:
    """The head after its epoch has ended, and the end."""
    ended = Epoch(head.epoch, head.revision, head.balance_micros, head.chain_hash, WITHOUT_ENTRY_MS)
    return structs.replace(head, epoch=head.epoch + 1, epoch_first_revision=head.revision + 1), ended
