"""Runs seeds, one after another or spread over the cores."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable
from functools import partial

from msgspec import Struct

from tests.simulation.checker import entry_count, faults_of
from tests.simulation.world import Parts, World

PARTS = Parts()


class Report(Struct, frozen=True):
    """What one seed came to."""

    seed: int
    faults: tuple[str, ...]
    calls: int
    entries: int
    crashes: int
    unknown_writes: int
    option: str = ""
    """What chooses the world that it ran in."""

    @property
    def replay(self) -> str:
        """The command that runs this seed again."""
        return f"python -m tests.simulation{self.option} --seed {self.seed}"


def run_seed(seed: int, parts: Parts = PARTS, world_type: type[World] = World) -> Report:
    """Runs one seed and checks it."""
    log = logging.getLogger("croupier.runner")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    world = world_type(seed, parts)
    world.run()
    log.setLevel(level)
    faults = list(world.faults)
    for player in world.players:
        faults += faults_of(world.store, parts.house, player)
    return Report(
        seed,
        tuple(faults),
        sum(len(player.intents) for player in world.players),
        entry_count(world.store),
        world.crashes,
        sum(node.runner.counts.unknown_writes for node in world.nodes),
        world.option,
    )


def run_seeds(seeds: Iterable[int], jobs: int, world_type: type[World] = World) -> list[Report]:
    """Runs many seeds on `jobs` processes; reports in order of seeds."""
    run = partial(run_seed, world_type=world_type)
    if jobs == 1:
        return [run(seed) for seed in seeds]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        return pool.map(run, seeds, chunksize=100)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def summary(reports: list[Report]) -> dict[str, int]:
    """Sums over all seeds."""
    totals: Counter[str] = Counter()
    for one in reports:
        totals.update(
            calls=one.calls, entries=one.entries, crashes=one.crashes, unknown_writes=one.unknown_writes, failed_seeds=bool(one.faults)
        )
    return {"seeds": len(reports), **totals}
