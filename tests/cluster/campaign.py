"""The campaign: one injection after another under load, nodes that don't know of one another, the singleton, the controls; and the sums."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from croupier.dev import engine
from tests.cluster import scenario_spike as spikes
from tests.cluster.classes import Trial, trials
from tests.cluster.controls import APART, contend, tried
from tests.cluster.crowd import CALL_S_MAX, longest_gap_s, slowest_s
from tests.cluster.home_lost import HomeLost, home_lost
from tests.cluster.injections import ALL, Injection
from tests.cluster.latency import proxies
from tests.cluster.scenarios import SCENARIOS, Scenario, Told, play
from tests.cluster.singletons import stale_holder, take_over_s
from tests.cluster.stage import Machines, Report, Stage

CALM_S, CALM_WITHOUT_QUORUM_S = 1.5, 5.0
"""How long load runs between two injections; longer where nobody could write, so that it is seen how play goes on."""
TAKE_OVERS, TAKE_OVERS_QUICK = 30, 3
CUTS_S = (0.0, 3.0)
"""How long the home region that is lost was cut off before."""
DRIVERS = ("acsylla", "python", "acsylla")
"""The whole list runs once with each in the long campaign, with the first in the quick one."""
PAUSE_S = 0.05
"""Between two calls of a player: machines that restart need some of the CPU."""
LATENCY_MS, SLOW_S = 80, 8.0
_CONTENTION_S = 10.0


class Line(Struct):
    """One injection and what callers noticed of it."""

    name: str
    faults: int
    seconds: float
    rounds: int
    gap_s: float
    """The longest time without an answer to anybody."""
    slowest_s: float
    """Of 99 % of the calls."""
    failed_calls: int
    takes_quorum: bool


class Totals:
    """Sums over everything that ran."""

    def __init__(self, folder: Path, seed: int, *, is_quick: bool, only: str = "", players: int = 24) -> None:
        """`folder` takes figures and plots; `only` are parts of names, with commas between them."""
        self.folder = folder
        self.seed = seed
        self.is_quick = is_quick
        self.only = only
        self.players = players
        self.seconds = 0.0
        names = (
            "rounds",
            "faults",
            "lost",
            "double",
            "drift",
            "unknown",
            "unresolved",
            "stale_accepted",
            "controls",
            "controls_caught",
            "failed_calls",
        )
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))
        self.lines: list[Line] = []
        self.take_overs_s: list[float] = []
        self.controls: list[tuple[str, bool]] = []
        self.scenarios: list[Told] = []
        self.homes_lost: list[HomeLost] = []
        self.missed: list[str] = []
        self._running: list[tuple[Line, int, int]] = []
        """Injections of the present stage, with when they began and ended."""
        self.operations = 0
        self.wallets = 0
        self.is_clean = True

    def add(self, name: str, report: Report, stage: Stage) -> None:
        """Takes what a stage came to, and prints it."""
        found = report.findings
        for line, begin_ns, end_ns in self._running:
            # A call belongs to what was done when it began, which may be over when the call fails.
            line.failed_calls = sum(begin_ns <= wish.attempts[0].sent_ns <= end_ns for wish in stage.failed)
        self._running.clear()
        self.counts.update(
            rounds=found.rounds,
            lost=found.lost,
            double=found.double,
            drift=found.drift,
            unknown=report.unknown,
            unresolved=found.unresolved,
            failed_calls=report.failed_calls,
        )
        self.is_clean = self.is_clean and report.is_clean
        self.missed += stage.missed
        self.operations += report.verdict.operations
        self.wallets += report.verdict.wallets
        print(
            f"{name}: {'clean' if report.is_clean else 'BROKEN'}, {found.rounds} rounds, {report.calls} calls, {report.unknown} attempts unanswered, "
            f"{report.failed_calls} calls failed; porcupine: {report.verdict.operations} operations of {report.verdict.wallets} wallets, "
            f"{len(report.verdict.illegal)} illegal, {len(report.verdict.undecided)} undecided; missed: {stage.missed or 'nothing'}",
            flush=True,
        )
        for example in (*found.examples[:5], *report.verdict.faults[:3]):
            print(f"  {example}", flush=True)

    def ran(self, line: Line, begin_ns: int, end_ns: int) -> None:
        """Takes what an injection came to, as far as it is known yet."""
        self.lines.append(line)
        self._running.append((line, begin_ns, end_ns))
        self.counts.update(faults=line.faults)

    def save(self) -> None:
        """Writes the figures, beside the plots."""
        self.folder.mkdir(parents=True, exist_ok=True)
        figures = {
            "seed": self.seed,
            "seconds": round(self.seconds),
            "command": f"`{' '.join(('python -m tests.cluster', *sys.argv[1:]))}`",
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} CPUs, load {os.getloadavg()[2]:.0f}, Linux {platform.release()}, Python {platform.python_version()}",
            "call_s_max": CALL_S_MAX,
            "counts": dict(self.counts),
            "injections": msgspec.to_builtins(self.lines),
            "missed": self.missed,
            "operations": self.operations,
            "wallets": self.wallets,
            "take_overs_s": [round(one, 2) for one in self.take_overs_s],
            "controls": dict(self.controls),
            "scenarios": msgspec.to_builtins(self.scenarios),
            "homes_lost": msgspec.to_builtins(self.homes_lost),
        }
        (self.folder / "cluster-faults.json").write_text(json.dumps(figures, indent=1) + "\n")

    def wants(self, name: str, *, is_quick: bool = True) -> bool:
        """Whether something of that name is part of this campaign."""
        if self.only:
            return any(part in name for part in self.only.split(","))
        return is_quick or not self.is_quick


async def run(cluster: Machines, totals: Totals) -> None:
    """Everything, one after another."""
    if any(totals.wants(injection.name) for injection in ALL):
        for number, driver in enumerate(DRIVERS[: 1 if totals.is_quick or totals.only else None]):
            await _injections(cluster, totals, number, driver)
    await _classes(cluster, totals)
    for scenario in SCENARIOS:
        if totals.wants(scenario.name, is_quick=False):
            await _scenario(cluster, totals, scenario)
    if totals.wants(spikes.NAME, is_quick=False):
        await _spike(cluster, totals)
    if totals.wants("apart"):
        await _apart(cluster, totals)
    if totals.wants("slow"):
        await _slow(cluster, totals)
    totals.controls = [one async for one in tried(cluster, totals.seed, totals.wants)]
    for name, is_caught in totals.controls:
        totals.counts.update(controls=1, controls_caught=int(is_caught))
        totals.is_clean = totals.is_clean and is_caught
        print(f"control {name}: {'caught' if is_caught else 'NOT CAUGHT'}", flush=True)


async def _injections(cluster: Machines, totals: Totals, number: int, driver: str) -> None:
    """The list under load, then singletons, then both judges."""
    settings = {"cassandra": {"driver": driver}}
    stage = Stage(cluster, f"faults_{number}", totals.seed + number, players=totals.players, pause_s=PAUSE_S, settings=settings)
    try:
        await stage.up()
        async with stage.crowd.playing():
            await asyncio.sleep(CALM_S)
            for injection in ALL:
                if totals.wants(injection.name, is_quick=injection.is_quick) and (cluster.plan.isolated or "cut off" not in injection.name):
                    await inject(stage, injection, totals)
        if totals.wants("singleton"):
            await _singletons(stage, totals)
        totals.add(f"faults, seed {stage.seed}, driver {driver}", await stage.report(), stage)
    finally:
        await stage.down()


async def _classes(cluster: Machines, totals: Totals) -> None:
    """The other classes than geo."""
    for trial in trials(cluster.plan):
        if totals.wants(f"class {trial.name}", is_quick=False):
            await _trial(cluster, totals, trial)
    for cut_s in CUTS_S if cluster.plan.isolated else CUTS_S[:1]:
        if totals.wants("home region lost", is_quick=False):
            await _home_lost(cluster, totals, cut_s)


async def _trial(cluster: Machines, totals: Totals, trial: Trial) -> None:
    """What is done to another class."""
    stage = Stage(
        cluster,
        f"class_{trial.name}",
        totals.seed,
        players=totals.players,
        pause_s=PAUSE_S,
        settings=trial.settings,
        replicas=trial.replicas,
    )
    try:
        await stage.up()
        async with stage.crowd.playing():
            await asyncio.sleep(CALM_S)
            for injection in trial.injections:
                await inject(stage, injection, totals, f"class {trial.name}: ")
        totals.add(f"class {trial.name}", await stage.report(), stage)
    finally:
        await stage.down()


async def _home_lost(cluster: Machines, totals: Totals, cut_s: float) -> None:
    lost = await home_lost(cluster, totals.seed, totals.folder, cut_s=cut_s)
    totals.homes_lost.append(lost)
    found = lost.findings
    totals.counts.update(
        rounds=found.rounds, faults=lost.faults, lost=found.lost, double=found.double, drift=found.drift, unresolved=found.unresolved
    )
    totals.is_clean = totals.is_clean and lost.is_as_announced
    print(
        f"{lost.title}: {'as announced' if lost.is_as_announced else 'NOT AS ANNOUNCED'}, {lost.wallets} wallets, {lost.lost_rounds} rounds lost and "
        f"{lost.kept_rounds} kept, lag {lost.lag_s:.2f} s, went on after {lost.goes_on_s:.2f} to {lost.all_go_on_s:.2f} s",
        flush=True,
    )
    for example in found.examples[:5]:
        print(f"  {example}", flush=True)


async def inject(stage: Stage, injection: Injection, totals: Totals, where: str = "") -> None:
    """One injection, mended, and what callers noticed meanwhile; `where` goes before its name."""
    begin_ns, failed = time.monotonic_ns(), len(stage.crowd.failed)
    try:
        faults = await injection.act(stage)
    except Exception as error:  # What one injection met must not end the campaign, nor be overlooked.
        faults, totals.is_clean = 1, False
        stage.missed.append(f"{where}{injection.name}: {error!r}")
    await stage.mend()
    stage.notes("whole again")
    await asyncio.sleep(CALM_WITHOUT_QUORUM_S if injection.takes_quorum else CALM_S)
    end_ns, wishes = time.monotonic_ns(), stage.crowd.wishes
    line = Line(
        where + injection.name,
        faults,
        (end_ns - begin_ns) / 1e9,
        sum(wish.rpc == "Play" and begin_ns <= wish.answered_ns <= end_ns for wish in wishes),
        longest_gap_s(wishes, begin_ns, end_ns),
        slowest_s(wishes, begin_ns, end_ns, 0.99),
        len(stage.crowd.failed) - failed,
        injection.takes_quorum,
    )
    totals.ran(line, begin_ns, end_ns)
    print(
        f"  {line.name}: {line.faults} faults in {line.seconds:.0f} s, {line.rounds} rounds, gap {line.gap_s:.2f} s, "
        f"p99 {line.slowest_s:.2f} s, {line.failed_calls} failed",
        flush=True,
    )


async def _singletons(stage: Stage, totals: Totals) -> None:
    stale = await stale_holder(stage)
    totals.counts.update(faults=1, stale_accepted=int(stale.is_accepted))
    totals.is_clean = totals.is_clean and stale.result == "refused" and not stale.is_accepted
    print(f"  stale holder of fence {stale.old_fence}: its write was {stale.result}, the store keeps fence {stale.kept_fence}", flush=True)
    for _ in range(TAKE_OVERS_QUICK if totals.is_quick else TAKE_OVERS // len(DRIVERS)):
        totals.take_overs_s.append(await take_over_s(stage))
        totals.counts.update(faults=1)
    print(f"  take-overs: {[round(one, 2) for one in totals.take_overs_s]} s", flush=True)


async def _scenario(cluster: Machines, totals: Totals, scenario: Scenario) -> None:
    told, stage = await play(cluster, scenario, totals.seed, totals.folder)
    try:
        totals.scenarios.append(told)
        totals.counts.update(faults=told.faults)
        totals.is_clean = totals.is_clean and not stage.missed
        print(f"{told.title}: gap {told.gap_s:.2f} s, p99 {told.p99_s:.2f} s, {told.rounds_per_s:.0f} rounds/s", flush=True)
        totals.add(scenario.name, await stage.report(), stage)
    finally:
        await stage.down()


async def _slow(cluster: Machines, totals: Totals) -> None:
    """The store is far away for a while."""
    with proxies(f"{cluster.plan.network}.254") as between:
        points = engine.settings(cluster.plan, cluster.plan.of_kind("node")[0], cluster.places)["cassandra"]["contact_points"]
        through = {region: [between.before(point) for point in named] for region, named in points.items()}
        stage = Stage(cluster, "slow", totals.seed, settings={"cassandra": {"contact_points": through}})
        try:
            await stage.up()
            async with stage.crowd.playing():
                await asyncio.sleep(CALM_S)
                await asyncio.to_thread(between.delay, LATENCY_MS, LATENCY_MS // 4)
                await asyncio.sleep(SLOW_S)
                await asyncio.to_thread(between.calm)
                await asyncio.sleep(CALM_S)
            totals.counts.update(faults=len(points))
            totals.add(f"{LATENCY_MS} ms each way to the store for {SLOW_S:.0f} s", await stage.report(), stage)
        finally:
            await stage.down()


async def _spike(cluster: Machines, totals: Totals) -> None:
    told = await spikes.spike(cluster, totals.seed, totals.folder)
    totals.is_clean = totals.is_clean and not told.drift_micros
    totals.counts.update(drift=int(told.drift_micros > 0))
    print(
        f"{told.title}: {told.goodput_per_s:.0f} of {told.offered_per_s:.0f} rounds/s played, {told.goodput_of_capacity:.2f} of what all can do, "
        f"{told.shed_share:.0%} given up",
        flush=True,
    )


async def _apart(cluster: Machines, totals: Totals) -> None:
    """Nodes that forward nothing to one another write to the same wallets: lost races, and ids that meet in the store."""
    stage = Stage(cluster, "apart", totals.seed, settings=APART)
    try:
        await stage.up()
        await contend(stage, _CONTENTION_S, twins=1_000)
        totals.add("nodes that don't know of one another", await stage.report(), stage)
    finally:
        await stage.down()
