"""The whole benchmark: measures, prints a table and, as the last line, the ratios as JSON; writes everything to bench/results/."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import hop, idle, load, machine, report, scale, targets, transport
from bench.processes import LOAD_CORE, SERVER_CORE, python, run_pinned
from bench.servers import FOLDER
from bench.transport import Effort, Stage

RESULTS = FOLDER / "results"
QUICK, LONG = Effort(3, 1.0), Effort(9, 3.0)
_FLAT_ROUNDS = 10_000_000


def main() -> None:
    """Runs what the command line asks for."""
    arguments = _arguments()
    load.build()
    # On the disk that holds the repository: a temporary folder may lie in memory, where fsync costs nothing.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=_scratch()))
    try:
        found = {"machine": machine.facts(folder), **_measure(folder, arguments)}
    finally:
        shutil.rmtree(folder)
    found["ratios"] = targets.last_line(found)
    RESULTS.mkdir(exist_ok=True)
    name = "memory" if arguments.memory else "quick" if arguments.quick else "long"
    (arguments.out or RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    print(report.table(found))
    print(json.dumps(found["ratios"]))


def _measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if arguments.memory:
        _run(found, "memory", lambda: scale.memory(folder, _FLAT_ROUNDS))
        return found
    effort = QUICK if arguments.quick else LONG
    with transport.stage(folder) as stage:
        for name, section in _paired(stage, effort, quick=arguments.quick).items():
            _run(found, name, section)
    _run(found, "hop", lambda: hop.hop(folder, effort))
    _run(found, "idle", lambda: idle.connections(folder))
    _run(found, "engine", lambda: json.loads(_engine(2 if arguments.quick else 7)))
    if not arguments.quick:
        _run(found, "stores", lambda: transport.stores(folder, Effort(5, 2.0)))
        _run(found, "memory", lambda: scale.memory(folder, _FLAT_ROUNDS))
        _run(found, "many_wallets", lambda: scale.many_wallets(folder, Effort(7, 3.0)))
    return found


def _paired(stage: Stage, effort: Effort, *, quick: bool) -> dict[str, Callable[[], dict[str, Any]]]:
    sections: dict[str, Callable[[], dict[str, Any]]] = {
        "play_64": lambda: transport.play_doors(stage, effort),
        "play_16": lambda: transport.play(stage, 16, effort),
        "play_256": lambda: transport.play(stage, 256, effort),
        "play_batch": lambda: transport.play_batch(stage, effort, is_mixed=False),
        "play_batch_mixed": lambda: transport.play_batch(stage, effort, is_mixed=True),
        "play_stream": lambda: transport.play_stream(stage, 1, effort),
        "single": lambda: transport.single(stage, effort),
        "reads": lambda: transport.reads(stage, effort),
    }
    if not quick:
        sections["play_stream_4"] = lambda: transport.play_stream(stage, 4, effort)
    return sections


def _engine(repeats: int) -> str:
    """On all cores, because it measures how threads scale."""
    return run_pinned(f"{SERVER_CORE}-{LOAD_CORE}", python(FOLDER / "engine.py", "atkins-diet", str(repeats)))


def _run(found: dict[str, Any], name: str, section: Callable[[], dict[str, Any]]) -> None:
    started = time.monotonic()
    found[name] = section()
    print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)


def _scratch() -> Path:
    scratch = FOLDER.parent / "target" / "bench"
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the ratios only, in about two minutes")
    parser.add_argument("--memory", action="store_true", help="only whether memory is flat over 10,000,000 rounds")
    parser.add_argument("--out", type=Path, help="where the JSON goes instead of bench/results/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
