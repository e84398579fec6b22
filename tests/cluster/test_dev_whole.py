"""The cluster of `make cluster`: three regions, each with Cassandra, etcd and an engine node; and players who go on while parts of it die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from croupier.dev import engine
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed
from croupier.dev.load import Load, Summary
from croupier.dev.rebuild import rebuild
from tests.cluster.machines import REGIONS

pytestmark = pytest.mark.timeout(120)


def play_while(cluster: Cluster, harm: Callable[[], None], *, settle_s: float = 2.0) -> Summary:
    """Players play, something is done to the cluster, and they play on for a while."""
    addresses = [f"{node.address}:{cluster.plan.ports.grpc}" for node in cluster.plan.of_kind("node")]
    load = Load(addresses, engine.demo_key(cluster.plan, cluster.places), operator="demo", players=6, rate=20)
    done = threading.Event()
    harmed: list[BaseException] = []

    def work() -> None:
        try:
            time.sleep(settle_s)
            harm()
            time.sleep(settle_s)
        except BaseException as error:  # It is raised where the test can see it.
            harmed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work)
    ticks = load.run(None)
    next(ticks)
    thread.start()
    while not done.is_set():
        next(ticks)
    thread.join()
    summary = load.finish()
    assert not harmed, harmed
    return summary


def assert_nothing_is_lost(summary: Summary) -> None:
    assert summary.rounds > 20
    assert (summary.unresolved, summary.drift_micros) == (0, 0)


def test_a_killed_node_costs_no_call(whole: Cluster) -> None:
    """The client goes on at another node: no call fails, no money drifts."""
    summary = play_while(whole, lambda: whole.kill("node-2"))
    assert_nothing_is_lost(summary)
    assert summary.failed == {}


def test_without_etcd_rounds_go_on(whole: Cluster) -> None:
    """All three members are dead, and ordinary rounds do not need them."""

    def harm() -> None:
        for number in (1, 2, 3):
            whole.kill(f"etcd-{number}")

    summary = play_while(whole, harm)
    assert_nothing_is_lost(summary)
    assert summary.failed == {}


def test_every_region_has_one_of_each(whole: Cluster) -> None:
    """What `make cluster` promises, and all of it serves."""
    machines = whole.status()
    assert [(machine.kind, machine.region) for machine in machines] == [
        (kind, region) for kind in ("cassandra", "etcd", "node") for region in REGIONS
    ]
    assert all(machine.serves for machine in machines)


@pytest.mark.timeout(600)
def test_a_lost_disk_is_rebuilt_while_play_goes_on(whole: Cluster) -> None:
    """The emptied node is refused when it simply starts; rebuilt, it serves, and no round is lost."""

    def harm() -> None:
        whole.destroy("cassandra-3")
        with pytest.raises(DevFailed, match="cassandra-3 has lost its data, and Cassandra refuses it"):
            whole.restart("cassandra-3")
        rebuild(whole, "cassandra-3", print)

    assert_nothing_is_lost(play_while(whole, harm))
    assert all(machine.serves for machine in whole.status())


def test_a_node_that_has_its_data_is_not_rebuilt(whole: Cluster) -> None:
    """Nor one of another kind."""
    with pytest.raises(DevFailed, match="cassandra-1 has its data"):
        rebuild(whole, "cassandra-1", print)
    with pytest.raises(DevFailed, match="etcd-1 is no Cassandra node"):
        rebuild(whole, "etcd-1", print)
