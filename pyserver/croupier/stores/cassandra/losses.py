"""What is lost where a region of class home is given up, as far as it can be told beforehand: from what another region's replicas have. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct, field

from croupier.model import WalletKey
from croupier.stores.cassandra import indices, partition, statements
from croupier.stores.cassandra.indices import Indexed
from croupier.stores.cassandra.link import Link
from croupier.stores.cassandra.links import Links, region_of
from croupier.stores.cassandra.partition import Found
from croupier.stores.cassandra.places import time_ms

_AT_ONCE = 16
_IDS = ("session", "round", "transfer")


class ExpectedLoss(Struct):
    """What the heir's replicas have of a region's wallets. All that the region acknowledged later is lost."""

    wallets: int = 0
    balance_micros: dict[str, int] = field(default_factory=dict[str, int])
    """By currency."""
    last_ms: int = 0
    """The time inside the newest id of a session, round or transfer that has arrived; 0 for none."""


async def expected(links: Links, region: str, heir: str) -> ExpectedLoss:
    """Walks every wallet whose home is `region`, as the replicas in `heir` have it. Raises StoreUnreachable."""
    link, loss = links.way_to(heir), ExpectedLoss()
    for operator in await indices.operators(links.world):
        async for page in indices.walk(links.world, operator):
            for start in range(0, len(page), _AT_ONCE):
                await asyncio.gather(*(_add(link, indexed, region, loss) for indexed in page[start : start + _AT_ONCE]))
    return loss


async def _add(link: Link, indexed: Indexed, region: str, loss: ExpectedLoss) -> None:
    found = await _newest(link, indexed)
    if found is None or region_of(found.place.home) != region:
        return
    loss.wallets += 1
    currency = indexed.wallet.currency
    loss.balance_micros[currency] = loss.balance_micros.get(currency, 0) + found.head.balance_micros
    last = await asyncio.gather(*(_last_id(link, indexed.wallet, found.place.number, kind) for kind in _IDS))
    loss.last_ms = max(loss.last_ms, found.place.ids_until_ms, *(time_ms(id_) for rows in last for id_ in rows), 0)


async def _newest(link: Link, indexed: Indexed) -> Found | None:
    """The newest partition that has arrived."""
    newest: Found | None = None
    number = indexed.epoch
    while True:
        found = partition.found(number, await link.look(*partition.reading(indexed.wallet, number, ())))
        if found is None:
            return newest
        newest = found
        if not found.closed:
            return found
        number = found.head.epoch


async def _last_id(link: Link, wallet: WalletKey, number: int, kind: str) -> Sequence[bytes]:
    return [id_ for (id_,) in await link.look(statements.READ_LAST_ID, [*wallet, number, kind])]
