"""What state the servers are in, node by node: each is asked on a connection of its own, so that it can be told while some of them are down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress

from msgspec import Struct, structs

from croupier.config import Config
from croupier.errors import StoreFailed, StoreUnusable
from croupier.stores.cassandra import checks, opening, schema, survey
from croupier.stores.cassandra.coordinators import driver_class
from croupier.stores.cassandra.driver import DriverError, Endpoint

_TIMEOUT_S = 3.0
_WHOLE_TIMEOUT_S = 5.0


class ServerCondition(Struct, frozen=True):
    """One node of Cassandra."""

    address: str
    region: str
    problem: str = ""
    """Why it counts as lost; empty where it answers."""
    version: str = ""
    clock_ahead_ms: int = 0
    """Of the clock of the machine that asks, by at least so much; below 0 where it is behind."""
    paxos_mib: int | None = None
    """How much disk its Paxos state takes; None where that is not known."""


class Condition(Struct, frozen=True):
    """The store as a whole."""

    servers: tuple[ServerCondition, ...]
    replicas: dict[str, int] = {}
    """How many copies each region holds."""
    schema_version: int = 0
    quorum_problems: tuple[str, ...] = ()
    """Why rounds are refused now, a sentence each."""
    problems: tuple[str, ...] = ()
    """What else is wrong, a sentence each."""
    given_up: dict[str, str] = {}
    """In class home: regions that were given up, each with the one that decides for its wallets."""
    advice: str = ""
    """What the operator should know, though nothing is wrong."""


async def condition(config: Config) -> Condition:
    """Asks every node that is named, and every one that those know of. Raises StoreUnusable where the settings cannot be meant."""
    make = driver_class(config.cassandra)
    try:
        named = opening.endpoints(config.cassandra)
    except DriverError as error:
        raise StoreUnusable(str(error)) from error
    if not named:
        raise StoreUnusable("no node of Cassandra is named; set cassandra.contact_points")
    peers: dict[str, Endpoint] = {}
    first = await _asked(lambda at: make(at, config.cassandra, keyspace=""), named, peers)
    unknown = [peer for peer in peers.values() if peer not in named]
    asked = first + await _asked(lambda at: make(at, config.cassandra, keyspace=""), unknown, peers)
    servers = tuple(_server(at, said) for at, said in asked)
    nodes = [said for _, said in asked if isinstance(said, checks.Node)]
    if not nodes:
        return Condition(servers, quorum_problems=(_nowhere(servers),))
    found = Condition(servers, problems=(*_misnamed(named, nodes), *_unaccepted(config, checks.of_nodes(nodes))))
    try:
        async with asyncio.timeout(_WHOLE_TIMEOUT_S):
            return await _as_a_whole(config, found)
    except StoreUnusable as unusable:
        return structs.replace(found, problems=(*found.problems, str(unusable)))
    except (DriverError, TimeoutError) as error:
        why = f"its nodes answer, but not together: {str(error) or 'no answer in time'}"
        return structs.replace(found, quorum_problems=(f"Cassandra cannot be used, {why}",))


def quorum_problems(durability: str, replicas: Mapping[str, int], lost: Mapping[str, int]) -> list[str]:
    """Why conditional writes are refused now. `lost` is how many nodes of each region do not answer; each may have held a replica of the same rows."""
    left = {region: count - min(count, lost.get(region, 0)) for region, count in replicas.items()}
    total, needed = sum(replicas.values()), sum(replicas.values()) // 2 + 1
    if durability == "geo":
        if sum(left.values()) >= needed:
            return []
        return [f"no quorum of Cassandra: of {total} replicas {sum(left.values())} may be left, and it takes {needed}; rounds wait"]
    return [
        f"no quorum of Cassandra in region {region}: of {count} replicas {left[region]} may be left, and it takes {count // 2 + 1}; rounds wait"
        for region, count in replicas.items()
        if left[region] < count // 2 + 1
    ]


async def _asked(
    connect: survey.Connect, endpoints: Sequence[Endpoint], peers: dict[str, Endpoint]
) -> list[tuple[Endpoint, checks.Node | str]]:
    """What each says, or why it says nothing; `peers` gets those that they know of."""

    async def ask(at: Endpoint) -> checks.Node | str:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                with closing(connect(at)) as driver:
                    node = await survey.ask(driver, at)
                    peers.update({peer.name: peer for peer in await survey.peers(driver)})
                    return node
        except TimeoutError:
            return "no answer in time"
        except DriverError as error:
            return " ".join(str(error).split()).removeprefix(f"{at.name}: ")

    return list(zip(endpoints, await asyncio.gather(*(ask(at) for at in endpoints)), strict=True))


async def _as_a_whole(config: Config, found: Condition) -> Condition:
    """What it takes a cluster to answer. Raises StoreUnusable for the first thing that it cannot be used with, DriverError."""
    settings = config.cassandra
    with closing(opening.connecting(config, keyspace="")) as driver:
        await driver.connect()
        replicas = await survey.replicas(driver, settings.keyspace)
    lost = _lost(found.servers)
    short = tuple(quorum_problems(settings.durability, replicas, lost))
    lacks = _unaccepted(config, checks.of_replicas(replicas, settings.durability, config.region))
    advice = checks.advice(replicas, settings.durability, config.region)
    found = structs.replace(found, replicas=replicas, quorum_problems=short, problems=(*found.problems, *lacks), advice=advice)
    if short:
        with suppress(StoreUnusable, StoreFailed):  # A region that was lost is short for good, and is where somebody wants to see this.
            return structs.replace(found, given_up=await _given_up(config))
        return found
    version = await opening.version(config)
    given_up = await _given_up(config) if version.version else {}
    found = structs.replace(found, schema_version=version.version, given_up=given_up)
    try:
        schema.refuse(version, settings.durability)
    except StoreUnusable as unusable:
        return structs.replace(found, problems=(*found.problems, str(unusable)))
    return found


async def _given_up(config: Config) -> dict[str, str]:
    return await opening.given_up(config) if config.cassandra.durability == "home" else {}


def _unaccepted(config: Config, findings: Iterable[checks.Finding]) -> list[str]:
    return [finding.sentence for finding in findings if not finding.accepted_by or finding.accepted_by not in config.cassandra.accept]


def _server(at: Endpoint, said: checks.Node | str) -> ServerCondition:
    if isinstance(said, str):
        return ServerCondition(at.name, at.region, said)
    return ServerCondition(at.name, said.region, "", said.version, round(said.clock_ahead_ms), said.paxos_mib)


def _lost(servers: Iterable[ServerCondition]) -> dict[str, int]:
    lost: dict[str, int] = {}
    for server in servers:
        lost[server.region] = lost.get(server.region, 0) + bool(server.problem)
    return lost


def _misnamed(named: Sequence[Endpoint], nodes: Iterable[checks.Node]) -> list[str]:
    """Contact points that stand under another name than their data centre's."""
    regions = {at.name: at.region for at in named}
    return [
        f"Cassandra at {node.address} is in data centre {node.region}, and cassandra.contact_points has it in {regions[node.address]}"
        for node in nodes
        if regions.get(node.address, node.region) != node.region
    ]


def _nowhere(servers: Iterable[ServerCondition]) -> str:
    reasons = {one.address: one.problem for one in servers}
    if len(set(reasons.values())) == 1:
        return f"Cassandra cannot be reached at {', '.join(reasons)}: {next(iter(reasons.values()))}"
    return "Cassandra cannot be reached: " + "; ".join(f"{address}: {reason}" for address, reason in reasons.items())
