"""Asks every server that can be reached what it is and how it is set, and the cluster how the keyspace is replicated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from croupier.errors import StoreUnusable
from croupier.stores.cassandra.checks import SETTINGS, Node, ahead_ms
from croupier.stores.cassandra.driver import Driver, DriverError, Endpoint, Misuse

_TIMEOUT_S = 5.0
_MAX_NODES = 64
_NAMES = ", ".join(f"'{name}'" for name in SETTINGS)

Connect = Callable[[Endpoint], Driver]
"""A driver that asks one server only, not connected yet."""


async def nodes(driver: Driver, named: Sequence[Endpoint], connect: Connect) -> list[Node]:
    """What each server says that answers: those that are named, and those that `driver` hears of. Raises DriverError where that one does not answer."""
    endpoints = list(dict.fromkeys([*named, *await peers(driver)]))[:_MAX_NODES]
    found = await asyncio.gather(*(_ask(connect(endpoint), endpoint) for endpoint in endpoints))
    return [node for node in found if node is not None]


async def peers(driver: Driver) -> list[Endpoint]:
    """The servers that the one that is asked knows of. Raises DriverError."""
    rows = await driver.run("SELECT data_center, native_address, native_port FROM system.peers_v2", _TIMEOUT_S)
    return [Endpoint(region, str(address), port) for region, address, port in rows if address]


async def replicas(driver: Driver, keyspace: str) -> dict[str, int]:
    """Replicas of a keyspace by region. Raises StoreUnusable where they are not told by region, DriverError."""
    rows = await driver.run(
        f"SELECT replication, durable_writes FROM system_schema.keyspaces WHERE keyspace_name = '{keyspace}'", _TIMEOUT_S
    )
    if not rows:
        raise StoreUnusable(f"there is no keyspace {keyspace}; make it with croupier migrate --apply --create-keyspace")
    options: dict[str, str] = dict(rows[0][0])
    strategy = options.pop("class", "").rpartition(".")[2]
    if strategy != "NetworkTopologyStrategy":
        raise StoreUnusable(f"keyspace {keyspace} is replicated by {strategy}; NetworkTopologyStrategy is needed, with replicas by region")
    if not rows[0][1]:
        raise StoreUnusable(f"keyspace {keyspace} has durable_writes off: a server that dies would lose rounds; turn it on")
    return {region: int(count.partition("/")[0]) for region, count in options.items()}


async def paxos_mib(driver: Driver, timeout_s: float = _TIMEOUT_S) -> int | None:
    """How much disk a server's promises take, in MiB; None where the login may not see it. Raises NotSent, Unknown."""
    try:
        rows = await driver.run(
            "SELECT mebibytes FROM system_views.disk_usage WHERE keyspace_name = 'system' AND table_name = 'paxos'", timeout_s
        )
    except Misuse:
        return None
    return rows[0][0] if rows else 0


async def ask(driver: Driver, endpoint: Endpoint) -> Node:
    """Connects to one server; what it says of itself. Raises DriverError."""
    await driver.connect()
    settings = await driver.run(f"SELECT name, value FROM system_views.settings WHERE name IN ({_NAMES})", _TIMEOUT_S)
    before_ms = _now_ms()
    ((version, region, then_ms),) = await driver.run(
        "SELECT release_version, data_center, toUnixTimestamp(now()) FROM system.local", _TIMEOUT_S
    )
    after_ms = _now_ms()
    return Node(endpoint.name, region, version, dict(settings), ahead_ms(before_ms, then_ms, after_ms), await paxos_mib(driver))


async def _ask(driver: Driver, endpoint: Endpoint) -> Node | None:
    try:
        return await ask(driver, endpoint)
    except DriverError:
        return None
    finally:
        driver.close()


def _now_ms() -> float:
    return time.time() * 1000
