"""Runs the load generator against a server and adds what the server spent."""

from __future__ import annotations

import json
import subprocess
from typing import NamedTuple

from bench.players import Table
from bench.processes import LOAD_CORE, run_pinned
from bench.servers import BUILT, ROOT, Served

GENERATOR = BUILT / "croupier_load"


class Shape(NamedTuple):
    """How a server is called."""

    method: str
    connections: int
    callers: int
    batch: int = 1
    is_batch_mixed: bool = False
    window: int = 1

    def __str__(self) -> str:
        callers = f"{self.callers} callers on {self.connections} connections"
        if self.method == "play_batch":
            return f"{self.method} of {self.batch} in {'as many sessions' if self.is_batch_mixed else 'one session'}, {callers}"
        return f"{self.method}, {self.window} in flight each, {callers}" if self.method == "play_stream" else f"{self.method}, {callers}"


class Measured(NamedTuple):
    """One run of one shape against one server."""

    rounds_per_s: float
    calls_per_s: float
    cpu_us: float
    """CPU time of the server for a round, in microseconds."""
    p50_us: int
    p99_us: int
    p999_us: int
    rounds: int
    generator_busy: float
    """Share of its core that the generator used."""


def build() -> None:
    """Builds the generator and the tonic echo where they are missing or stale; cargo says nothing if there is nothing to do."""
    packages = ("-p", "croupier_load", "-p", "croupier_tonic_echo")
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", *packages], cwd=ROOT, check=True)


def plan(server: Served, table: Table, shape: Shape, duration_s: float) -> str:
    """What the generator reads from its standard input."""
    return json.dumps(
        {
            **shape._asdict(),
            "address": server.address,
            "authorization": table.authorization,
            "sessions": table.sessions,
            "bet": table.bet.hex(),
            "duration_ms": int(duration_s * 1000),
            "bare": server.bare,
        }
    )


def run(server: Served, table: Table, shape: Shape, duration_s: float) -> Measured:
    """Loads `server` for `duration_s`. Raises RuntimeError if any answer was wrong."""
    cpu_before_s = server.cpu_s()
    report = json.loads(run_pinned(LOAD_CORE, [str(GENERATOR)], plan(server, table, shape, duration_s)))
    cpu_s = server.cpu_s() - cpu_before_s
    if report["wrong"] or not report["rounds"]:
        raise RuntimeError(f"{server.name} gave wrong answers to {shape}: {report['wrong']}")
    elapsed_s = report["elapsed_us"] / 1e6
    return Measured(
        report["rounds"] / elapsed_s,
        report["calls"] / elapsed_s,
        cpu_s / report["rounds"] * 1e6,
        report["p50_us"],
        report["p99_us"],
        report["p999_us"],
        report["rounds"],
        report["busy_per_mille"] / 1000,
    )
