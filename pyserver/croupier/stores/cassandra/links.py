"""Which way leads to what: the wallets of each home, and what all regions share."""

from __future__ import annotations

from collections.abc import Mapping

from croupier.stores.cassandra.link import Link


class Links:
    """See the module. In classes local and geo there is one way to everything."""

    def __init__(self) -> None:
        self._world: Link | None = None
        self._homes: Mapping[str, Link] = {}
        self.region = ""
        """What new wallets get as their home: the node's region in class home, otherwise empty."""

    def connect(self, world: Link, homes: Mapping[str, Link] | None = None, region: str = "") -> None:
        """`world` reaches what belongs to no region. In class home, `homes` has a way into each region, and `region` is the node's own."""
        self._world, self._homes = world, homes or {}
        self.region = region if homes else ""

    @property
    def world(self) -> Link:
        """The way to what all regions share."""
        assert self._world is not None, "the store was not opened"
        return self._world

    def of(self, home: str) -> Link:
        """The way to wallets of that home."""
        return self._homes[home] if home else self.world
