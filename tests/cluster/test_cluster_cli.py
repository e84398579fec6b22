"""`croupier cluster`: seen and steered through etcd and Cassandra themselves, with nodes that serve and with none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from croupier.cli import exits
from tests.cluster.commands import admin_key, croupier, settings_of
from tests.cluster.crew import Crew, crew
from tests.cluster.machines import Members, Ring
from tests.cluster.test_forwarding import play_some

pytestmark = pytest.mark.timeout(90)
SINGLETON = "sweeper"


async def test_a_cluster_is_seen_steered_and_proven(cassandra: Ring, etcd: Members, tmp_path: Path) -> None:
    """One table of nodes, servers and members; terms move to where they are wanted, and by themselves; paused, they do not; all money is proven."""
    async with crew(cassandra, etcd, tmp_path) as running:
        config = settings_of(running.nodes[0])
        await asyncio.to_thread(play_some, running.caller(0), running.wallet_of(1), 3)
        await shows_everything(running, config)
        await moves_the_singleton(config)
        await pauses(config)
        await verifies(config, rounds=3)
        for node in running.nodes:
            node.kill()
        await works_without_nodes(config)


async def shows_everything(running: Crew, config: Path) -> None:
    """Nodes with clocks and terms, Cassandra, etcd."""
    said = await croupier("cluster", "list", "--config", config, key=admin_key(running.nodes[0]))
    assert said.exit_code == 0, said
    lines = said.out.splitlines()
    assert lines[0].split() == ["KIND", "NAME", "REGION", "ADDRESS", "STATE", "LOAD", "CLOCK", "VERSION", "TERMS"]
    kinds = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert kinds == ["node", "node", "cassandra", "etcd", "etcd", "etcd"]
    assert f"{SINGLETON} (1)" in said.out
    assert "etcd: 3 of 3 members answer" in said.out and "singletons move freely" in said.out
    value = (await croupier("cluster", "list", "--json", "--config", config, key=admin_key(running.nodes[0]))).value
    assert all(abs(one["clock_ahead_ms"]) < 1_000 for one in (*value["nodes"], *value["store"]))
    assert value["problems"] == [] and value["durability"] == "local"


async def moves_the_singleton(config: Path) -> None:
    """Switchover to a node, failover from it; each term has a higher fence, and the history tells them all."""
    held = (await croupier("cluster", "list", "--json", "--config", config)).value["terms"][SINGLETON]
    other = "node-2" if held["node"] == "node-1" else "node-1"
    moved = await croupier("cluster", "switchover", SINGLETON, "--to", other, "--json", "--config", config)
    assert moved.value == {"singleton": SINGLETON, "node": other, "fence": held["fence"] + 1}
    again = await croupier("cluster", "switchover", SINGLETON, "--to", other, "--config", config)
    assert (again.exit_code, again.err) == (exits.REFUSED, f"croupier: {other} holds {SINGLETON} already\n")
    back = await croupier("cluster", "failover", SINGLETON, "--json", "--config", config)
    assert back.value == {"singleton": SINGLETON, "node": held["node"], "fence": held["fence"] + 2}
    nowhere = await croupier("cluster", "switchover", SINGLETON, "--to", "node-9", "--config", config)
    assert (nowhere.exit_code, nowhere.err) == (exits.REFUSED, "croupier: node-9 is no member: node-1, node-2\n")
    history = (await croupier("cluster", "history", "--config", config)).out.splitlines()
    assert [line.split()[1:3] for line in history[1:]] == [["1", held["node"]], ["2", other], ["3", held["node"]]]
    assert history[-1].endswith("now")


async def pauses(config: Path) -> None:
    """Paused is shown, and nothing moves; resumed, it may again."""
    assert (await croupier("cluster", "pause", "--reason", "upgrade of etcd", "--config", config)).exit_code == 0
    listed = await croupier("cluster", "list", "--config", config)
    assert "PAUSED by " in listed.out and "upgrade of etcd" in listed.out
    assert (await croupier("cluster", "failover", SINGLETON, "--config", config)).err == (
        "croupier: the cluster is paused, so nothing moves: resume it first\n"
    )
    assert (await croupier("cluster", "pause", "--config", config)).exit_code == exits.REFUSED
    assert (await croupier("cluster", "resume", "--config", config)).exit_code == 0
    assert (await croupier("cluster", "resume", "--config", config)).err == "croupier: the cluster is not paused\n"


async def verifies(config: Path, *, rounds: int) -> None:
    """Every wallet is whole; through a region too, and a region that is not there is named."""
    value = (await croupier("cluster", "verify", "--replay", "--json", "--config", config)).value
    assert (value["ok"], value["drift"], value["broken_chains"], value["rounds"]) == (True, 0, 0, rounds)
    assert value["replayed_rounds"] == rounds
    wrong = await croupier("cluster", "verify", "--through", "mars", "--config", config)
    assert wrong.exit_code == exits.UNUSABLE and "know no region mars" in wrong.err


async def works_without_nodes(config: Path) -> None:
    """With every node dead, the same is seen, and the money is still proven."""
    await verifies(config, rounds=3)
    async with asyncio.timeout(20):
        said = await croupier("cluster", "list", "--json", "--config", config)
        while said.value["nodes"]:
            said = await croupier("cluster", "list", "--json", "--config", config)
    assert said.exit_code == 0
