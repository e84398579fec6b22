"""One partition of a small table, and the conditional batch on it: the shape of a round's, without the store around it."""

from __future__ import annotations

import asyncio
import gc
import threading
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from croupier import scheduling
from croupier.config import Cassandra
from croupier.stores.cassandra.acsylla_driver import AcsyllaDriver
from croupier.stores.cassandra.driver import GLOBAL, Applied, Consistency, Driver, Endpoint, NotSent
from croupier.stores.cassandra.python_driver import PythonDriver
from tests.cluster.cql_proxy import CqlProxy
from tests.cluster.machines import Ring

TIMEOUT_S = 1.0
OPEN = "INSERT INTO purse (name, id, revision) VALUES (?, '', 0) IF NOT EXISTS"
MOVE = "UPDATE purse SET revision = ? WHERE name = ? IF revision = ?"
NOTE = "INSERT INTO purse (name, id, body) VALUES (?, ?, ?) IF NOT EXISTS"
READ = "SELECT id, revision, body FROM purse WHERE name = ?"
DRIVERS: dict[str, Callable[..., Any]] = {"acsylla": AcsyllaDriver, "python": PythonDriver}


class Purse:
    """A partition of its own."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.revision = 0

    async def open(self, driver: Driver, *, timeout_s: float = TIMEOUT_S) -> None:
        """Makes the partition."""
        opened = await driver.conditional([(await driver.prepare(OPEN), (self.name,))], GLOBAL, timeout_s)
        assert opened.applied

    async def move(self, driver: Driver, note: str, *, avoid: str = "", timeout_s: float = TIMEOUT_S) -> Applied:
        """One batch: the next revision, and a row that is new."""
        statements = [
            (await driver.prepare(MOVE), (self.revision + 1, self.name, self.revision)),
            (await driver.prepare(NOTE), (self.name, note, b"\x00bytes\xff")),
        ]
        answer = await driver.conditional(statements, GLOBAL, timeout_s, avoid=avoid)
        self.revision += answer.applied
        return answer

    async def rows(self, driver: Driver) -> dict[str, tuple[int, bytes | None]]:
        """All rows as they stand for certain: revision and body by id."""
        found = await driver.query(await driver.prepare(READ), (self.name,), Consistency.SERIAL, 5.0)
        return {id_: (revision, body) for id_, revision, body in found}


async def applied(own: Purse, driver: Any) -> bool:
    """Whether a batch was taken and applied."""
    try:
        return (await own.move(driver, "first")).applied
    except NotSent:
        return False


class Place:
    """Where a test's keyspace is."""

    def __init__(self, ring: Ring, keyspace: str) -> None:
        self.keyspace = keyspace
        self.endpoints = [
            Endpoint(region, address, ring.port) for region, addresses in ring.contact_points.items() for address in addresses
        ]
        self.endpoint = self.endpoints[0]

    def settings(self, **more: Any) -> Cassandra:
        """What the server would be told."""
        return Cassandra(**{"keyspace": self.keyspace, "request_timeout_s": TIMEOUT_S} | more)

    async def prepare(self) -> None:
        """Makes keyspace and table anew."""
        driver = PythonDriver(self.endpoint, self.settings(), keyspace="")
        await driver.connect()
        replication = ", ".join(f"'{endpoint.region}': 1" for endpoint in self.endpoints)
        for cql in (
            f"DROP KEYSPACE IF EXISTS {self.keyspace}",
            f"CREATE KEYSPACE {self.keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', {replication}}}",
            f"CREATE TABLE {self.keyspace}.purse (name text, id text, revision bigint static, body blob, PRIMARY KEY (name, id))",
        ):
            await driver.run(cql, 10.0)
        await end(driver)


def place_on(ring: Ring, keyspace: str) -> Iterator[Place]:
    """For `yield from` in a fixture."""
    place = Place(ring, keyspace)
    run(place.prepare())
    yield place
    # acsylla leaves a pair of sockets per event loop to the garbage collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """On the event loop that the server runs on."""
    with asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
        runner.run(scenario)


@asynccontextmanager
async def connected(make: Callable[..., Any], endpoint: Endpoint, place: Place, **options: Any) -> AsyncIterator[Any]:
    """A driver that is connected, and gone afterwards."""
    driver = make(endpoint, place.settings(), **options)
    await driver.connect()
    try:
        yield driver
    finally:
        await end(driver)


async def end(driver: Any) -> None:
    """Closes a driver, and waits for cassandra-driver's own threads, which would go on connecting meanwhile."""
    driver.close()
    for thread in threading.enumerate():
        if thread.name.startswith("close "):
            await asyncio.to_thread(thread.join)


@asynccontextmanager
async def behind_proxy(place: Place) -> AsyncIterator[tuple[CqlProxy, Endpoint]]:
    """A proxy before the place's first node, and where it listens."""
    node = place.endpoint
    async with CqlProxy(node.host, (node.host, node.port)) as proxy:
        yield proxy, Endpoint(node.region, proxy.host, proxy.port)


def both_drivers() -> pytest.MarkDecorator:
    """Runs a test with each driver."""
    return pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS.keys())
