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
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, machine, players, stage_table
from bench.load import Shape
from bench.players import Table
from bench.servers import FOLDER, FRONT, GRPCIO, Croupier

RESULTS = FOLDER / "results"
_WALLETS = 1_000
_SAMPLE_S = 0.004
"""A tick of most kernels; a shorter interval gives no more samples."""
_FUNCTIONS_SHOWN = 40


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
    print(table(found))


def _measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    shape = Shape(arguments.method, min(arguments.callers, 4), arguments.callers, batch=100, window=64)
    found: dict[str, Any] = {"machine": machine.facts(folder), "shape": str(shape)}
    with Croupier(folder, GRPCIO if arguments.door == "grpcio" else FRONT) as server:
        opened = players.open_sessions(server.address, server.data, _WALLETS)
        load.run(server, opened, shape, 1.0)
        runs = [_thread_us(server, opened, shape, arguments.seconds / 5) for _ in range(5)]
        names = server.order("sample 0")["threads"]
        server.order(f"sample {_SAMPLE_S}")
        load.run(server, opened, shape, arguments.seconds)
        server.order("sample 0")
        samples = list(stage_table.stacks(server.samples()))
    threads = {thread: median(run.get(thread, 0.0) for run in runs) for thread in set().union(*runs)}
    found.update(_shared_out(threads, {int(number): name for number, name in names.items()}, samples))
    return found


def _thread_us(server: Croupier, opened: Table, shape: Shape, duration_s: float) -> dict[tuple[int, str], float]:
    """CPU microseconds a round of each thread."""
    before = server.thread_cpu_s()
    rounds = load.run(server, opened, shape, duration_s).rounds
    return {thread: (used - before.get(thread, 0.0)) / rounds * 1e6 for thread, used in server.thread_cpu_s().items()}


def _shared_out(threads: dict[tuple[int, str], float], python: dict[int, str], samples: list[stage_table.Stack]) -> dict[str, Any]:
    """Microseconds a round by thread, by stage and by function."""
    in_python = sum(us for (number, _), us in threads.items() if number in python)
    a_sample = in_python / max(len(samples), 1)
    stages = {stage or "not named": count * a_sample for stage, count in stage_table.by_stage(samples).items()}
    for (number, name), us in threads.items():
        if number not in python:
            stage = stage_table.native_stage(name)
            stages[stage] = stages.get(stage, 0.0) + us
    own, inclusive = stage_table.by_function(samples)
    total = sum(threads.values())
    return {
        "cpu_us": total,
        "samples": len(samples),
        "named": 1 - stages.get("not named", 0.0) / total,
        "threads_us": {f"{python.get(number, name)}": us for (number, name), us in threads.items() if us > 0.05},
        "stages_us": dict(sorted(stages.items(), key=lambda item: -item[1])),
        "functions_us": {
            name: {"own": own[name] * a_sample, "with callees": inclusive[name] * a_sample} for name, _ in inclusive.most_common(150)
        },
    }


def table(found: dict[str, Any]) -> str:
    """Markdown, as docs/performance.md shows it."""
    total = found["cpu_us"]
    lines = [f"{found['shape']}: {total:.1f} us of CPU a round, {found['samples']} samples, {found['named']:.1%} named", ""]
    lines += ["| thread | CPU us a round |", "|---|---|"]
    lines += [f"| {name} | {us:.1f} |" for name, us in sorted(found["threads_us"].items(), key=lambda item: -item[1])]
    lines += ["", "| stage | CPU us a round | share |", "|---|---|---|"]
    lines += [f"| {stage} | {us:.1f} | {us / total:.0%} |" for stage, us in found["stages_us"].items() if us]
    lines += ["", "| function | own us | with what it calls |", "|---|---|---|"]
    shown = sorted(found["functions_us"].items(), key=lambda item: -item[1]["own"])[:_FUNCTIONS_SHOWN]
    lines += [f"| {name} | {us['own']:.2f} | {us['with callees']:.2f} |" for name, us in shown]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long is sampled")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--method", default="play", choices=("play", "play_batch", "play_stream"))
    parser.add_argument("--door", default="front", choices=("front", "grpcio"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
