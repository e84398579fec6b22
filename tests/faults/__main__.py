"""Kill -9, full disks and failing syncs against real servers: python -m tests.faults [--quick] [--kills N] [--seed N]. The last line is a JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.campaign import CONTROLS, Outcome, is_caught, kill_often, two_owners
from tests.faults.disk import damaged_file, failing_sync, full_disk
from tests.faults.points import faults
from tests.faults.starting import killed_at_first_start

KILLS, KILLS_QUICK = 200, 40
KILLS_A_CAMPAIGN = 20
KILLS_OF_STARTS = 10
OWNER_LIVES = 3


class Totals:
    """Sums over everything that ran."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(
            dict.fromkeys(("rounds", "faults", "lost", "double", "drift", "unknown", "unresolved", "controls", "controls_caught"), 0)
        )
        self.is_clean = True

    def add(self, name: str, outcome: Outcome, faults_put: int, *, is_orderly: bool = True) -> None:
        """Takes one campaign's outcome and prints it."""
        found = outcome.findings
        self.counts.update(
            rounds=found.rounds,
            faults=faults_put,
            lost=found.lost,
            double=found.double,
            drift=found.drift,
            unknown=outcome.unknown,
            unresolved=found.unresolved,
        )
        is_clean = outcome.is_clean and is_orderly
        self.is_clean = self.is_clean and is_clean
        points = ", ".join(f"{point} {count}" for point, count in sorted(outcome.kills.items()))
        print(
            f"{name}: {'clean' if is_clean else 'BROKEN'}, {found.rounds} rounds, {outcome.unknown} answers unknown, "
            f"{outcome.retried} calls sent again, audit {'passed' if outcome.audit.get('ok') else 'FAILED'}{'; ' if points else ''}{points}",
            flush=True,
        )
        for example in found.examples[:5]:
            print(f"  {example}", flush=True)

    def add_starts(self, faults: list[str]) -> None:
        """Takes the kills of first starts; a folder that can't be started on any more counts as lost."""
        self.counts.update(faults=KILLS_OF_STARTS, lost=len(faults))
        self.is_clean = self.is_clean and not faults
        print(f"{KILLS_OF_STARTS} kills of first starts: {faults or 'clean'}", flush=True)

    def add_refusal(self, name: str, *, is_orderly: bool) -> None:
        """Takes a fault after which nothing can be settled: only that the server left service in order."""
        self.counts.update(faults=1)
        self.is_clean = self.is_clean and is_orderly
        print(f"{name}: {'left in order' if is_orderly else 'BROKEN'}", flush=True)

    def add_control(self, name: str, *, caught: bool) -> None:
        """Takes one negative control."""
        self.counts.update(controls=1, controls_caught=int(caught))
        self.is_clean = self.is_clean and caught
        print(f"control {name}: {'caught' if caught else 'NOT CAUGHT'}", flush=True)


async def run(folder: Path, kills: int, seed: int) -> Totals:
    """Everything, one after another."""
    totals = Totals()
    for number, first in enumerate(range(0, kills, KILLS_A_CAMPAIGN)):
        count = min(KILLS_A_CAMPAIGN, kills - first)
        outcome = await kill_often(folder / f"kills-{number}", seed + number, faults(count, random.Random(seed + number)))
        totals.add(f"{count} kills, seed {seed + number}", outcome, sum(outcome.kills.values()))
    totals.add_starts(await killed_at_first_start(folder / "starts", seed, KILLS_OF_STARTS))
    full = await full_disk(folder / "full", seed)
    totals.add(f"full disk ({full.said})", full.outcome, 1, is_orderly=full.is_orderly)
    sync = await failing_sync(folder / "sync", seed)
    totals.add(f"failing sync ({sync.said})", sync.outcome, 1, is_orderly=sync.is_orderly)
    damaged = await damaged_file(folder / "damaged", seed)
    totals.add_refusal(f"damaged file ({damaged.said})", is_orderly=damaged.is_orderly)
    totals.add("two owners of one file", await two_owners(folder / "owners", seed, OWNER_LIVES, "ownership"), 2 * OWNER_LIVES)
    for control in CONTROLS:
        totals.add_control(control.name, caught=await is_caught(folder / control.name, seed, control))
    unheeded = await failing_sync(folder / "heed_of_errors", seed, "heed_of_errors")
    totals.add_control("heed_of_errors", caught=bool(unheeded.outcome.findings.lost))
    unchecked = await two_owners(folder / "revision_check", seed, OWNER_LIVES, "revision_check")
    totals.add_control("revision_check", caught=bool(unchecked.findings.lost or unchecked.findings.drift))
    return totals


def main() -> int:
    """Exit code 1 where something was broken or a control was not caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{KILLS_QUICK} kills instead of {KILLS}")
    parser.add_argument("--kills", type=int, help="this many kills")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kills = options.kills or (KILLS_QUICK if options.quick else KILLS)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="croupier-faults-") as folder:
        totals = asyncio.run(run(Path(folder), kills, options.seed))
    print(f"{time.monotonic() - started:.0f} s, seed {options.seed}")
    print(json.dumps(totals.counts))
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
