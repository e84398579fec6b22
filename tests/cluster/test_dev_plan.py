"""What a plan says before anything is started: who stands where, with which settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from croupier import config
from croupier.dev import cassandra, engine
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places
from croupier.dev.plan import Plan, Ports

PLAN = Plan(regions={"eu": 2, "us": 1, "asia": 0}, etcd=3, nodes=4, network="127.9.9")


def test_machines_have_names_regions_and_addresses_of_their_own() -> None:
    """Cassandra nodes stand where the plan says, the others are dealt out over the regions."""
    machines = PLAN.machines()
    assert [(machine.name, machine.region) for machine in machines] == [
        ("cassandra-1", "eu"), ("cassandra-2", "eu"), ("cassandra-3", "us"),
        ("etcd-1", "eu"), ("etcd-2", "us"), ("etcd-3", "asia"),
        ("node-1", "eu"), ("node-2", "us"), ("node-3", "asia"), ("node-4", "eu"),
    ]  # fmt: skip
    assert len({machine.address for machine in machines}) == len(machines)
    assert all(machine.address.startswith("127.9.9.") for machine in machines)


def test_a_region_stands_for_its_machines() -> None:
    """A name is a machine's or a region's."""
    assert [machine.name for machine in PLAN.named("us")] == ["cassandra-3", "etcd-2", "node-2"]
    assert [machine.name for machine in PLAN.named("node-4")] == ["node-4"]


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(regions={}), "needs a region"),
        (Plan(regions={"eu": 51}), "at most 50"),
        (Plan(regions={"etcd-1": 1}), "cannot be called etcd-1"),
        (Plan(regions={"eu": 0}, nodes=2), "need a common store"),
    ],
)
def test_what_cannot_be_is_refused(plan: Plan, says: str) -> None:
    """Each in a sentence."""
    with pytest.raises(DevFailed, match=says):
        plan.machines()


def test_tokens_share_the_ring_evenly(tmp_path: Path) -> None:
    """Neighbours of a region stand half a ring apart, no two nodes at one place; money's settings are on."""
    tokens = [cassandra.token(PLAN, node) for node in PLAN.of_kind("cassandra")]
    assert tokens[1] - tokens[0] == 2**63
    assert len(set(tokens)) == 3
    written = cassandra.settings(PLAN, PLAN.machine("cassandra-3"), tmp_path, replacing=False)
    assert (written["paxos_variant"], written["commitlog_sync"], written["auto_bootstrap"]) == ("v2", "batch", False)
    assert written["seed_provider"][0]["parameters"] == [{"seeds": "127.9.9.3,127.9.9.1"}]


def test_a_replacement_is_no_seed_of_its_own(tmp_path: Path) -> None:
    """Or it would join without asking anybody for its data."""
    written = cassandra.settings(PLAN, PLAN.machine("cassandra-1"), tmp_path, replacing=True)
    assert written["auto_bootstrap"]
    assert written["seed_provider"][0]["parameters"] == [{"seeds": "127.9.9.3"}]


def test_a_nodes_settings_are_what_the_server_reads(tmp_path: Path) -> None:
    """The TOML that is written loads as the server's settings; only the first node makes the demo's operators."""
    place = Places(tmp_path, tmp_path)
    chosen = [engine.settings(PLAN, machine, place) for machine in PLAN.of_kind("node")]
    assert [settings["demo"] for settings in chosen] == [True, False, False, False]
    file = tmp_path / "node.toml"
    file.write_text(engine.toml(chosen[1]))
    read = config.load(file)
    assert (read.node, read.region, read.store, read.advertise) == ("node-2", "us", "cassandra", "127.9.9.202:7400")
    assert read.cassandra.contact_points == {"eu": ("127.9.9.1:9042", "127.9.9.2:9042"), "us": ("127.9.9.3:9042",), "asia": ()}
    assert read.etcd.endpoints == ("127.9.9.101:2379", "127.9.9.102:2379", "127.9.9.103:2379")


def test_toml_is_toml() -> None:
    """Text with quotes, lists and nested tables come back as they were."""
    table = {"a": 'say "x"', "b": [1, 2], "on": True, "t": {"c": 1.5, "u": {"d": "e"}}, "ports": {"cql": Ports().cql}}
    assert tomllib.loads(engine.toml(table)) == table
