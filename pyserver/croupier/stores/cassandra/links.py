"""Which way leads to what: the wallets of each home, and what all regions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from croupier.stores.cassandra.driver import Applied, NotSent, Prepared, Row, Value
from croupier.stores.cassandra.link import Link, Statements


class Links:
    """See the module. In classes local and geo there is one way to everything."""

    def __init__(self) -> None:
        self._world: Link | None = None
        self._homes: Mapping[str, Link] = {}
        self.region = ""
        """The node's own region in class home; otherwise empty."""
        self.given_up: Mapping[str, str] = {}
        """Homes that the operator gave up, each with the region that takes over its wallets. What was given up stays so for ever."""
        self.names: Mapping[str, str] = {}
        """What partitions name as their home that open in a region which was taken back; for other regions it is the region's own name."""

    def connect(self, world: Link, homes: Mapping[str, Link] | None = None, region: str = "") -> None:
        """`world` reaches what belongs to no region. In class home, `homes` has a way into each region, and `region` is the node's own."""
        self._world, self._homes = world, homes or {}
        self.region = region if homes else ""

    @property
    def world(self) -> Link:
        """The way to what all regions share."""
        assert self._world is not None, "the store was not opened"
        return self._world

    @property
    def regions(self) -> tuple[str, ...]:
        """In class home all regions, the node's own first; otherwise none."""
        return tuple(sorted(self._homes, key=lambda name: name != self.region))

    @property
    def home(self) -> str:
        """What new wallets get as their home: that of the node's region in class home, otherwise empty."""
        return self.name_of(self.region)

    def name_of(self, region: str) -> str:
        """The home of partitions that open in a region now."""
        return self.names.get(region, region)

    def of(self, home: str) -> Link:
        """The way to wallets of that home; of one that was given up, to what its heir's region has of them."""
        if not home:
            return self.world
        return Remains(self.way_to(self.heir(home)), home) if home in self.given_up else self.way_to(home)

    def way_to(self, home: str) -> Link:
        """The way into a home's region, given up or not."""
        return self._homes[region_of(home)]

    def heir(self, home: str) -> str:
        """The home that decides for the wallets of a home: itself, unless it was given up."""
        seen: set[str] = set()
        while home in self.given_up and home not in seen:
            seen.add(home)
            home = self.name_of(self.given_up[home])
        return home


def region_of(home: str) -> str:
    """The region of a home: `eu`, or `eu:2` once it was taken back."""
    return home.partition(":")[0]


class Remains(Link):
    """What another region's replicas have of a region that was given up: to be read, never to be written."""

    def __init__(self, link: Link, home: str) -> None:
        self.__dict__.update(link.__dict__)
        self._home = home

    async def read(self, statement: Prepared, values: Sequence[Value]) -> list[Row]:
        """See Link.look: nothing is left that could be finished."""
        return await self.look(statement, values)

    async def conditional(self, statements: Statements, *, avoid: str = "") -> Applied:
        """Raises NotSent."""
        raise NotSent(f"region {self._home} was given up")
