"""What is done to a cluster under load, one thing after another. Each is mended by the stage before the next."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from croupier.dev.plan import Plan
from tests.cluster.duels import overspend, same_id_at_two_nodes, same_id_other_content
from tests.cluster.points import ROLL_POINTS, ROUND_POINTS
from tests.cluster.stage import Stage
from tests.faults.points import FREEZE_PID, Point

POINT_S_MAX = 15.0
"""A kill at a point that is not reached by then comes at any moment."""
HARM_S = 4.0
"""How long a machine stays harmed: longer than an attempt, a lease's refresh and Cassandra's time-outs."""
CLOCK_STEPS_S = (30.0, -30.0, 0.0)
TWINS, REUSED, SPENT = 1_000, 80, 16
OVERLOAD = 5
"""Times the usual number of players."""


class Injection(NamedTuple):
    """Something to do to a stage; it gives the number of faults that it put."""

    name: str
    act: Callable[[Stage], Awaitable[int]]
    is_quick: bool = True
    """Part of the quick campaign as well."""
    takes_quorum: bool = False
    """Calls may fail while it lasts, since nothing can be written."""


def _killed_at(point: Point) -> Injection:
    """A node is killed at a named point."""

    async def act(stage: Stage) -> int:
        node = stage.chance.choice(stage.nodes)
        await stage.restart(node, point, stage.chance.randint(2, max(2, point.passings_max)))
        if node.is_alive and await node.ended(POINT_S_MAX) is None:
            stage.notes(f"{node.name} killed, {point.name} not reached")
            stage.missed.append(point.name)
            node.kill()
            await node.ended()
        else:
            stage.notes(f"{node.name} killed at {point.name}")
        return 2  # It was killed to be armed, too.

    return Injection(f"engine node killed at: {point.name}", act)


def _with_a_hung_replica(injection: Injection) -> Injection:
    """The same while another region's Cassandra node hangs, so that every write is without it."""

    async def act(stage: Stage) -> int:
        name = stage.chance.choice(_cassandra(stage.cluster.plan))
        stage.notes(f"{name} pause")
        await stage.harm("pause", name)
        return 1 + await injection.act(stage)

    return Injection(f"{injection.name}, a Cassandra node hangs", act, is_quick=False)


async def killed_node(stage: Stage) -> int:
    """One of the engine nodes, at any moment."""
    node = stage.chance.choice(stage.nodes)
    stage.notes(f"{node.name} killed")
    node.kill()
    await node.ended()
    await asyncio.sleep(HARM_S)
    return 1


async def _hung_node(stage: Stage) -> int:
    node = stage.chance.choice(stage.nodes)
    stage.notes(f"{node.name} hangs")
    node.send(signal.SIGSTOP)
    await asyncio.sleep(HARM_S)
    node.send(signal.SIGCONT)
    stage.notes(f"{node.name} goes on")
    return 1


def _machines(
    name: str, action: str, which: Callable[[Plan], Sequence[str]], *, is_quick: bool = True, takes_quorum: bool = False
) -> Injection:
    async def act(stage: Stage) -> int:
        names = await asyncio.to_thread(which, stage.cluster.plan)
        for one in names:
            stage.notes(f"{one} {action}")
            await stage.harm(action, one)
        await asyncio.sleep(HARM_S)
        return len(names)

    return Injection(name, act, is_quick, takes_quorum)


def region_cut(direction: str, *, callers: bool = False, region: str = "", takes_quorum: bool = False) -> Injection:
    """A region, by chance where none is named, is cut off from the others."""

    async def act(stage: Stage) -> int:
        chosen = region or stage.chance.choice(list(stage.cluster.plan.regions))
        stage.notes(f"{chosen} cut off ({direction})")
        await stage.harm("cut", chosen, direction, callers=callers)
        await asyncio.sleep(2 * HARM_S)
        await stage.harm("heal", chosen)
        stage.notes(f"{chosen} joined again")
        return 1

    return Injection(f"region cut off: {direction}{', from callers too' if callers else ''}", act, takes_quorum=takes_quorum)


async def _clock_steps(stage: Stage) -> int:
    node = stage.chance.choice(stage.nodes)
    await stage.restart(node, clock=True)
    for seconds in CLOCK_STEPS_S:
        stage.notes(f"clock of {node.name} at {seconds:+.0f} s")
        node.step_clock(seconds)
        await asyncio.sleep(HARM_S / 2)
    await stage.restart(node)
    return len(CLOCK_STEPS_S) + 2


async def _frozen_coordinator(stage: Stage) -> int:
    """A node's coordinator freezes while a batch of it is on its way; the id is answered by others, and then the coordinator goes on."""
    node = stage.chance.choice(stage.nodes)
    coordinator = next(one for one in stage.cluster.plan.of_kind("cassandra") if one.region == node.region)
    pid = next(status.pid for status in await stage.harm("status") if status.name == coordinator.name)
    point = next(point for point in ROUND_POINTS if point.name == "statement_sent")
    await stage.restart(node, point, 20, env={FREEZE_PID: str(pid)})
    for _ in range(int(POINT_S_MAX / 0.1)):
        if await stage.harm("condition", coordinator.name) == "paused":
            break
        await asyncio.sleep(0.1)
    else:
        stage.missed.append("frozen coordinator")
    stage.notes(f"{coordinator.name} frozen with a batch of {node.name}")
    await asyncio.sleep(HARM_S)
    os.kill(pid, signal.SIGCONT)
    stage.notes(f"{coordinator.name} goes on")
    await asyncio.sleep(2.5)
    return 2


