"""Connects a node to its keyspace, and builds the store on it."""

from __future__ import annotations

import re

from croupier.config import Config
from croupier.errors import StoreUnusable
from croupier.stores.cassandra import schema, statements
from croupier.stores.cassandra.coordinators import open_coordinators
from croupier.stores.cassandra.driver import GLOBAL, LOCAL, Driver, DriverError, Levels, Misuse
from croupier.stores.cassandra.link import Counts, Link
from croupier.stores.cassandra.links import Links
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.cassandra.places import Places
from croupier.stores.cassandra.store import CassandraWrites

_NAME = re.compile("[a-z][a-z0-9_]{0,47}")


class CassandraStore(CassandraWrites):
    """See Store. Connects when it is opened, not when it is made."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._links = Links()
        self._drivers: list[Driver] = []
        counts = Counts()
        super().__init__(Partitions(self._links, Places(), counts), counts, config.node)

    async def open(self) -> None:
        """See Store.open."""
        try:
            driver = await self._connect()
            found = await schema.version(driver, levels_of(self._config), self._config.cassandra.keyspace)
            schema.refuse_other(found, self._config.cassandra.durability)
            schema.refuse_old(found)
            for statement in statements.ALL:
                await driver.prepare(statement.cql)
        except DriverError as error:
            raise unusable(self._config, error) from error
        self._links.connect(Link(driver, levels_of(self._config), self._config.cassandra.request_timeout_s, self.counts))

    def reads(self) -> CassandraWrites:
        """The store itself: its calls may run beside one another."""
        return self

    def close(self) -> None:
        """See Store.close."""
        for driver in self._drivers:
            driver.close()

    async def _connect(self) -> Driver:
        driver = make_driver(self._config, self._config.cassandra.keyspace)
        self._drivers.append(driver)
        try:
            await driver.connect()
        except Misuse as error:
            raise StoreUnusable(
                f"keyspace {self._config.cassandra.keyspace} cannot be used ({error}); make it with croupier migrate --apply --create-keyspace"
            ) from error
        return driver


def make_driver(config: Config, keyspace: str) -> Driver:
    """The driver that the settings name, in a keyspace, or in none. Raises StoreUnusable."""
    if not _NAME.fullmatch(config.cassandra.keyspace):
        raise StoreUnusable(f"{config.cassandra.keyspace!r} cannot be a keyspace's name; use small letters, digits and _, a letter first")
    try:
        return open_coordinators(config.cassandra, config.region, keyspace=keyspace)
    except Misuse as error:
        raise StoreUnusable(str(error)) from error


def levels_of(config: Config) -> Levels:
    """The levels of the durability class."""
    return GLOBAL if config.cassandra.durability == "geo" else LOCAL


async def migrate(config: Config, by: str) -> schema.SchemaVersion:
    """Brings the keyspace up to date. Raises StoreUnusable."""
    driver = make_driver(config, config.cassandra.keyspace)
    try:
        await driver.connect()
        return await schema.migrate(driver, levels_of(config), config.cassandra.durability, by)
    except DriverError as error:
        raise unusable(config, error) from error
    finally:
        driver.close()


async def create_keyspace(config: Config, replicas: dict[str, int]) -> None:
    """Makes the keyspace, unless it is there, with that many replicas in each region. Raises StoreUnusable."""
    driver = make_driver(config, "")
    replication = ", ".join(f"'{region}': {count}" for region, count in replicas.items())
    try:
        await driver.connect()
        await driver.run(
            f"CREATE KEYSPACE IF NOT EXISTS {config.cassandra.keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', {replication}}}",
            30.0,
        )
    except DriverError as error:
        raise unusable(config, error) from error
    finally:
        driver.close()


def unusable(config: Config, error: DriverError) -> StoreUnusable:
    """One sentence for the operator."""
    points = ", ".join(point for points in config.cassandra.contact_points.values() for point in points)
    return StoreUnusable(f"Cassandra at {points} cannot be used: {error}")
