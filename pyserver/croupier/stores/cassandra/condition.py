"""What state the servers are in, node by node: each is asked on a connection of its own, so that it can be told while some of them are down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from croupier.config import Cassandra
from croupier.errors import StoreUnusable
from croupier.stores.cassandra import schema
from croupier.stores.cassandra.coordinators import driver_class
from croupier.stores.cassandra.driver import GLOBAL, LOCAL, Driver, DriverError, Endpoint

CLOCK_APART_MS_MAX = 1_000
"""Paxos orders its ballots by the servers' clocks: a node that is further ahead wins against the others for as long."""
_REPLICAS_MIN = 3
_TIMEOUT_S = 2.0
_LOCAL = "SELECT release_version, data_center, toUnixTimestamp(now()) FROM system.local"
_PEERS = "SELECT native_address, native_port, data_center FROM system.peers_v2"
_SETTINGS = "SELECT name, value FROM system_views.settings"
_REPLICATION = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '{}'"


class ServerCondition(Struct, frozen=True):
    """One node of Cassandra."""

    address: str
    region: str
    problem: str = ""
    """Why it counts as lost; empty where it answers."""
    version: str = ""
    clock_ahead_ms: int = 0
    """Of the clock of the machine that asks; below 0 where it is behind."""
    settings: dict[str, str] = {}
    """Those that money rests on."""


class Condition(Struct, frozen=True):
    """The store as a whole."""

    servers: tuple[ServerCondition, ...] = ()
    replicas: dict[str, int] = {}
    """How many copies each region holds."""
    schema_version: int = 0
    quorum_problems: tuple[str, ...] = ()
    """Why rounds are refused now, a sentence each."""
    problems: tuple[str, ...] = ()
    """What else is wrong, a sentence each."""


async def condition(settings: Cassandra) -> Condition:
    """Asks every node that is named, and every one that those know of. Raises StoreUnusable where the settings cannot be meant."""
    if not any(settings.contact_points.values()):
        raise StoreUnusable("no node of Cassandra is named; set cassandra.contact_points")
    named = [endpoint(region, point) for region, points in settings.contact_points.items() for point in points]
    drivers: dict[str, Driver] = {}
    try:
        servers, peers = await _servers(settings, named, drivers)
        known = {one.address for one in servers}
        more, _ = await _servers(settings, [peer for peer in peers if peer.name not in known], drivers)
        servers = sorted([*servers, *more], key=lambda one: (one.region, one.address))
        if all(one.problem for one in servers):
            return Condition(tuple(servers), quorum_problems=(_nowhere(servers),))
        well = next(one for one in servers if not one.problem)
        return await _judged(settings, servers, drivers[well.address], endpoint(well.region, well.address))
    finally:
        for driver in drivers.values():
            driver.close()


def endpoint(region: str, point: str) -> Endpoint:
    """A contact point of the settings. Raises StoreUnusable where it is not host:port."""
    host, _, port = point.rpartition(":")
    if not host or not port.isdigit():
        raise StoreUnusable(f"cassandra.contact_points: {point!r} is not host:port")
    return Endpoint(region, host, int(port))


