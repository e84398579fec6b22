"""`croupier dev` as somebody types it: every command on real machines, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from croupier.cli import exits
from croupier.dev import places
from croupier.dev.cluster import Cluster
from croupier.dev.places import Places
from croupier.dev.plan import free_network

pytestmark = pytest.mark.timeout(90)
SHAPE = ["--regions", "eu:0,us:0", "--etcd", "1", "--nodes", "1"]


class Dev:
    """Types commands for one cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = free_network()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "croupier", "dev", *words, "--folder", str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=80)

    def says(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == exits.OK, done.stderr
        return json.loads(done.stdout)

    def refuses(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == exits.UNUSABLE, done.stdout
        return done.stderr.strip().splitlines()[-1]

    def conditions(self) -> dict[str, str]:
        return {machine["name"]: machine["condition"] for machine in self.says("status")}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One member of etcd and one engine node on SQLite: they start in seconds."""
    typed = Dev(tmp_path_factory.mktemp("dev") / "cluster")
    done = typed.run("up", *SHAPE, "--network", typed.network)
    assert done.returncode == exits.OK, done.stderr
    Cluster.open(Places(typed.folder, places.cache())).remove_with(os.getpid())
    assert "node-1 serves, after" in done.stderr
    assert "croupier dev load" in done.stdout
    yield typed
    if typed.folder.exists():
        typed.run("down", "--remove")


def test_up_again_starts_what_is_down(dev: Dev) -> None:
    """The same plan again is no error; another one is refused, since a cluster keeps its shape."""
    dev.run("kill", "etcd-1")
    again = dev.says("up", *SHAPE, "--network", dev.network)
    assert [machine["serves"] for machine in again["machines"]] == [True, True]
    assert again["operator_key"].startswith("ck_")
    assert "another cluster is in" in dev.refuses("up", "--regions", "eu:0", "--etcd", "3", "--nodes", "1")


def test_harm_and_mending(dev: Dev) -> None:
    """Each verb does what it says, to a machine or to all of a region."""
    assert [machine["condition"] for machine in dev.says("pause", "eu")] == ["paused", "paused"]
    assert dev.conditions() == {"etcd-1": "paused", "node-1": "paused"}
    assert [machine["condition"] for machine in dev.says("resume", "etcd-1", "node-1")] == ["running", "running"]
    assert dev.says("kill", "node-1")[0]["condition"] == "dead"
    assert "node-1 does not run" in dev.refuses("pause", "node-1")
    assert dev.says("restart", "node-1")[0]["serves"]
    assert dev.says("stop", "node-1")[0]["condition"] == "dead"
    assert "node-1 serves" in dev.run("restart", "node-1").stderr


def test_load_plays_and_adds_up(dev: Dev) -> None:
    """Through the Python client: rounds at about the asked rate, no drift, every fate known."""
    summary = dev.says("load", "--seconds", "3", "--players", "4", "--rate", "20")
    assert summary["rounds"] >= 40
    assert (summary["failed"], summary["unresolved"], summary["drift_micros"]) == ({}, 0, 0)
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]
    shown = dev.run("load", "--seconds", "1")
    assert "rounds  p50" in shown.stderr
    assert "drift of money: 0.00" in shown.stdout


def test_load_needs_a_node_that_answers(dev: Dev) -> None:
    """Where nobody can play, that is the sentence."""
    dev.run("kill", "node-1")
    assert "nobody can play: UNAVAILABLE" in dev.refuses("load", "--seconds", "1", "--players", "1")
    dev.run("restart", "node-1")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["kill", "node-7"], "there is no machine node-7; there are etcd-1, node-1"),
        (["cut", "us"], "start the cluster with --isolated, as root"),
        (["destroy", "etcd-1"], "etcd-1 is no Cassandra node"),
        (["replace", "etcd-1"], "etcd-1 is no Cassandra node"),
        (["nodetool", "node-1", "status"], "node-1 is no Cassandra node"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(dev: Dev, words: list[str], says: str) -> None:
    """With the exit code for what cannot be used."""
    assert says in dev.refuses(*words)


def test_healing_what_is_whole_is_no_error(dev: Dev) -> None:
    """There is nothing to join."""
    assert dev.run("heal").returncode == exits.OK


@pytest.mark.parametrize("regions", ["", "eu", "eu:x", "eu:1,eu:1", "eu:-1"])
def test_regions_that_make_no_sense(regions: str, tmp_path: Path) -> None:
    """The command line is wrong, and nothing is started."""
    done = Dev(tmp_path / "none").run("up", "--regions", regions)
    assert done.returncode == exits.USAGE
    assert "--regions must" in done.stderr
    assert not (tmp_path / "none").exists()


def test_without_a_cluster_the_first_step_is_named(tmp_path: Path) -> None:
    """Every command but `up`."""
    assert "start one with `croupier dev up`" in Dev(tmp_path).refuses("status")


def test_down_keeps_and_remove_removes(dev: Dev) -> None:
    """The last test of this file: data outlive `down`, not `down --remove`."""
    key = dev.says("up", *SHAPE, "--network", dev.network)["operator_key"]
    assert dev.says("down")["removed"] is False
    assert set(dev.conditions().values()) == {"dead"}
    assert dev.says("up", *SHAPE, "--network", dev.network)["operator_key"] == key
    assert dev.says("down", "--remove")["removed"] is True
    assert not dev.folder.exists()
