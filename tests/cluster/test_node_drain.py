"""`croupier node`: nodes are listed and shown, and one is drained only where the others can take over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from croupier.cli import exits
from croupier.cli.preflight import Candidate, reasons_against
from tests.cluster.commands import admin_key, croupier, settings_of
from tests.cluster.crew import Crew, crew
from tests.cluster.machines import Members, Ring
from tests.cluster.test_forwarding import play_some

pytestmark = pytest.mark.timeout(90)
SERVING = [Candidate(name, "eu", "serving") for name in ("node-1", "node-2", "node-3")]


@pytest.fixture
async def pair(cassandra: Ring, etcd: Members, tmp_path: Path) -> AsyncIterator[Crew]:
    """Two nodes of one region."""
    async with crew(cassandra, etcd, tmp_path) as running:
        yield running


def test_nothing_speaks_against_draining_one_of_three() -> None:
    """With others that serve, and quorums, a node may go."""
    assert reasons_against("node-1", SERVING, []) == []


@pytest.mark.parametrize(
    ("nodes", "cluster", "said"),
    [
        ([SERVING[0]], [], "no other node serves"),
        ([SERVING[0], Candidate("node-2", "us", "out of service")], [], "no other node serves"),
        ([*SERVING[:2], Candidate("node-3", "us", "draining")], [], "node-3 is draining; wait until it has ended"),
        ([SERVING[0], Candidate("node-2", "us", "serving", ("the store is out of reach",))], [], "node-2, which would have to take over, says: the store"),
        (SERVING, ["etcd cannot be used at a, b, c: no answer in time"], "etcd cannot be used"),
    ],
    ids=["alone", "others out of service", "one drains", "the other is ill", "etcd without quorum"],
)  # fmt: skip
def test_what_speaks_against_a_drain_is_one_sentence(nodes: list[Candidate], cluster: list[str], said: str) -> None:
    """Each reason is told, once."""
    reasons = reasons_against("node-1", nodes, cluster)
    assert len(reasons) == 1
    assert reasons[0].startswith(said)


async def test_nodes_are_listed_and_shown(pair: Crew) -> None:
    """What every node says of itself, asked of any one; a name that is not there is answered with those that are."""
    key, at = admin_key(pair.nodes[0]), ("--address", pair.nodes[0].address)
    listed = (await croupier("node", "list", *at, "--json", key=key)).value
    assert [(one["node"], one["state"]) for one in listed["nodes"]] == [("node-1", "serving"), ("node-2", "serving")]
    assert listed["answered_by"] == "node-1"
    shown = await croupier("node", "show", "node-2", *at, key=key)
    assert "cassandra" in shown.out and pair.nodes[1].address in shown.out
    missing = await croupier("node", "show", "node-9", *at, key=key)
    assert (missing.exit_code, missing.err) == (exits.NOT_FOUND, "croupier: there is no node node-9; there are node-1, node-2\n")
    refused = await croupier("node", "show", *at)
    assert refused.exit_code == exits.UNUSABLE and "--api-key-file" in refused.err
    alone = await croupier("node", "list", "--address", "127.0.0.1:1", key=key)
    assert alone.exit_code == exits.UNUSABLE and alone.err.startswith("croupier: the node at 127.0.0.1:1 does not answer")


async def test_one_of_two_is_drained_and_the_last_one_is_not(pair: Crew) -> None:
    """A drain under load ends the process with no failed call; the node that is left refuses to go, unless it is forced to."""
    key, config = admin_key(pair.nodes[0]), ("--config", settings_of(pair.nodes[0]))
    wallet, caller = pair.wallet_of(1), pair.caller(0)
    drain = asyncio.create_task(
        croupier("node", "drain", "--node", "node-2", "--wait", "--address", pair.nodes[0].address, *config, key=key)
    )
    while not drain.done():
        await asyncio.to_thread(play_some, caller, pair.wallet_of(1), 2)
    drained = await drain
    assert drained == (0, "node-2: ended\n", "")
    assert await pair.nodes[1].ended() == 0
    await asyncio.to_thread(play_some, caller, wallet, 1)
    last = await croupier("node", "drain", "--address", pair.nodes[0].address, *config, key=key)
    assert last.exit_code == exits.REFUSED
    assert last.err == (
        "croupier: node-1 must not be drained now: no other node serves, so nobody could play once node-1 has left (--force drains it all the same)\n"
    )
    forced = await croupier("node", "drain", "--force", "--wait", "--json", "--address", pair.nodes[0].address, *config, key=key)
    assert forced.value["state"] == "ended" and len(forced.value["against"]) == 1
    assert await pair.nodes[0].ended() == 0


async def test_no_node_is_drained_while_etcd_lacks_a_quorum(pair: Crew, etcd: Members) -> None:
    """Two of three members of etcd lost: the node stays, and the sentence says why; both by the nodes' word and by looking."""
    key = admin_key(pair.nodes[0])
    etcd.cluster.kill("etcd-1")
    etcd.cluster.kill("etcd-2")
    said = await croupier(
        "node", "drain", "--node", "node-2", "--address", pair.nodes[0].address, "--config", settings_of(pair.nodes[0]), key=key
    )
    assert said.exit_code == exits.REFUSED, said
    assert "node-2 must not be drained now" in said.err and "etcd cannot be used" in said.err
    assert said.err.count("\n") == 1
    assert pair.nodes[1].is_alive
