"""The clock of a running node jumps: it says so in metric, log, its own word and `croupier cluster list`, and serves on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from croupier.cli import exits
from tests.cluster.commands import admin_key, croupier, settings_of
from tests.cluster.crew import Crew, crew
from tests.cluster.machines import Members, Ring
from tests.cluster.test_forwarding import play_some
from tests.cluster.tools import faketime

pytestmark = pytest.mark.timeout(120)


@pytest.mark.skipif(faketime() is None, reason="libfaketime is not to be had here")
async def test_a_clock_that_jumps_is_told_and_play_goes_on(cassandra: Ring, etcd: Members, tmp_path: Path) -> None:
    """More than 5 s ahead of Cassandra's servers is a problem while it lasts; rounds go on."""
    async with crew(cassandra, etcd, tmp_path, nodes=1) as running:
        (node,) = running.nodes
        node.kill()
        await node.ended()
        await node.start(clock=True)
        await until(running, lambda apart_s: apart_s < 1)
        node.step_clock(9)
        await until(running, lambda apart_s: 8 < apart_s < 10)
        await asyncio.to_thread(play_some, running.caller(0), running.wallet_of(0), 3)
        listed = await croupier("cluster", "list", "--json", "--config", settings_of(node), key=admin_key(node))
        assert listed.exit_code == exits.FAILED
        (told,) = [problem for problem in listed.value["problems"] if problem.startswith("node-1 says: clocks are ")]
        assert told.endswith(" more than 5 s") and " s apart between this node and 127." in told
        assert any(problem.startswith("the clock of node-1 is ") for problem in listed.value["problems"])
        node.step_clock(0)
        await until(running, lambda apart_s: apart_s < 1)
        assert (await croupier("cluster", "list", "--config", settings_of(node), key=admin_key(node))).exit_code == exits.OK


async def until(running: Crew, holds: Callable[[float], bool]) -> None:
    """Returns once the node's own word of the distance is as wanted."""
    async with asyncio.timeout(30):
        while not holds(await asyncio.to_thread(running.metric, 0, "croupier_clocks_apart_seconds")):
            pass
