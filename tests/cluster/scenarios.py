"""Named scenarios with their timelines: the primary service fails; a region is lost; a database's disk is lost and rebuilt while play goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from croupier.dev.failure import DevFailed
from tests.cluster.crowd import longest_gap_s, slowest_s
from tests.cluster.stage import Machines, Stage
from tests.cluster.timeline import Event, draw, panels_of

_BEFORE_S, _AFTER_S = 5.0, 5.0
_KILLS = 5
_LOST_S = 10.0
_PLAYERS, _PAUSE_S = 48, 0.12
"""Some 200 rounds a second of all of them."""
_REFUSES = "has lost its data"
"""In what is said where Cassandra refuses to start an emptied node."""


class Scenario(NamedTuple):
    """A scenario by its name in files, its title, and what happens in it; that gives how many faults it put."""

    name: str
    title: str
    act: Callable[[Stage], Awaitable[int]]


class Told(Struct):
    """What callers noticed."""

    name: str
    title: str
    faults: int
    seconds: float
    rounds: int
    rounds_per_s: float
    gap_s: float
    p99_s: float
    max_s: float
    """The longest that a player waited for an answer."""
    failed_calls: int
    events: list[Event]


async def _primary_service_failure(stage: Stage) -> int:
    for number in range(_KILLS):
        node = stage.nodes[number % len(stage.nodes)]
        stage.notes(f"{node.name} killed")
        node.kill()
        await node.ended()
        await asyncio.sleep(2.0)
        await node.start()
        stage.notes(f"{node.name} serves")
        await asyncio.sleep(3.0)
    return _KILLS


async def _database_disruption(stage: Stage) -> int:
    *whole, lost = [machine.name for machine in stage.cluster.plan.of_kind("cassandra")]
    addresses = [machine.address for machine in stage.cluster.plan.of_kind("cassandra") if machine.name in whole]
    stage.notes(f"data of {lost} destroyed")
    await stage.harm("destroy", lost)
    await asyncio.sleep(3.0)
    try:
        await stage.harm("restart", lost)
    except DevFailed as error:
        stage.notes("its plain start is refused")
        if _REFUSES not in str(error):
            stage.missed.append(f"the emptied node died for another reason: {error}")
    else:
        stage.missed.append("an emptied node started and votes")
    hosts = [word for address in addresses for word in ("-hosts", address)]
    await stage.harm("nodetool", whole[0], "repair", "-full", *hosts, stage.name)
    stage.notes("survivors repaired")
    await stage.harm("start_as_replacement", lost)
    stage.notes("it fetched its data")
    await stage.harm("nodetool", lost, "repair", "-full", stage.name)
    await stage.harm("nodetool", lost, "repair", "--paxos-only", stage.name)
    stage.notes("repaired")
    return 2


async def _region_lost(stage: Stage) -> int:
    """Its Cassandra node, its member of etcd and its engine node in the same moment, and back after a while."""
    region = next(iter(stage.cluster.plan.regions))
    machines = [machine.name for machine in stage.cluster.plan.named(region) if machine.kind != "node"]
    nodes = [node for node in stage.nodes if node.region == region]
    stage.notes(f"all of {region} killed")
    for node in nodes:
        node.kill()
    await asyncio.gather(*(stage.harm("kill", name) for name in machines), *(node.ended() for node in nodes))
    await asyncio.sleep(_LOST_S)
    await stage.mend()
    stage.notes(f"{region} is back")
    return len(machines) + len(nodes)


SCENARIOS = (
    Scenario("primary-service-failure", "Primary service failure: engine nodes killed one after the other", _primary_service_failure),
    Scenario("region-lost", "A region of three is lost, class geo", _region_lost),
    Scenario("database-disruption", "Database disruption: a replica's disk is lost and rebuilt under load", _database_disruption),
)


async def play(cluster: Machines, scenario: Scenario, seed: int, plots: Path) -> tuple[Told, Stage]:
    """Runs a scenario under load and draws its timeline; the stage still has its nodes, for its report."""
    stage = Stage(cluster, scenario.name.replace("-", "_"), seed, players=_PLAYERS, pause_s=_PAUSE_S)
    await stage.up()
    async with stage.crowd.playing():
        await asyncio.sleep(_BEFORE_S)  # Sessions are opened and caches warm.
        stage.begins()
        begin_ns = stage.begin_ns
        await asyncio.sleep(_BEFORE_S)
        faults = await scenario.act(stage)
        await asyncio.sleep(_AFTER_S)
        end_ns = time.monotonic_ns()
    wishes, seconds = stage.crowd.wishes, (end_ns - begin_ns) / 1e9
    rounds = sum(wish.rpc == "Play" and begin_ns <= wish.answered_ns <= end_ns for wish in wishes)
    draw(plots / f"{scenario.name}.svg", scenario.title, panels_of(wishes, begin_ns, end_ns), stage.events)
    told = Told(
        scenario.name,
        scenario.title,
        faults,
        seconds,
        rounds,
        rounds / seconds,
        longest_gap_s(wishes, begin_ns, end_ns),
        slowest_s(wishes, begin_ns, end_ns, 0.99),
        slowest_s(wishes, begin_ns, end_ns, 1.0),
        len(stage.crowd.failed),
        stage.events,
    )
    return told, stage
