"""Class home: which region decides for a wallet. How that changes is in moves.py.

A partition stays in one region's Paxos for life, and names it. A region that was given up cannot close anything any more: its partitions are then taken as
another region's replicas have them, and the next one opens in the region that was named when it was given up.
"""

from __future__ import annotations

from msgspec import structs

from croupier.errors import StoreUnreachable
from croupier.model import GENESIS_EPOCH, WITHOUT_ENTRY_MS, Epoch, Wallet, WalletKey
from croupier.stores.cassandra import fences, statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import unreachable
from croupier.stores.cassandra.links import Links, region_of
from croupier.stores.cassandra.partition import Found

GIVEN_UP = "given up"
"""The singleton under whose fence regions are given up and taken back."""


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


def inherited(links: Links, found: Found) -> Found:
    """An open partition as it is; one of a region that was given up as if its heir had closed it."""
    if found.place.home not in links.given_up:
        return found
    head, ended = rolled(found.head)
    return Found(found.place, head, True, links.heir(found.place.home), found.rows, ended)


async def refresh(links: Links) -> None:
    """Learns which regions were given up and taken back. Raises StoreUnreachable."""
    _, records = await fences.fenced(links.world, GIVEN_UP)
    links.given_up = {record.item: record.body.decode() for record in records if record.body}
    taken_back = sorted((record.item for record in records if not record.body), key=term)
    links.names = {region_of(home): home for home in taken_back}


def standing(links: Links) -> dict[str, str]:
    """Regions that are given up now, each with the region that decides for its wallets; what was taken back is left out."""
    lost = [region_of(home) for home in links.given_up if links.name_of(region_of(home)) == home]
    return {region: region_of(links.heir(links.name_of(region))) for region in sorted(lost)}


def term(home: str) -> int:
    """How often a region has begun: 1, unless it was taken back."""
    return int(home.partition(":")[2] or 1)


def rolled(head: Wallet) -> tuple[Wallet, Epoch]:
    """The head after its epoch has ended, and the end."""
    ended = Epoch(head.epoch, head.revision, head.balance_micros, head.chain_hash, WITHOUT_ENTRY_MS)
    return structs.replace(head, epoch=head.epoch + 1, epoch_first_revision=head.revision + 1), ended
