"""Class home: how another region comes to decide for a wallet, or for all wallets of a region that is lost.

A home moves by closing the partition in the old region, conditionally, with the name of the next one in it; the next partition is opened there by whoever
comes first. A region is given up, and taken back, under a fence that all regions agree on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from croupier.errors import StoreUnreachable, WriteConflict
from croupier.model import WalletKey, epoch_key
from croupier.stores.cassandra import fences, homes, partition, statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import unreachable
from croupier.stores.cassandra.links import Links
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.store import CommitResult, FencedRecord

_ATTEMPTS = 30
"""How often a move is tried against those who write to the wallet meanwhile."""


async def move(partitions: Partitions, wallet: WalletKey, region: str) -> bool:
    """Makes `region` the wallet's home; whether there is such a wallet. What nodes of the old home decide meanwhile is refused or goes along.

    May be called again after any failure. Raises StoreUnreachable, WriteConflict.
    """
    await homes.refresh(partitions.links)
    home = partitions.links.name_of(region)
    if home in partitions.links.given_up:
        raise StoreUnreachable(f"region {region} was given up; take it back first")
    for _ in range(_ATTEMPTS):
        found = await partitions.newest(wallet)
        if found is None:
            return False
        if found.place.home == home:
            return True
        rolled, ended = homes.rolled(found.head)
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


async def give_up(links: Links, region: str, heir: str, operator: str) -> None:
    """From now on `heir` decides for the wallets of `region`, as far as its replicas know them. No node of `region` may be at work: nothing here can stop it.

    Raises StoreUnreachable, OutcomeUnknown.
    """
    await homes.refresh(links)
    await _record(links, FencedRecord(homes.GIVEN_UP, links.name_of(region), heir.encode()), operator)


async def take_back(partitions: Partitions, wallets: AsyncIterator[WalletKey], region: str, operator: str) -> list[WalletKey]:
    """`region` takes part again, under a home of a new name, its data made anew from the others'. Before, each of `wallets`, which are all, goes over to
    the heir, and the region's own partitions are closed. Gives the wallets whose data is still the old one there, or that the region went on with after
    it had been given up: while there are any, nothing was taken back. May be called again after any failure.

    Raises StoreUnreachable, OutcomeUnknown.
    """
    links = partitions.links
    await homes.refresh(links)
    home = links.name_of(region)
    if home not in links.given_up:
        return []
    torn = [wallet async for wallet in wallets if not await _closed(partitions, wallet, home)]
    if not torn:
        await _record(links, FencedRecord(homes.GIVEN_UP, f"{region}:{homes.term(home) + 1}", b""), operator)
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
        fence = await fences.raise_fence(links.world, homes.GIVEN_UP, operator)
        result = await fences.put_fenced(links.world, record, fence)
    if result is not CommitResult.APPLIED:
        raise StoreUnreachable("the store cannot be reached, or somebody else gives up a region now; nothing was done")
    await homes.refresh(links)
