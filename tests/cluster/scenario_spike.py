"""A spike in one region: five times what its nodes can do, spread over the regions.

python -m tests.cluster.scenario_spike [--save FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from croupier.dev.plan import Plan, free_network
from tests.cluster.capacity import Capacity
from tests.cluster.spiking import Asked, Players
from tests.cluster.stage import REGIONS, Machines, Stage, machines
from tests.cluster.timeline import Event, Panel, draw
from tests.cluster.watching import SAMPLE_S, Watcher
from tests.faults.process import ROOT

NAME, TITLE = "regional-traffic-spike", "Regional traffic spike: one region gets five times what it can do"
CAPACITY = Capacity(2, 0.1)
"""20 writes a second a region: little enough for a machine that carries all three regions."""
SPIKE, CALM = 5.0, 0.2
"""Rounds that come, as multiples of a region's capacity."""
BEFORE_S, SPIKE_S, AFTER_S = 10.0, 24.0, 8.0
_STEADY_S = 5.0
"""Figures of the spike leave out that much of its beginning, in which limits are found."""
_PLAYERS = {True: 220, False: 20}
"""Of the region with the spike, and of each other one."""


class Region(Struct, frozen=True):
    """What a region's node did during the spike, and what its players saw."""

    rounds_per_s: float
    shed_per_s: float
    write_limit: float
    write_median_ms: float
    asked_per_s: float
    answered_share: float
    p50_ms: float
    p99_ms: float


class Spike(Struct, frozen=True):
    """What it came to."""

    name: str
    title: str
    seed: int
    date: str
    machine: str
    capacity_per_s: float
    """Of a region alone."""
    offered_per_s: float
    """In all regions, during the spike."""
    goodput_per_s: float
    shed_share: float
    """Rounds that came and were given up after two seconds of retries."""
    reasons: dict[str, int]
    drift_micros: int
    regions: dict[str, Region]
    calm_p99_ms: float
    """In the region with the spike, before it."""
    recovered_s: float
    """After the spike, until every round of that region was answered again within twice the p99 before."""

    @property
    def goodput_of_capacity(self) -> float:
        """Of what all regions can do together."""
        return self.goodput_per_s / (self.capacity_per_s * len(self.regions))


async def spike(cluster: Machines, seed: int, plots: Path) -> Spike:
    """Runs it and draws its timeline."""
    stage = Stage(cluster, "spike", seed)
    metrics: dict[str, str] = {}
    for node in stage.nodes:
        host = node.address.rpartition(":")[0]
        metrics[node.region] = f"{host}:{cluster.plan.ports.metrics}"
        node.settings = node.settings.replace('metrics_listen = ""', f'metrics_listen = "{metrics[node.region]}"')
    try:
        await stage.up(env=CAPACITY.environment)
        groups = await _seated(stage, seed)
        begin_s = time.monotonic()
        watcher = Watcher(metrics, begin_s)
        watching = asyncio.create_task(watcher.watch())
        try:
            events = await _play(groups, begin_s)
        finally:
            watching.cancel()
        drift_micros = sum(await asyncio.gather(*(group.settle() for group in groups)))
        for group in groups:
            await group.close()
    finally:
        await stage.down()
    told = _told(watcher, groups, begin_s, seed, drift_micros)
    _save(plots, told, _panels(watcher, groups[0], begin_s), events)
    return told


def _save(plots: Path, told: Spike, panels: list[Panel], events: list[Event]) -> None:
    plots.mkdir(parents=True, exist_ok=True)
    draw(plots / f"{NAME}.svg", TITLE, panels, events)
    (plots / f"{NAME}.json").write_text(json.dumps(msgspec.to_builtins(told), indent=1) + "\n")


async def _seated(stage: Stage, seed: int) -> list[Players]:
    """Players of each region, the spike's first, who know the nodes of their own region and of the next."""
    addresses = {node.region: node.address for node in stage.nodes}
    groups: list[Players] = []
    for number, region in enumerate(REGIONS):
        known = [addresses[region], addresses[REGIONS[number - 1]]]
        groups.append(Players(region, known, stage.key, _PLAYERS[number == 0], random.Random(f"{seed}/{region}")))
    await asyncio.gather(*(group.sit_down() for group in groups))
    return groups


async def _play(groups: list[Players], begin_s: float) -> list[Event]:
    capacity = CAPACITY.places / CAPACITY.service_s
    first, *others = groups
    events: list[Event] = []

    def notes(text: str) -> None:
        events.append(Event(time.monotonic() - begin_s, text))

    async def one() -> None:
        await first.play(CALM * capacity, BEFORE_S)
        notes(f"{first.region}: {SPIKE:.0f} times its capacity")
        await first.play(SPIKE * capacity, SPIKE_S)
        notes("as before")
        await first.play(CALM * capacity, AFTER_S)

    whole_s = BEFORE_S + SPIKE_S + AFTER_S
    await asyncio.gather(one(), *(other.play(CALM * capacity, whole_s) for other in others))
    return events


