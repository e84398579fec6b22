"""Replays a seed of the simulation, or runs many: python -m tests.simulation --seed 7, or --seeds 10000."""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.simulation.awaiting import AwaitingWorld
from tests.simulation.run import cores, run_seed, run_seeds, summary
from tests.simulation.world import World


def main() -> int:
    """Exit code 1 where a seed fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed alone and say what it breaks")
    parser.add_argument("--seeds", type=int, default=10_000, help="run this many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes to run them on")
    parser.add_argument("--awaiting", action="store_true", help="nodes await their store, instead of driving it from one thread")
    options = parser.parse_args()
    world = AwaitingWorld if options.awaiting else World
    if options.seed is not None:
        report = run_seed(options.seed, world_type=world)
        print(*(report.faults or ["nothing is wrong"]), sep="\n")
        return 1 if report.faults else 0
    started = time.monotonic()
    reports = run_seeds(range(options.first, options.first + options.seeds), options.jobs, world)
    failed = [report for report in reports if report.faults]
    for report in failed[:10]:
        print(f"{report.replay}   # {report.faults[0][:120]}")
    print(json.dumps({**summary(reports), "seconds": round(time.monotonic() - started, 1), "jobs": options.jobs}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
