"""Machines in namespaces of their own can be cut off for real; where that is not possible, the reason is said."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from croupier.dev import network, places
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed
from croupier.dev.network import Network
from croupier.dev.places import Places
from croupier.dev.plan import Plan
from tests.cluster.machines import REGIONS, eventually, standing

needs_namespaces = pytest.mark.skipif(bool(network.why_not()), reason=network.why_not() or "possible")


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three regions with one member of etcd each, isolated."""
    plan = Plan(regions=dict.fromkeys(REGIONS, 0), etcd=3, isolated=True, network=network.free_network())
    yield from standing(plan, tmp_path_factory.mktemp("regions"))


def serving(cluster: Cluster) -> list[bool]:
    return [status.serves for status in cluster.status()]


@needs_namespaces
@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_a_region_that_is_cut_off_loses_its_majority(regions: Cluster, direction: network.Direction) -> None:
    """The two other regions go on, the cut one still answers its callers that it cannot; joined again, all serve."""
    regions.cut("us", direction)
    eventually(lambda: serving(regions) == [True, False, True])
    cut = regions.status()[1]
    assert (cut.cut, cut.condition) == (direction, "running")
    with socket.create_connection((cut.address, 2379), timeout=2.0):
        pass
    regions.heal("us")
    eventually(lambda: serving(regions) == [True, True, True])
    assert {status.cut for status in regions.status()} == {None}


@needs_namespaces
def test_callers_can_be_cut_off_too(regions: Cluster) -> None:
    """With callers cut off nobody reaches the machine; the cut outlives its restart, and `mend` ends it."""
    regions.cut("etcd-3", callers=True)
    eventually(lambda: serving(regions) == [True, True, False])
    with pytest.raises(TimeoutError), socket.create_connection((regions.status()[2].address, 2379), timeout=0.5):
        pass
    regions.mend()
    eventually(lambda: serving(regions) == [True, True, True])


@needs_namespaces
def test_what_is_removed_leaves_no_namespace(tmp_path: Path) -> None:
    """A bridge and namespaces go with the cluster; making them twice is no error."""
    plan = Plan(regions={"eu": 0}, etcd=2, isolated=True, network=network.free_network())
    made = Network(plan, str(tmp_path))
    made.build()
    made.build()
    names = [made.namespace(machine) for machine in plan.machines()]
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert all(name in listed for name in names)
    Cluster(Places(tmp_path, places.cache()), plan).remove()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert not any(name in listed for name in names)


@needs_namespaces
def test_another_clusters_network_is_left_alone(regions: Cluster, tmp_path: Path) -> None:
    """A second cluster neither joins it, nor cuts in it, nor takes it down."""
    other = Cluster(Places(tmp_path, places.cache()), regions.plan)
    foreign = f"belongs to the cluster in {regions.places.folder}"
    with pytest.raises(DevFailed, match=foreign):
        other.up()
    with pytest.raises(DevFailed, match=foreign):
        other.cut("us")
    other.remove()
    assert serving(regions) == [True, True, True]


def test_on_loopback_nobody_can_be_cut_off(tmp_path: Path) -> None:
    """The refusal says what to do instead."""
    cluster = Cluster(Places(tmp_path, places.cache()), Plan(regions={"eu": 1}))
    with pytest.raises(DevFailed, match="start the cluster with --isolated, as root"):
        cluster.cut("eu")


def test_without_root_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody without root is told so before anything is started."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    cluster = Cluster(Places(tmp_path, places.cache()), Plan(regions={"eu": 1}, isolated=True))
    with pytest.raises(DevFailed, match="network namespaces need root"):
        cluster.up()
