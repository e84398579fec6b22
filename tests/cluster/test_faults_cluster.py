"""L2, a short selection: engine nodes over real Cassandra and etcd are killed, frozen and drained under load. `make cluster-faults-quick` does far more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from croupier.dev.failure import ToolMissing
from croupier.dev.plan import Plan, free_network
from tests.cluster.campaign import Totals, inject
from tests.cluster.controls import LOAD_CONTROLS, is_caught
from tests.cluster.injections import ALL
from tests.cluster.singletons import stale_holder
from tests.cluster.stage import Machines, Stage, machines
from tests.interop.programs import needs_go

pytestmark = [needs_go, pytest.mark.timeout(180, func_only=True)]
CHOSEN = (
    "engine node killed at: statement_sent",
    "engine node killed at: before_resolve",
    "engine node killed at: next_decided",
    "engine node hangs",
    "all of etcd killed",
    "rolling restart of the engine nodes",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """One Cassandra node, which nothing here harms, and three members of etcd; engine nodes are the tests' own."""
    plan = Plan(regions={"eu": 1}, etcd=3, nodes=2, network=free_network())
    standing = machines(tmp_path_factory.mktemp("faults"), plan)
    try:
        standing.remove_with(os.getpid())
        standing.up()
    except ToolMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield standing
    standing.remove()


async def test_faults_lose_nothing(cluster: Machines, tmp_path: Path) -> None:
    """Acknowledged rounds are there once with the same bytes, wallets add up and keep real time's order, porcupine agrees, and no call fails."""
    totals = Totals(tmp_path, 1, is_quick=True)
    stage = Stage(cluster, "short", 1, players=16)
    try:
        await stage.up()
        async with stage.crowd.playing():
            for injection in ALL:
                if injection.name in CHOSEN:
                    await inject(stage, injection, totals)
        report = await stage.report()
    finally:
        await stage.down()
    assert report.is_clean, report
    assert not report.failed_calls and not stage.missed, stage.missed
    assert report.findings.rounds and report.unknown and len(totals.lines) == len(CHOSEN)


async def test_a_stale_holders_write_is_refused(cluster: Machines) -> None:
    """A holder frozen for longer than its lease, with a write under way, finds another's fence in the store."""
    stage = Stage(cluster, "singleton", 2, players=2)
    try:
        await stage.up()
        stale = await stale_holder(stage)
    finally:
        await stage.down()
    assert stale.result == "refused" and stale.kept_fence == stale.new_fence > stale.old_fence


async def test_missing_id_checks_are_noticed(cluster: Machines) -> None:
    """Negative control: nodes that don't mind an id that is known are caught."""
    control = next(control for control in LOAD_CONTROLS if control.name == "new_id_check")
    assert await asyncio.wait_for(is_caught(cluster, control, 3), 120)
