"""`croupier cluster`: seen and steered through etcd and Cassandra themselves, with nodes that serve and with none."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from pathlib import Path

import pytest

from croupier.cli import exits
from croupier.cli.cluster_text import clock_problems
from croupier.config import Config, load
from croupier.stores.cassandra import opening
from croupier.stores.cassandra.opening import CassandraStore
from tests.cluster.commands import Said, admin_key, croupier, settings_of
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
        await archives(running)
        await moves_the_singleton(config)
        await pauses(config)
        await makes_an_operator(running, config)
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
    assert set(value["terms"]) == {SINGLETON, "archiver"}


async def archives(running: Crew) -> None:
    """One of the nodes has gone through all wallets, and says so; with nothing old there is nothing to copy."""

    def told(name: str) -> float:
        return sum(running.metric(number, f"croupier_archive_{name}") for number in (0, 1))

    async with asyncio.timeout(20):
        while not 0 < await asyncio.to_thread(told, "behind_seconds") < 60:
            pass
    assert await asyncio.to_thread(told, "entries_total") == 0


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
    history = (await croupier("cluster", "history", SINGLETON, "--config", config)).out.splitlines()
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


async def makes_an_operator(running: Crew, config: Path) -> None:
    """Kept in the cluster: every node takes the new key within a moment."""
    made = (await croupier("operator", "create", "acme", "--json", "--config", config)).value
    for node in running.nodes:
        async with asyncio.timeout(20):
            while (await croupier("node", "list", "--address", node.address, key=made["key"])).exit_code:
                pass
    assert (await croupier("operator", "create", "acme", "--config", config)).exit_code == exits.REFUSED


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


def test_clocks_too_far_apart_are_told() -> None:
    """A node's clock beyond the limit is one sentence; one that did not tell is none."""
    told = clock_problems({"node-1": 6_200, "node-2": -80_000, "node-3": 900, "node-4": None})
    assert told == [
        "the clock of node-1 is 6.2 s ahead of this machine's, more than 5 s",
        "the clock of node-2 is 80.0 s behind this machine's, more than 5 s",
    ]


ETCD = '[etcd]\nendpoints = ["127.0.0.1:1", "127.0.0.1:2"]\n'
STORE = 'store = "cassandra"\nregion = "{region}"\n[cassandra]\nkeyspace = "{keyspace}"\ndurability = "local"\ncontact_points = {points}\n'


@pytest.mark.parametrize(
    ("settings", "exit_code", "said"),
    [
        ("", exits.UNUSABLE, "the settings name neither etcd nor Cassandra"),
        (STORE.format(region="eu", keyspace="croupier", points="{}"), exits.UNUSABLE, "no node of Cassandra is named; set cassandra.contact_points"),
        (STORE.format(region="eu", keyspace="croupier", points='{eu = ["127.0.0.1"]}'), exits.UNUSABLE, '"127.0.0.1" of region eu is not host:port'),
        (STORE.format(region="eu", keyspace="croupier", points='{eu = ["127.0.0.1:1"]}'), exits.FAILED, "Cassandra cannot be reached at 127.0.0.1:1: "),
        (ETCD, exits.FAILED, "etcd cannot be used at 127.0.0.1:1, 127.0.0.1:2: connection refused"),
        ("[etcd]\nendpoints = ['here']\n", exits.UNUSABLE, "etcd.endpoints: 'here' is not host:port"),
    ],
    ids=["nothing", "no contact point", "no port", "no server", "no etcd", "no endpoint"],
)  # fmt: skip
async def test_what_cannot_be_reached_is_one_sentence(tmp_path: Path, settings: str, exit_code: int, said: str) -> None:
    """Each is told by `cluster list` in a sentence, without a trace."""
    file = tmp_path / "settings.toml"
    file.write_text(settings)
    result = await croupier("cluster", "list", "--config", file)
    assert result.exit_code == exit_code
    (line,) = [line for line in (result.out + result.err).splitlines() if said in line]
    assert line.startswith(("problem: ", "croupier: "))


