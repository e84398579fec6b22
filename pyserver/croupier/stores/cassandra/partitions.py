"""A wallet over its partitions: reads the newest first, follows closed ones, opens the next one where nobody has yet, and finds old rows.

A partition is closed by the batch that begins an epoch, together with what that batch decides; the next one opens with the head that the batch left,
which is the same whoever opens it. So a roll may be cut off anywhere, and whoever comes next finishes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from croupier.errors import Refusal, StoreUnreachable
from croupier.model import GENESIS_EPOCH, Key, Row, State, WalletKey, epoch_key
from croupier.stores import codec
from croupier.stores.cassandra import homes, indices, partition, statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import Counts, Link, unreachable
from croupier.stores.cassandra.links import Links
from croupier.stores.cassandra.partition import Found
from croupier.stores.cassandra.places import Place, Places, may_be_before, time_ms

_IDS = ("session", "round", "transfer")
"""Kinds whose ids carry a time of their own; those of seeds carry their session's."""
_REFRESH_S = 5.0
"""How old the knowledge of regions that were given up may be."""


class Partitions:
    """See the module."""

    def __init__(self, links: Links, places: Places, counts: Counts) -> None:
        self.links = links
        self.places = places
        self._counts = counts
        self._refreshed_s = time.monotonic()

    async def load(self, wallet: WalletKey, keys: Sequence[Key]) -> State:
        """The rows under `keys`, all of this wallet, as they stood at one moment. Raises StoreUnreachable."""
        found = await self.newest(wallet, [key for key in keys if key.kind != "wallet"])
        if found is None:
            return dict.fromkeys(keys)
        bodies = dict(found.rows)
        missing = [key for key in keys if (key.kind, key.id) not in bodies and may_be_before(key, found.place)]
        if missing:
            bodies.update(await self.before(wallet, found.place, missing))
        return {key: found.head if key.kind == "wallet" else _row(key, bodies.get((key.kind, key.id))) for key in keys}

    async def newest(self, wallet: WalletKey, keys: Sequence[Key] = ()) -> Found | None:
        """The open partition with the rows of it; None where there is no such wallet. Raises StoreUnreachable."""
        known = self.places.of(wallet)
        place = known.place
        found = await self.read(wallet, place.number if place else GENESIS_EPOCH, keys, place.home if place else None)
        if found is None and place:
            found = await self.read(wallet, GENESIS_EPOCH, keys)
        if found is None:
            return None
        if found.closed and place is None:
            found = await self._hinted(wallet, found, keys)
        while found.closed:
            found = await self._following(wallet, found, keys)
        known.place = found.place
        return found

    async def before(self, wallet: WalletKey, place: Place, keys: Sequence[Key]) -> dict[tuple[str, bytes], bytes]:
        """Those of the rows that lie in partitions before `place`, which are closed; the newest of each. Raises StoreUnreachable."""
        bodies: dict[tuple[str, bytes], bytes] = {}
        while keys:
            found = await self.at(wallet, place.previous, keys)
            bodies.update((name, body) for name, body in found.rows.items() if name[0])
            place = found.place
            keys = [key for key in keys if (key.kind, key.id) not in bodies and may_be_before(key, place)]
        return bodies

    async def at(self, wallet: WalletKey, number: int, keys: Sequence[Key] = ()) -> Found:
        """A partition that is known to be there. Raises StoreUnreachable."""
        found = await self.read(wallet, number, keys)
        assert found is not None, f"{wallet} has no partition {number}"
        return found

    async def read(self, wallet: WalletKey, number: int, keys: Sequence[Key] = (), home: str | None = None) -> Found | None:
        """One partition, if it is there, as it stood at one moment; `home` where it is known. Raises StoreUnreachable."""
        if self.links.region:
            await self.refresh_homes()
        if home is None:
            home = await homes.of(self.links, wallet, number) if self.links.region else ""
            if home is None:
                return None
        found = await self._unless_given_up(home, lambda: _read(self.links.of(home), wallet, number, keys))
        return homes.inherited(self.links, found) if found is not None and not found.closed else found

    async def refresh_homes(self) -> None:
        """Learns now and then which regions were given up; where that cannot be told, what was known stands."""
        now_s = time.monotonic()
        if now_s - self._refreshed_s >= _REFRESH_S:
            self._refreshed_s = now_s
            with suppress(StoreUnreachable):
                await homes.refresh(self.links)

    async def open_next(self, wallet: WalletKey, closed: Found) -> Place:
        """Opens the partition after a closed one, unless somebody else has. Raises StoreUnreachable."""
        link = self.links.of(closed.place.home)
        last = await asyncio.gather(*(link.read(statements.READ_LAST_ID, [*wallet, closed.place.number, kind]) for kind in _IDS))
        ids_until_ms = max([closed.place.ids_until_ms, *(time_ms(id_) for rows in last for (id_,) in rows)])
        home = self.links.heir(closed.next_home or closed.place.home)
        place = Place(closed.head.epoch, closed.place.number, closed.head.revision + 1, ids_until_ms, home)
        opening = [partition.opening(wallet, place, closed.head)]
        if closed.ended:
            opening.append(partition.put(wallet, place.number, epoch_key(wallet, closed.ended.number), closed.ended))
        try:
            answer = await self.links.of(home).conditional(opening)
        except (NotSent, Unknown) as error:
            raise unreachable(error) from error
        self._counts.opened += answer.applied
        with suppress(Refusal):
            await indices.note_wallet(self.links.world, wallet, place.number)
        return place

    async def _unless_given_up(self, home: str, ask: Callable[[], Awaitable[Found | None]]) -> Found | None:
        """Where a region does not answer, it may have been given up meanwhile."""
        try:
            return await ask()
        except StoreUnreachable:
            if not home or home in self.links.given_up:
                raise
            await homes.refresh(self.links)
            if home not in self.links.given_up:
                raise
            return await ask()

    async def _following(self, wallet: WalletKey, closed: Found, keys: Sequence[Key]) -> Found:
        home = self.links.heir(closed.next_home or closed.place.home)
        found = await self.read(wallet, closed.head.epoch, keys, home)
        if found is None:
            await self.open_next(wallet, closed)
            found = await self.read(wallet, closed.head.epoch, keys, home)
            assert found is not None, f"the partition {closed.head.epoch} of {wallet} was opened and is not there"
        return found

    async def _hinted(self, wallet: WalletKey, first: Found, keys: Sequence[Key]) -> Found:
        """A later partition than the first, if the index knows of one."""
        hint = await indices.hint(self.links.world, wallet)
        return (await self.read(wallet, hint, keys) if hint > GENESIS_EPOCH else None) or first


async def _read(link: Link, wallet: WalletKey, number: int, keys: Sequence[Key]) -> Found | None:
    if len(keys) <= statements.MAX_PAIRS:
        return partition.found(number, await link.read(*partition.reading(wallet, number, keys)))
    parts = [keys[start : start + statements.MAX_PAIRS] for start in range(0, len(keys), statements.MAX_PAIRS)]
    while True:
        found = [one for one in await asyncio.gather(*(_read(link, wallet, number, part) for part in parts)) if one is not None]
        if not found:
            return None
        first = found[0]
        if len(found) == len(parts) and all((one.head, one.closed) == (first.head, first.closed) for one in found):
            rows = {name: body for one in found for name, body in one.rows.items()}
            return Found(first.place, first.head, first.closed, first.next_home, rows)


def _row(key: Key, body: bytes | None) -> Row | None:
    return None if body is None else codec.decode(key, body)