def _told(watcher: Watcher, groups: list[Players], begin_s: float, seed: int, drift_micros: int) -> Spike:
    from_s, to_s = BEFORE_S + _STEADY_S, BEFORE_S + SPIKE_S
    seconds = to_s - from_s
    asked = {group.region: _within(group, begin_s, from_s, to_s) for group in groups}
    everything = [one for group in asked.values() for one in group]
    unseated = groups[0].unseated * seconds / SPIKE_S
    offered = len(everything) + unseated
    calm_p99_s = _quantile_s([one for one in _within(groups[0], begin_s, 0.0, BEFORE_S) if not one.reason], 0.99)
    return Spike(
        NAME,
        TITLE,
        seed,
        time.strftime("%Y-%m-%d"),
        f"{os.cpu_count()} CPUs that carry the store, the nodes and the players, load {os.getloadavg()[0]:.0f}",
        CAPACITY.places / CAPACITY.service_s,
        offered / seconds,
        sum(watcher.rate(group.region, "rounds", from_s, to_s) for group in groups),
        (sum(bool(one.reason) for one in everything) + unseated) / offered,
        dict(Counter(one.reason for one in everything if one.reason)),
        drift_micros,
        {group.region: _region(watcher, group.region, asked[group.region], from_s, to_s) for group in groups},
        calm_p99_s * 1000,
        _recovered_s(groups[0], begin_s, calm_p99_s),
    )


def _region(watcher: Watcher, region: str, asked: list[Asked], from_s: float, to_s: float) -> Region:
    answered = [one for one in asked if not one.reason]
    return Region(
        watcher.rate(region, "rounds", from_s, to_s),
        watcher.rate(region, "shed", from_s, to_s),
        watcher.mean(region, "limit", from_s, to_s),
        watcher.mean(region, "write_s", from_s, to_s) * 1000,
        len(asked) / (to_s - from_s),
        len(answered) / len(asked),
        _quantile_s(answered, 0.5) * 1000,
        _quantile_s(answered, 0.99) * 1000,
    )


def _recovered_s(group: Players, begin_s: float, calm_p99_s: float) -> float:
    """From the end of the spike to the last round after it that was given up or slow."""
    end_s = begin_s + BEFORE_S + SPIKE_S
    bad = [one.began_s - end_s for one in group.asked if one.began_s > end_s and (one.reason or one.took_s > 2 * calm_p99_s)]
    return max(bad, default=0.0)


def _panels(watcher: Watcher, first: Players, begin_s: float) -> list[Panel]:
    buckets = int((BEFORE_S + SPIKE_S + AFTER_S) / SAMPLE_S)
    came, given_up, slow = [0.0] * buckets, [0.0] * buckets, [0.0] * buckets
    for one in first.asked:
        bucket = min(buckets - 1, int((one.began_s - begin_s) / SAMPLE_S))
        came[bucket] += 1 / SAMPLE_S
        given_up[bucket] += bool(one.reason) / SAMPLE_S
        slow[bucket] = max(slow[bucket], one.took_s * 1000)

    def line(values: list[float]) -> list[tuple[float, float]]:
        return [(number * SAMPLE_S, value) for number, value in enumerate(values)]

    return [
        Panel(
            f"rounds a second that players of {first.region} asked for, and gave up", {"asked for": line(came), "given up": line(given_up)}
        ),
        Panel("rounds a second, by the region that played them", watcher.rates("rounds")),
        Panel("calls turned away a second, by region", watcher.rates("shed")),
        Panel("limit of writes under way", watcher.values("limit")),
        Panel("median time of a write, ms", watcher.values("write_s", 1000.0)),
        Panel("load, as published", watcher.values("load")),
        Panel(f"slowest round of a player of {first.region}, ms", {"slowest": line(slow)}),
    ]


def _within(group: Players, begin_s: float, from_s: float, to_s: float) -> list[Asked]:
    return [one for one in group.asked if from_s <= one.began_s - begin_s <= to_s]


def _quantile_s(asked: list[Asked], part: float) -> float:
    took = sorted(one.took_s for one in asked)
    return took[min(len(took) - 1, int(len(took) * part))] if took else 0.0


def main() -> int:
    """Exit code 1 where money drifted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, default=ROOT / "target" / "cluster-faults")
    options = parser.parse_args()
    plan = Plan(regions=dict.fromkeys(REGIONS, 1), etcd=3, nodes=3, network=free_network())
    with tempfile.TemporaryDirectory(prefix="croupier-spike-") as folder:
        cluster = machines(Path(folder) / "cluster", plan)
        cluster.remove_with(os.getpid())
        try:
            cluster.up()
            told = asyncio.run(spike(cluster, options.seed, options.save))
        finally:
            cluster.remove()
    print(json.dumps(msgspec.to_builtins(told), indent=1))
    return 1 if told.drift_micros else 0


if __name__ == "__main__":
    sys.exit(main())