async def rolling_nodes(stage: Stage) -> int:
    """Each engine node drains and starts again."""
    for node in stage.nodes:
        stage.notes(f"{node.name} drains")
        if code := await node.drain():
            stage.missed.append(f"the drain of {node.name} ended with {code}")
        await node.start()
    return len(stage.nodes)


async def _rolling_all(stage: Stage) -> int:
    await rolling_nodes(stage)
    machines = [machine.name for machine in stage.cluster.plan.machines() if machine.kind != "node"]
    for name in machines:
        stage.notes(f"{name} restarts")
        await stage.harm("restart", name)
    return len(stage.nodes) + len(machines)


async def _overload(stage: Stage) -> int:
    crowd = stage.new_crowd(OVERLOAD * len(stage.crowd.players))
    stage.notes("five times the load")
    async with crowd.playing():
        await asyncio.sleep(2 * HARM_S)
    stage.notes("usual load")
    return 1


async def _duels(stage: Stage) -> int:
    stage.notes("one id at two nodes at once")
    both = await same_id_at_two_nodes(stage.crowd, TWINS)
    sound = await same_id_other_content(stage.crowd, REUSED)
    told = await overspend(stage.crowd, SPENT)
    print(
        f"  {TWINS} ids at two nodes at once, {both} answered by both; {sound} of {REUSED} reused ids refused; last euro: {dict(told)}",
        flush=True,
    )
    if told["OK"] != SPENT // 2:
        stage.missed.append(f"the last euro of {SPENT // 2} wallets was spent {told['OK']} times")
    return TWINS + REUSED + SPENT


def _cassandra(plan: Plan) -> list[str]:
    return [machine.name for machine in plan.of_kind("cassandra")]


def _one(number: int) -> Callable[[Plan], Sequence[str]]:
    return lambda plan: [_cassandra(plan)[number % len(_cassandra(plan))]]


def hung_cassandra(number: int, *, takes_quorum: bool = False) -> Injection:
    """One Cassandra node, from 0."""
    return _machines(f"Cassandra node {number + 1} hangs", "pause", _one(number), takes_quorum=takes_quorum)


def killed_cassandra(number: int, *, takes_quorum: bool = False) -> Injection:
    """One Cassandra node, from 0; the first in the quick campaign too."""
    return _machines(f"Cassandra node {number + 1} killed", "kill", _one(number), is_quick=number == 0, takes_quorum=takes_quorum)


def _etcd(plan: Plan) -> list[str]:
    return [machine.name for machine in plan.of_kind("etcd")]


def etcd_leader(plan: Plan) -> list[str]:
    """The member that leads etcd, as the members say."""
    for machine in plan.of_kind("etcd"):
        connection = http.client.HTTPConnection(machine.address, plan.ports.etcd, timeout=2.0)
        try:
            connection.request("POST", "/v3/maintenance/status", "{}")
            status = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            continue
        finally:
            connection.close()
        if status["leader"] == status["header"]["member_id"]:
            return [machine.name]
    return _etcd(plan)[:1]


def _follower(plan: Plan) -> list[str]:
    leader = etcd_leader(plan)
    return [name for name in _etcd(plan) if name not in leader][:1]


ALL: tuple[Injection, ...] = (
    Injection("duels", _duels),
    *(_killed_at(point) for point in ROUND_POINTS),
    *(_killed_at(point) for point in ROLL_POINTS),
    *(_with_a_hung_replica(_killed_at(point)) for point in ROLL_POINTS),
    Injection("engine node killed at any moment", killed_node),
    Injection("engine node hangs", _hung_node),
    Injection("clock of an engine node steps", _clock_steps),
    Injection("batch held by a frozen coordinator", _frozen_coordinator),
    *(hung_cassandra(number) for number in range(3)),
    *(killed_cassandra(number) for number in range(3)),
    _machines("two Cassandra nodes hang", "pause", lambda plan: _cassandra(plan)[:2], takes_quorum=True),
    _machines("two Cassandra nodes killed", "kill", lambda plan: _cassandra(plan)[1:3], is_quick=False, takes_quorum=True),
    _machines("etcd's leader killed", "kill", etcd_leader),
    _machines("etcd's leader hangs", "pause", etcd_leader),
    _machines("an etcd follower killed", "kill", _follower),
    _machines("an etcd follower hangs", "pause", _follower, is_quick=False),
    _machines("all of etcd killed", "kill", _etcd),
    _machines("all of etcd hangs", "pause", _etcd),
    region_cut("both"),
    region_cut("in"),
    region_cut("out"),
    region_cut("both", callers=True),
    Injection("overload", _overload),
    Injection("rolling restart of the engine nodes", rolling_nodes),
    Injection("rolling restart of everything", _rolling_all, is_quick=False),
)
"""Every injection, in the order of a campaign."""
