"""Where the CPU time of a Play goes, by stage: the table of docs/performance.md.

The kernel's own account of each thread gives microseconds a call, in runs without a profiler. A profile by CPU time (launch.py) then shares out what the
Python threads used, by the function that ran; stage_table.py says which function belongs to which stage. Threads without Python are one stage each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, machine, players, stage_table
from bench.load import Shape
from bench.players import Table
from bench.processes import Used
from bench.servers import FOLDER, FRONT, GRPCIO, Croupier

RESULTS = FOLDER / "results"
_WALLETS = 1_000
_SAMPLE_S = 0.001
"""Shorter than a tick of most kernels (4 ms), so that every tick which finds the server running is a sample."""
_FUNCTIONS_SHOWN = 40
_SHOWN_US_MIN = 0.05
_RUNS = 5


class Thread(NamedTuple):
    """A thread's CPU microseconds a round."""

    name: str
    cpu_us: float
    kernel_us: float
    is_python: bool = False


def main() -> None:
    """Measures, prints the table and writes it."""
    arguments = _arguments()
    load.build()
    scratch = FOLDER.parent / "target" / "bench"
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="stages-", dir=scratch))
    try:
        found = _measure(folder, arguments)
    finally:
        shutil.rmtree(folder)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "profile.json").write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join([*table(found), "", *functions(found)]))


def _measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    shape = Shape(arguments.method, min(arguments.callers, 4), arguments.callers, batch=100, window=64)
    found: dict[str, Any] = {"machine": machine.facts(folder), "shape": str(shape)}
    with Croupier(folder, GRPCIO if arguments.door == "grpcio" else FRONT) as server:
        opened = players.open_sessions(server.address, server.data, _WALLETS)
        load.run(server, opened, shape, 1.0)
        runs = [_threads(server, opened, shape, arguments.seconds / _RUNS) for _ in range(_RUNS)]
        python = server.order("sample 0")["threads"]
        server.order(f"sample {_SAMPLE_S}")
        load.run(server, opened, shape, arguments.seconds)
        server.order("sample 0")
        samples = list(stage_table.stacks(server.samples()))
    found.update(_shared_out(_medians(runs, {int(number): name for number, name in python.items()}), samples))
    return found


def _threads(server: Croupier, opened: Table, shape: Shape, duration_s: float) -> dict[int, Thread]:
    """What each thread used in one run, a round."""
    before = server.threads()
    rounds = load.run(server, opened, shape, duration_s).rounds
    used: dict[int, Thread] = {}
    for number, after in server.threads().items():
        earlier = before.get(number, Used(after.thread, 0.0, 0.0))
        used[number] = Thread(
            after.thread, (after.cpu_s - earlier.cpu_s) / rounds * 1e6, (after.kernel_s - earlier.kernel_s) / rounds * 1e6
        )
    return used


def _medians(runs: list[dict[int, Thread]], python: dict[int, str]) -> list[Thread]:
    """Each thread's median over the runs; `python` has the names of those that Python started."""
    threads: list[Thread] = []
    for number in set[int]().union(*runs):
        found = [run[number] for run in runs if number in run]
        cpu_us = median(thread.cpu_us for thread in found)
        if cpu_us >= _SHOWN_US_MIN:
            name = python.get(number, found[0].name)
            threads.append(Thread(name, cpu_us, median(thread.kernel_us for thread in found), number in python))
    return sorted(threads, key=lambda thread: -thread.cpu_us)


def _shared_out(threads: list[Thread], samples: list[stage_table.Stack]) -> dict[str, Any]:
    """Microseconds a round by thread, by stage and by function."""
    a_sample = sum(thread.cpu_us for thread in threads if thread.is_python) / max(len(samples), 1)
    stages = {stage or "not named": count * a_sample for stage, count in stage_table.by_stage(samples).items()}
    for thread in threads:
        if not thread.is_python:
            stage = stage_table.native_stage(thread.name)
            stages[stage] = stages.get(stage, 0.0) + thread.cpu_us
    own, inclusive = stage_table.by_function(samples)
    total = sum(thread.cpu_us for thread in threads)
    return {
        "cpu_us": total,
        "samples": len(samples),
        "named": 1 - stages.get("not named", 0.0) / total,
        "threads": [thread._asdict() for thread in threads],
        "stages_us": dict(sorted(stages.items(), key=lambda item: -item[1])),
        "functions_us": {
            name: {"own": own[name] * a_sample, "with callees": inclusive[name] * a_sample} for name, _ in inclusive.most_common(150)
        },
    }


def table(found: dict[str, Any]) -> list[str]:
    """By stage and by thread, in Markdown."""
    total = found["cpu_us"]
    lines = [f"{found['shape']}: {total:.1f} us of CPU a round; {found['samples']:,} samples, {found['named']:.1%} of the time named.", ""]
    lines += ["| stage | CPU us a round | share |", "|---|---|---|"]
    lines += [f"| {stage} | {us:.1f} | {us / total:.0%} |" for stage, us in found["stages_us"].items() if us >= _SHOWN_US_MIN]
    lines += ["", "| thread | CPU us a round | of it in the kernel |", "|---|---|---|"]
    lines += [f"| {thread['name']} | {thread['cpu_us']:.1f} | {thread['kernel_us']:.1f} |" for thread in found["threads"]]
    return lines


def functions(found: dict[str, Any]) -> list[str]:
    """The costliest functions, in Markdown."""
    lines = ["| function | own us a round | with what it calls |", "|---|---|---|"]
    shown = sorted(found["functions_us"].items(), key=lambda item: -item[1]["own"])[:_FUNCTIONS_SHOWN]
    return lines + [f"| {name} | {us['own']:.2f} | {us['with callees']:.2f} |" for name, us in shown]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long is sampled")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--method", default="play", choices=("play", "play_batch", "play_stream"))
    parser.add_argument("--door", default="front", choices=("front", "grpcio"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
