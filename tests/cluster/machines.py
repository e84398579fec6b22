"""Real Cassandra and etcd for tests, each started when the first test asks for it and gone when the session ends, even if it is killed.

    cassandra       one node
    three_regions   three nodes, each in a region of its own: eu, us, asia
    etcd            three members
    whole           the three regions, with a member of etcd and an engine node in each

A test may kill, pause and stop machines through `.cluster`: what it leaves broken is mended before the next one. Starting them does not count
against a test's time limit. CROUPIER_TEST_CASSANDRA=ADDRESS:PORT lets `cassandra` be a node that runs already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from croupier.dev import places
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed, ToolMissing
from croupier.dev.places import Places
from croupier.dev.plan import KINDS, Kind, Plan, free_network

REGIONS = ("eu", "us", "asia")
_SHARED = ("cassandra", "three_regions", "etcd", "whole")
_TEST_S = 30.0


class Ring(NamedTuple):
    """Cassandra as a test meets it."""

    contact_points: dict[str, list[str]]
    """Addresses by region, which is Cassandra's data centre."""
    port: int
    running: Cluster | None

    @property
    def cluster(self) -> Cluster:
        """What kills and restarts the nodes, by the names cassandra-1 and so on, in the order of the regions."""
        assert self.running, "a node that the test did not start cannot be harmed by it"
        return self.running

    @property
    def address(self) -> str:
        """The first node's."""
        return next(iter(self.contact_points.values()))[0]


class Members(NamedTuple):
    """etcd as a test meets it."""

    endpoints: list[str]
    """host:port of each member, in the order of the names etcd-1 and so on."""
    cluster: Cluster


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """One Cassandra node; its data centre is `eu`."""
    if named := os.environ.get("CROUPIER_TEST_CASSANDRA"):
        address, _, port = named.rpartition(":")
        yield Ring({"dc1": [address]}, int(port), None)
        return
    yield from _ring(Plan(regions={"eu": 1}, network=free_network()), tmp_path_factory.mktemp("cassandra"))


@pytest.fixture(scope="session")
def three_regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Three Cassandra nodes, each in a region of its own."""
    plan = Plan(regions=dict.fromkeys(REGIONS, 1), etcd=3, nodes=3, network=free_network())
    yield from _ring(plan, tmp_path_factory.mktemp("three-regions"))


@pytest.fixture(scope="session")
def whole(three_regions: Ring) -> Cluster:
    """The cluster that `make cluster` starts, on the Cassandra nodes of `three_regions`."""
    three_regions.cluster.up()
    return three_regions.cluster


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    """Three members of etcd."""
    plan = Plan(regions=dict.fromkeys(REGIONS, 0), etcd=3, network=free_network())
    for cluster in standing(plan, tmp_path_factory.mktemp("etcd")):
        yield Members([f"{address}:{plan.ports.etcd}" for address in _addresses(plan, "etcd")], cluster)


@pytest.fixture(autouse=True)
def _mended(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves dead, paused or cut off is whole again before the next one."""
    used = [request.getfixturevalue(name) for name in _SHARED if name in request.fixturenames]
    yield
    for machines in used:
        cluster = machines if isinstance(machines, Cluster) else machines.cluster if isinstance(machines, Members) else machines.running
        if cluster:
            cluster.mend()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time limit starts when its machines stand."""
    for item in items:
        if set(_SHARED) & set(getattr(item, "fixturenames", ())):
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own and own.args else _TEST_S
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits until something holds; fails if it never does."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to hold within {within_s:.0f} s"
        time.sleep(0.05)


def _ring(plan: Plan, folder: Path) -> Iterator[Ring]:
    for cluster in standing(plan, folder, ["cassandra"]):
        points = {region: [machine.address for machine in plan.of_kind("cassandra") if machine.region == region] for region in plan.regions}
        yield Ring(points, plan.ports.cql, cluster)


def standing(plan: Plan, folder: Path, kinds: Sequence[Kind] = KINDS) -> Iterator[Cluster]:
    """A cluster, of which machines of these kinds stand as long as the generator is not closed; for `yield from` in a fixture of one's own."""
    cluster = Cluster(Places(folder, places.cache()), plan, say=_say)
    try:
        cluster.remove_with(os.getpid())
        cluster.up(kinds)
    except ToolMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    except DevFailed:
        cluster.remove()
        raise
    yield cluster
    cluster.remove()


def _addresses(plan: Plan, kind: Kind) -> list[str]:
    return [machine.address for machine in plan.of_kind(kind)]


def _say(step: str) -> None:
    print(step, flush=True)
