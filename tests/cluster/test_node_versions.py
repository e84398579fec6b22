"""Two versions side by side on one cluster, and a rolling restart from one to the other and back under load: no call fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from croupier import VERSION
from croupier.stores.cassandra import schema
from croupier_client import AsyncClient
from tests.cluster.commands import admin_key, croupier, settings_of
from tests.cluster.crew import Crew, crew
from tests.cluster.electing import gateway, text
from tests.cluster.machines import Members, Ring
from tests.cluster.sdk_load import is_in_order, playing
from tests.cluster.versions import Version, other_version, start_as
from tests.conformance.rings import ADDS, migrated_by_the_next

PLAYERS, PACE_S = 10, 0.25


@pytest.mark.timeout(600)
async def test_a_rolling_restart_to_the_other_version_and_back(
    cassandra: Ring, etcd: Members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """40 rounds a second by the SDK while each node in turn is drained and started in the earlier version, then in this one again: 0 failed calls, each
    round in its ledger once, whichever version wrote the one before; and both versions know each other meanwhile. All of it on a schema that a
    version after both has added to, and beside a member that only such a version can read.
    """
    other = await asyncio.to_thread(other_version, tmp_path)
    with capsys.disabled():
        print(f"\nside by side: {VERSION} and {other.name}: {other.about}")
    (tmp_path / "nodes").mkdir()
    async with (
        crew(cassandra, etcd, tmp_path / "nodes") as running,
        AsyncClient([node.address for node in running.nodes], running.key) as client,
    ):
        await meets_what_comes_later(running, etcd)
        wallets = [running.wallet_of(number % 2) for number in range(PLAYERS)]
        async with playing(client, wallets, PACE_S) as course:
            for version, seen in (
                (other, [[other.name, VERSION], [other.name, other.name]]),
                (None, [[VERSION, other.name], [VERSION, VERSION]]),
            ):
                for number, versions in enumerate(seen):
                    await restarted(running, number, version)
                    await knows(running, versions)
                    await asyncio.sleep(1.0)
        assert course.failures == []
        for wallet in wallets:
            assert await is_in_order(client, wallet, len(course.answered[wallet])), wallet
        verified = await croupier("cluster", "verify", "--replay", "--json", "--config", settings_of(running.nodes[0]))
    assert (verified.value["ok"], verified.value["wallets"]) == (True, PLAYERS)
    assert verified.value["rounds"] == sum(len(moments) for moments in course.answered.values()) > 4 * PLAYERS


async def meets_what_comes_later(running: Crew, etcd: Members) -> None:
    """The keyspace gets a table and a column more, and etcd a member in a state that nobody here knows, and a key that nobody here reads."""
    config = running.nodes[0].config()
    assert await migrated_by_the_next(config, [*schema.migrations(), ADDS]) == len(schema.migrations()) + 1
    later = {"node": "later", "region": config.region, "address": "127.0.0.1:9", "version": "99.0.0", "state": "hibernating", "since": [1]}
    for key, value in (("members/later", json.dumps(later)), ("plans/later", "no JSON")):
        await asyncio.to_thread(gateway, etcd.endpoints[0], "kv/put", key=text(f"{config.etcd.prefix}/{key}"), value=text(value))


async def restarted(running: Crew, number: int, version: Version | None) -> None:
    """Node `number` is drained as a person would, and started in that version."""
    node = running.nodes[number]
    config = settings_of(node)
    said = await croupier("node", "drain", "--wait", "--address", node.address, "--config", config, key=admin_key(running.nodes[0]))
    assert said.exit_code == 0, said
    assert await node.ended() == 0
    await start_as(node, version)


async def knows(running: Crew, versions: Sequence[str]) -> None:
    """Every node lists every node, serving, in its version."""
    async with asyncio.timeout(20):
        for node in running.nodes:
            listed: list[tuple[str, str]] = []
            while listed != [(version, "serving") for version in versions]:
                said = await croupier("node", "list", "--address", node.address, "--json", key=admin_key(running.nodes[0]))
                listed = [(one["version"], one["state"]) for one in said.value["nodes"]]