async def test_what_is_wrong_with_the_store_is_one_sentence(cassandra: Ring, tmp_path: Path) -> None:
    """A missing keyspace, a region of another name, a migration that is not done or was cut off, another durability class: each is told."""
    region, (address, *_) = next(iter(cassandra.contact_points.items()))
    points, keyspace = f'["{address}:{cassandra.port}"]', f"wrong_{os.getpid()}"
    good = STORE.format(region=region, keyspace=keyspace, points=f"{{{region} = {points}}}")
    assert f"there is no keyspace {keyspace}; make it with croupier migrate --apply --create-keyspace" in await told(tmp_path, good)
    assert f"is in data centre {region}, and cassandra.contact_points has it in mars" in await told(
        tmp_path, STORE.format(region="mars", keyspace=keyspace, points=f"{{mars = {points}}}")
    )
    config = config_of(tmp_path, good)
    await opening.create_keyspace(config, {region: 1})
    assert "run croupier migrate --apply" in await told(tmp_path, good)
    await opening.migrate(config, "tests")
    assert await told(tmp_path, good) == []
    assert "was made for durability class local, not geo" in await told(tmp_path, good.replace('"local"', '"geo"'))
    with closing(opening.connecting(config)) as driver:
        await driver.connect()
        await driver.run("UPDATE schema_version SET version = 0, migrating_by = 'node-7' WHERE name = 'croupier' IF EXISTS", 5.0)
    assert "was begun by node-7 and has not ended; run croupier migrate --apply" in await told(tmp_path, good)
    assert (await croupier("migrate", "--apply", "--config", tmp_path / "settings.toml")).exit_code == 0
    assert await told(tmp_path, good) == []


async def test_regions_that_were_given_up_are_shown(cassandra: Ring, tmp_path: Path) -> None:
    """Each with the region that decides for its wallets, until it is taken back; in class home only, for elsewhere none can be given up."""
    region, (address, *_) = next(iter(cassandra.contact_points.items()))
    settings = STORE.format(region=region, keyspace=f"lost_{os.getpid()}", points=f'{{{region} = ["{address}:{cassandra.port}"]}}')
    config = config_of(tmp_path, settings.replace('"local"', '"home"\naccept = ["replicas"]'))
    await opening.create_keyspace(config, {region: 1})
    await opening.migrate(config, "tests")
    store = CassandraStore(config)
    await store.open()
    with closing(store):
        assert (await listed(tmp_path)).value["given_up"] == {}
        await store.give_up("mars", "venus", "ann")
        await store.give_up("venus", region, "ann")
        assert (await listed(tmp_path)).value["given_up"] == {"mars": region, "venus": region}
        text = (await croupier("cluster", "list", "--config", tmp_path / "settings.toml")).out.splitlines()
        assert f"given up: region mars; {region} decides for its wallets until croupier cluster region take-back mars" in text
        assert await store.take_back("venus", "ann") == []
        assert (await listed(tmp_path)).value["given_up"] == {"mars": "venus"}
        await store.give_up("venus", region, "ann")
        assert (await listed(tmp_path)).value["given_up"] == {"mars": region, "venus": region}


async def listed(folder: Path) -> Said:
    said = await croupier("cluster", "list", "--json", "--config", folder / "settings.toml")
    assert said.exit_code == exits.OK, said
    return said


class Told(list[str]):
    """Sentences; a part of one is in it too."""

    def __contains__(self, part: object) -> bool:
        return any(str(part) in sentence for sentence in self)


async def told(folder: Path, settings: str) -> Told:
    """What `cluster list` says is wrong."""
    (folder / "settings.toml").write_text(settings)
    said = await croupier("cluster", "list", "--json", "--config", folder / "settings.toml")
    problems = Told(said.value["problems"])
    assert said.exit_code == (exits.FAILED if problems else exits.OK)
    return problems


def config_of(folder: Path, settings: str) -> Config:
    (folder / "settings.toml").write_text(settings)
    return load(folder / "settings.toml")