def quorum_problems(durability: str, replicas: Mapping[str, int], lost: Mapping[str, int]) -> list[str]:
    """Why conditional writes are refused now. `lost` is how many nodes of each region do not answer; each may have held a replica of the same rows."""
    left = {region: count - min(count, lost.get(region, 0)) for region, count in replicas.items()}
    if durability == "geo":
        total, needed = sum(replicas.values()), sum(replicas.values()) // 2 + 1
        if sum(left.values()) < needed:
            return [f"of {total} replicas in {len(replicas)} regions {sum(left.values())} may be left, and a quorum takes {needed}"]
        return []
    short = [region for region, count in replicas.items() if left[region] < count // 2 + 1]
    return [
        f"of {replicas[region]} replicas in region {region} {left[region]} may be left, and a quorum takes {replicas[region] // 2 + 1}"
        for region in short
    ]


def unsafe_settings(servers: Iterable[ServerCondition], accepted: Iterable[str] = ()) -> list[str]:
    """Settings with which an acknowledged round may be lost or settled twice, a sentence each; `accepted` are let pass by name."""
    found: list[str] = []
    for server in servers:
        variant, sync = server.settings.get("paxos_variant", ""), server.settings.get("commitlog_sync", "")
        if variant and variant not in {"v1", "v2"}:
            found.append(f"Cassandra at {server.address} has paxos_variant {variant}: its reads are not linearizable; set v2")
        if sync == "periodic" and "commitlog_sync" not in accepted:
            found.append(
                f"Cassandra at {server.address} has commitlog_sync periodic: a power cut loses what was acknowledged in its period; set batch"
            )
    return found


def clock_problems(servers: Iterable[ServerCondition]) -> list[str]:
    """Nodes whose clocks are too far from this machine's."""
    apart = [one for one in servers if not one.problem and abs(one.clock_ahead_ms) > CLOCK_APART_MS_MAX]
    return [
        f"the clock of Cassandra at {one.address} is {abs(one.clock_ahead_ms) / 1000:.1f} s {'ahead' if one.clock_ahead_ms > 0 else 'behind'}; "
        f"keep clocks within {CLOCK_APART_MS_MAX / 1000:.0f} s of each other"
        for one in apart
    ]


async def _servers(
    settings: Cassandra, endpoints: Iterable[Endpoint], drivers: dict[str, Driver]
) -> tuple[list[ServerCondition], list[Endpoint]]:
    peers: dict[str, Endpoint] = {}

    async def ask(at: Endpoint) -> ServerCondition:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                driver = drivers[at.name] = _driver(at, settings, keyspace="")
                await driver.connect()
                return await _asked(driver, at, peers)
        except TimeoutError:
            return ServerCondition(at.name, at.region, "no answer in time")
        except DriverError as error:
            return ServerCondition(at.name, at.region, " ".join(str(error).split()))

    servers = await asyncio.gather(*(ask(at) for at in endpoints))
    return list(servers), list(peers.values())


async def _asked(driver: Driver, at: Endpoint, peers: dict[str, Endpoint]) -> ServerCondition:
    sent_ms = time.time() * 1000
    ((version, region, clock_ms),) = await driver.run(_LOCAL, _TIMEOUT_S)
    middle_ms = (sent_ms + time.time() * 1000) / 2
    for host, port, peer_region in await driver.run(_PEERS, _TIMEOUT_S):
        peer = Endpoint(str(peer_region), str(host), int(port))
        peers[peer.name] = peer
    wanted = {
        str(name): str(value) for name, value in await driver.run(_SETTINGS, _TIMEOUT_S) if name in ("paxos_variant", "commitlog_sync")
    }
    return ServerCondition(at.name, str(region), "", str(version), round(clock_ms - middle_ms), wanted)


async def _judged(settings: Cassandra, servers: list[ServerCondition], driver: Driver, at: Endpoint) -> Condition:
    """The whole, asked through one node that answers: `driver` is connected there."""
    lost: dict[str, int] = {}
    for one in servers:
        lost[one.region] = lost.get(one.region, 0) + bool(one.problem)
    problems = [*_misnamed(settings, servers), *unsafe_settings(servers, settings.accept), *clock_problems(servers)]
    found = Condition(tuple(servers), problems=tuple(problems))
    try:
        rows = await driver.run(_REPLICATION.format(settings.keyspace), _TIMEOUT_S)
        if not rows:
            missing = f"there is no keyspace {settings.keyspace}; croupier migrate --apply --create-keyspace makes it"
            return structs.replace(found, problems=(*problems, missing))
        replicas = {region: int(count) for region, count in dict(rows[0][0]).items() if region != "class"}
        found = structs.replace(found, replicas=replicas, quorum_problems=tuple(quorum_problems(settings.durability, replicas, lost)))
        problems += too_few(settings.durability, replicas)
        version, problem = await _schema(settings, at) if not found.quorum_problems else (0, [])
    except DriverError as error:
        return structs.replace(found, quorum_problems=(*found.quorum_problems, f"a serial read fails: {error}"))
    return structs.replace(found, schema_version=version, problems=(*problems, *problem))


def too_few(durability: str, replicas: Mapping[str, int]) -> list[str]:
    """Where the keyspace has fewer replicas than it takes to go on without one, as classes geo and home promise."""
    total = sum(replicas.values())
    if durability == "geo" and total < _REPLICAS_MIN:
        return [f"class geo needs {_REPLICAS_MIN} replicas over its regions to go on without one, and the keyspace has {total}"]
    if durability != "home":
        return []
    return [
        f"class home needs {_REPLICAS_MIN} replicas in region {region} to go on without one, and the keyspace has {count}"
        for region, count in replicas.items()
        if count < _REPLICAS_MIN
    ]


async def _schema(settings: Cassandra, at: Endpoint) -> tuple[int, list[str]]:
    driver = _driver(at, settings, keyspace=settings.keyspace)
    try:
        await driver.connect()
        found = await schema.version(driver, GLOBAL if settings.durability == "geo" else LOCAL, settings.keyspace)
        schema.refuse(found, settings.durability)
    except StoreUnusable as unusable:
        return 0, [str(unusable)]
    finally:
        driver.close()
    return found.version, []


def _driver(at: Endpoint, settings: Cassandra, *, keyspace: str) -> Driver:
    return driver_class(settings)(at, settings, keyspace=keyspace)


def _misnamed(settings: Cassandra, servers: list[ServerCondition]) -> list[str]:
    """Contact points that stand under another name than their data centre's."""
    regions = {endpoint(region, point).name: region for region, points in settings.contact_points.items() for point in points}
    return [
        f"Cassandra at {one.address} is in data centre {one.region}, not in {regions[one.address]} as cassandra.contact_points says"
        for one in servers
        if not one.problem and regions.get(one.address, one.region) != one.region
    ]


def _nowhere(servers: Iterable[ServerCondition]) -> str:
    reasons = {one.address: one.problem for one in servers}
    if len(set(reasons.values())) == 1:
        return f"Cassandra cannot be reached at {', '.join(reasons)}: {next(iter(reasons.values()))}"
    return "Cassandra cannot be reached: " + "; ".join(f"{address}: {reason}" for address, reason in reasons.items())
