"""L0 over the runner that awaits its store: the same promises, order of calls per wallet besides, and the proof that the checker would notice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from croupier.model import WalletKey
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Result
from tests.simulation.awaiting import AwaitingWorld
from tests.simulation.controls import CONTROLS
from tests.simulation.run import PARTS, Report, cores, run_seed, run_seeds

SEEDS = 3_000
CONTROL_SEEDS = 2_000
run_awaiting = partial(run_seed, parts=PARTS, world_type=AwaitingWorld)


class LastFirst(Awaiting):
    """What waits for a wallet is taken the newest first."""

    def _take(self, lane: Any) -> Any:
        lane.waiting.reverse()
        return super()._take(lane)


class ManyWritesAtOnce(Awaiting):
    """A wallet's calls don't wait for the write before theirs."""

    async def _work(self, wallet: WalletKey, lane: Any) -> None:
        async with asyncio.TaskGroup() as group:
            while lane.waiting:
                batch = self._take(lane)
                group.create_task(self._step(batch))
                await asyncio.sleep(0)
        del self._lanes[wallet]


class AnswersOfOthers(Awaiting):
    """Results go to the calls of a write in another order."""

    def _finish(self, batch: Sequence[Any], results: Sequence[Result]) -> None:
        super()._finish(batch, results[::-1])


class LastFirstWorld(AwaitingWorld):
    taker = LastFirst


class ManyWritesWorld(AwaitingWorld):
    taker = ManyWritesAtOnce


class AnswersOfOthersWorld(AwaitingWorld):
    taker = AnswersOfOthers


@pytest.mark.timeout(600)
def test_three_thousand_seeds() -> None:
    """S4, G2, R3: nothing acknowledged is lost or there twice, money adds up, no outcome changes, nothing stays unknown, and calls keep their order."""
    failed = [report for report in run_seeds(range(SEEDS), cores(), AwaitingWorld) if report.faults]
    assert not failed, "\n".join(f"{report.replay}   # {report.faults[0]}" for report in failed[:10])


def test_same_seed_same_run() -> None:
    """A seed replays to the same calls, crashes and entries: nothing depends on the real clock."""
    assert [run_awaiting(seed) for seed in range(20)] == [run_awaiting(seed) for seed in range(20)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CONTROLS)
def test_a_guard_switched_off_is_noticed(name: str) -> None:
    """Negative control: without this guard, the checker finds the fault that the guard is there for."""
    control = CONTROLS[name]
    with control.patch():
        assert _caught(control.kinds, partial(run_seed, parts=control.parts, world_type=AwaitingWorld)), (
            f"without '{name}' nothing was seen"
        )


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("world", "kind"), [(LastFirstWorld, "order"), (ManyWritesWorld, "order"), (AnswersOfOthersWorld, "reroll")])
def test_a_lane_without_its_rule_is_noticed(world: type[AwaitingWorld], kind: str) -> None:
    """Negative control: order within a wallet, one write at a time, and each caller's own answer are what the checker looks at."""
    assert _caught(frozenset({kind}), partial(run_seed, parts=PARTS, world_type=world))


def _caught(kinds: frozenset[str], run: partial[Report]) -> bool:
    for seed in range(CONTROL_SEEDS):
        try:
            faults = run(seed).faults
        except AssertionError:
            continue  # The product's own assertions may notice first; the checker must notice too.
        if {fault.split(":")[0] for fault in faults} & kinds:
            return True
    return False
