"""The machines that other tests stand on: they serve, can be harmed one by one, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from croupier.dev import cql, etcd, places
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places
from croupier.dev.plan import Plan, free_network
from tests.cluster.machines import Members, Ring


def test_one_node_serves(cassandra: Ring) -> None:
    """The node answers, with the settings that money needs."""
    assert cql.serves(cassandra.address, cassandra.port)
    assert cql.sees_all(cassandra.address, cassandra.port, 1)


def test_members_serve_and_one_may_die(etcd: Members) -> None:
    """With one of three members dead the others serve; started again it serves too."""
    cluster = etcd.cluster
    cluster.kill("etcd-2")
    cluster.wait("etcd-1")
    cluster.wait("etcd-3")
    with pytest.raises(DevFailed, match="etcd-2 is dead"):
        cluster.wait("etcd-2")
    cluster.restart("etcd-2")
    assert [status.serves for status in cluster.status()] == [True] * 3


def test_a_lost_majority_is_started_together(etcd: Members) -> None:
    """One member alone finds no leader, so those that are dead start at once; nobody waits for the first of them."""
    for name in ("etcd-1", "etcd-2", "etcd-3"):
        etcd.cluster.kill(name)
    etcd.cluster.restart("etcd-1", "etcd-2", "etcd-3")
    assert [status.serves for status in etcd.cluster.status()] == [True] * 3


def test_a_paused_member_is_told_from_a_dead_one(etcd: Members) -> None:
    """Paused and dead are two conditions, and each is undone by `mend`."""
    cluster = etcd.cluster
    cluster.pause("etcd-1")
    cluster.kill("etcd-3")
    assert [status.condition for status in cluster.status()] == ["paused", "running", "dead"]
    with pytest.raises(DevFailed, match="etcd-3 does not run"):
        cluster.pause("etcd-3")
    cluster.mend()
    assert all(status.serves for status in cluster.status())


def test_another_process_finds_the_cluster(etcd: Members) -> None:
    """What is remembered in the folder is enough to go on with the cluster."""
    found = Cluster.open(etcd.cluster.places)
    assert [status.pid for status in found.status()] == [status.pid for status in etcd.cluster.status()]
    found.kill("etcd-1")
    assert etcd.cluster.condition("etcd-1") == "dead"
    with pytest.raises(DevFailed, match="another cluster is in"):
        Cluster(found.places, Plan(regions={"eu": 0}, etcd=5)).up()


def test_two_processes_may_start_machines_at_once(etcd: Members) -> None:
    """Neither forgets what the other started."""
    cluster = etcd.cluster
    found = [Cluster.open(cluster.places), Cluster.open(cluster.places)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda one: one[0].restart(one[1]), zip(found, ["etcd-1", "etcd-2"], strict=True)))
    assert [status.serves for status in cluster.status()] == [True] * 3
    pids = {status.pid for status in cluster.status()}
    assert all({status.pid for status in one.status()} == pids for one in found)


def test_nothing_outlives_a_killed_starter(tmp_path: Path) -> None:
    """A test run that is killed by SIGKILL leaves no member and no folder."""
    folder, network = tmp_path / "orphan", free_network()
    with subprocess.Popen([sys.executable, "-c", STARTER, str(folder), network], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        cluster = Cluster.open(Places(folder, places.cache()))
        member, machine = cluster.status()[0], cluster.plan.machine("etcd-1")
        assert member.pid
        assert etcd.serves(cluster.plan, machine)
        starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10.0
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
    assert cluster.condition("etcd-1") == "dead"
    assert not etcd.serves(cluster.plan, machine)


STARTER = """
import os, sys, time
from pathlib import Path
from croupier.dev import places
from croupier.dev.cluster import Cluster
from croupier.dev.places import Places
from croupier.dev.plan import Plan
cluster = Cluster(Places(Path(sys.argv[1]), places.cache()), Plan(regions={"eu": 0}, etcd=1, network=sys.argv[2]))
cluster.remove_with(os.getpid())
cluster.up()
print("up", flush=True)
time.sleep(60)
"""


def test_a_machine_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong name is answered with those that there are."""
    cluster = Cluster(Places(tmp_path, places.cache()), Plan(regions={"eu": 1}, etcd=1))
    with pytest.raises(DevFailed, match="there is no machine etcd-2; there are cassandra-1, etcd-1"):
        cluster.kill("etcd-2")
