"""What connections cost that do nothing: resident bytes of the server for each."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from bench import load, players
from bench.load import GENERATOR, Shape
from bench.processes import LOAD_CORE, on_core
from bench.servers import Croupier

CONNECTIONS = 10_000
_HELD_S = 600.0
"""Longer than anything that is done meanwhile; they are closed as soon as the server was looked at."""


def connections(folder: Path) -> dict[str, Any]:
    """Resident bytes that each of 10,000 connections adds, on which one wallet was read. The server was under load before, so what it needs once is there."""
    with Croupier(folder / "idle") as server:
        table = players.open_sessions(server.address, server.data, 1_000)
        for method in ("play", "get_wallet"):
            load.run(server, table, Shape(method, 4, 64), 1.0)
        before = server.resident_bytes()
        plan = load.plan(server, table, Shape("idle", CONNECTIONS, 64), _HELD_S)
        with subprocess.Popen(on_core(LOAD_CORE, [str(GENERATOR)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
            assert held.stdin is not None and held.stdout is not None
            held.stdin.write(plan)
            held.stdin.close()
            said = held.stdout.readline()
            grown = server.resident_bytes() - before
            held.kill()
    if not said:
        raise RuntimeError("the connections could not be opened")
    return {"connections": CONNECTIONS, "grown_bytes": grown, "bytes_per_connection": grown / CONNECTIONS}
