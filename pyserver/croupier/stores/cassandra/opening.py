"""Connects a node to its keyspace, refuses what it cannot rely on, and builds the store on it. Brings a keyspace up to date as well."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import closing

from croupier.config import Cassandra, Config
from croupier.errors import StoreUnreachable, StoreUnusable
from croupier.stores.cassandra import checks, contract, homes, schema, statements, survey
from croupier.stores.cassandra.coordinators import Coordinators, driver_class, endpoint, open_coordinators
from croupier.stores.cassandra.driver import GLOBAL, LOCAL, Driver, DriverError, Endpoint, Levels, Misuse, NotSent, Unknown
from croupier.stores.cassandra.link import Counts, Link
from croupier.stores.cassandra.links import Links
from croupier.stores.cassandra.partitions import Partitions
from croupier.stores.cassandra.places import Places
from croupier.stores.cassandra.store import CassandraWrites
from croupier.stores.cassandra.watch import ServerWatch

_NAME = re.compile("[a-z][a-z0-9_]{0,47}")
_SCHEMA_TIMEOUT_S = 30.0
_CONTRACT_ATTEMPTS = 3
_log = logging.getLogger("croupier.cassandra")


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
        settings, region = self._config.cassandra, self._config.region
        try:
            coordinators = connecting(self._config)
            world = await self._connect(coordinators)
            await _check(self._config, world)
            ways = (
                {home: await self._connect(connecting(self._config, home)) for home in settings.contact_points}
                if settings.durability == "home"
                else {}
            )
            for driver in (world, *ways.values()):
                for statement in statements.ALL:
                    await driver.prepare(statement.cql)
        except DriverError as error:
            self.close()
            raise unusable(self._config, error) from error
        except StoreUnusable:
            self.close()
            raise

        self.servers = ServerWatch(coordinators.looks, settings.accept)

        def link(driver: Driver, levels: Levels) -> Link:
            return Link(driver, levels, settings.request_timeout_s, self.counts)

        self._links.connect(link(world, levels_of(settings)), {home: link(driver, LOCAL) for home, driver in ways.items()}, region)
        if ways:
            await self._refuse_given_up(region)

    def reads(self) -> CassandraWrites:
        """The store itself: its calls may run beside one another."""
        return self

    def close(self) -> None:
        """See Store.close."""
        for driver in self._drivers:
            driver.close()
        self._drivers.clear()

    async def _refuse_given_up(self, region: str) -> None:
        try:
            await homes.refresh(self._links)
        except StoreUnreachable as error:
            raise StoreUnusable(f"whether region {region} was given up cannot be told: {error.message}") from error
        if heir := self._links.given_up.get(self._links.home):
            self.close()
            raise StoreUnusable(f"region {region} was given up for {heir}: rebuild its data from the others' and take it back first")

    async def _connect(self, driver: Driver) -> Driver:
        self._drivers.append(driver)
        await driver.connect()
        return driver


def connecting(config: Config, home: str = "", *, keyspace: str | None = None) -> Coordinators:
    """The way to all regions, not connected yet, in the settings' keyspace, or another, or none; what is local stays in the region `home`, or the node's own.

    Raises StoreUnusable, Misuse.
    """
    settings = config.cassandra
    if not settings.contact_points:
        raise StoreUnusable("no node of Cassandra is named; set cassandra.contact_points")
    if not _NAME.fullmatch(settings.keyspace):
        raise StoreUnusable(f"{settings.keyspace!r} cannot be a keyspace's name; use small letters, digits and _, a letter first")
    if config.region not in settings.contact_points:
        raise StoreUnusable(f"cassandra.contact_points names no node of this node's own region, {config.region}")
    return open_coordinators(settings, home or config.region, keyspace=keyspace)


def endpoints(settings: Cassandra) -> list[Endpoint]:
    """The servers that the settings name. Raises Misuse where one is not host:port."""
    return [endpoint(region, point) for region, points in settings.contact_points.items() for point in points]


def levels_of(settings: Cassandra) -> Levels:
    """The levels of what belongs to no region, in the durability class."""
    return LOCAL if settings.durability == "local" else GLOBAL


async def migrate(config: Config, by: str) -> schema.SchemaVersion:
    """Brings the keyspace up to date. Raises StoreUnusable."""
    try:
        with closing(connecting(config)) as driver:
            await driver.connect()
            return await schema.migrate(driver, levels_of(config.cassandra), config.cassandra.durability, by)
    except DriverError as error:
        raise unusable(config, error) from error


async def version(config: Config) -> schema.SchemaVersion:
    """What the keyspace says of itself. Raises StoreUnusable."""
    try:
        with closing(connecting(config)) as driver:
            await driver.connect()
            return await schema.version(driver, levels_of(config.cassandra), config.cassandra.keyspace)
    except DriverError as error:
        raise unusable(config, error) from error


async def given_up(config: Config) -> dict[str, str]:
    """Regions that were given up: see homes.standing. Raises StoreUnusable."""
    links = Links()
    try:
        with closing(connecting(config)) as driver:
            await driver.connect()
            links.connect(Link(driver, levels_of(config.cassandra), config.cassandra.request_timeout_s, Counts()))
            await homes.refresh(links)
    except DriverError as error:
        raise unusable(config, error) from error
    except StoreUnreachable as error:
        raise StoreUnusable(f"which regions were given up cannot be told: {error.message}") from error
    return homes.standing(links)


async def create_keyspace(config: Config, replicas: Mapping[str, int]) -> None:
    """Makes the keyspace, unless it is there, with that many replicas in each region. Raises StoreUnusable."""
    replication = ", ".join(f"'{region}': {count}" for region, count in replicas.items())
    try:
        with closing(connecting(config, keyspace="")) as driver:
            await driver.connect()
            await driver.run(
                f"CREATE KEYSPACE IF NOT EXISTS {config.cassandra.keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', {replication}}}",
                _SCHEMA_TIMEOUT_S,
            )
            await schema.agreed(driver)
    except DriverError as error:
        raise unusable(config, error) from error


def unusable(config: Config, error: DriverError) -> StoreUnusable:
    """One sentence for the operator."""
    if isinstance(error, Misuse) and "eyspace" in str(error):
        return StoreUnusable(
            f"there is no keyspace {config.cassandra.keyspace} that this node may use ({error}); make it with croupier migrate --apply --create-keyspace"
        )
    points = ", ".join(point for points in config.cassandra.contact_points.values() for point in points)
    return StoreUnusable(f"Cassandra at {points} cannot be used: {error}")


async def _check(config: Config, driver: Driver) -> None:
    """Raises StoreUnusable for what this node must not rest on, DriverError where it cannot be asked."""
    settings = config.cassandra
    make = driver_class(settings)
    found = await survey.nodes(driver, endpoints(settings), lambda endpoint: make(endpoint, settings, keyspace=""))
    replicas = await survey.replicas(driver, settings.keyspace)
    findings = [*checks.of_nodes(found), *checks.of_replicas(replicas, settings.durability, config.region)]
    for sentence in checks.refuse(findings, settings.accept):
        _log.warning(sentence)
    if advice := checks.advice(replicas, settings.durability, config.region):
        _log.warning(advice)
    schema.refuse(await schema.version(driver, levels_of(settings), settings.keyspace), settings.durability)
    await _check_contract(settings, driver)


async def _check_contract(settings: Cassandra, driver: Driver) -> None:
    """Tries it anew where a busy cluster left an answer out. Raises StoreUnusable, DriverError."""
    for attempt in range(1, _CONTRACT_ATTEMPTS + 1):
        try:
            await contract.check(driver, levels_of(settings), settings.request_timeout_s)
        except (NotSent, Unknown):
            if attempt == _CONTRACT_ATTEMPTS:
                raise
        else:
            break
