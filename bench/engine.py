"""The engine's rates on one core, against the draws that it is made of. Prints JSON; run as a process of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import croupier._engine as engine

MODELS = Path(__file__).parent.parent / "pyserver" / "croupier" / "models"
SLOT = "atkins-diet"
"""5x3, 20 lines, free spins."""
_DRAWS = 20_000_000
_ROUNDS = 400_000
_REPEATS = 3


def main(slot: str, repeats: int) -> dict[str, object]:
    """Medians and ranges over interleaved repeats."""
    model = engine.Model.parse((MODELS / f"{slot}.toml").read_text())
    threads = max(1, min(2, os.cpu_count() or 1))
    measures: dict[str, Callable[[], float]] = {
        "draws_per_s": lambda: _DRAWS / engine.bench_draws(_DRAWS),
        "spins_per_s": lambda: _rate(engine.bench_spins(model, _ROUNDS, 1)),
        "spins_per_s_by_two": lambda: _rate(engine.bench_spins(model, _ROUNDS * threads, threads)),
        "combinations_per_s": lambda: _rate(engine.bench_scan(model, 1)),
    }
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            found[name].append(measure())
    pairs = list(zip(*found.values(), strict=True))
    return {
        "slot": slot,
        "threads": threads,
        **{name: _spread(values) for name, values in found.items()},
        "spins_per_draw": _spread([draws / spins for draws, spins, _, _ in pairs]),
        "scan_per_draw": _spread([draws / scanned for draws, _, _, scanned in pairs]),
        "threads_scaling": _spread([many / (threads * one) for _, one, many, _ in pairs]),
    }


def _rate(timed: tuple[float, int]) -> float:
    seconds, count = timed
    return count / seconds


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    started = time.perf_counter()
    report = main(sys.argv[1] if len(sys.argv) > 1 else SLOT, int(sys.argv[2]) if len(sys.argv) > 2 else _REPEATS)
    print(json.dumps({**report, "took_s": time.perf_counter() - started}))
