"""What grows with the number of wallets and rounds: the rate with a million wallets in one file, memory a wallet, memory over many rounds."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path
from statistics import linear_regression
from typing import Any

from bench import load, paired, players
from bench.load import Shape
from bench.servers import Croupier
from bench.transport import Effort

FEW, MANY = 1_000, 1_000_000
REAL_WALLETS = 10_000
"""Wallets of the large file that have a session to play in; the others are copies of them under other names."""
_PLAY = Shape("play", 4, 64)
_BATCHES = Shape("play_batch", 4, 4, batch=100, is_batch_mixed=True)
_SLICES_S = ((_PLAY, 4.0), (_BATCHES, 10.0))
_MEMORY_WALLETS = 20_000
_PAGE_CACHE_BYTES = 100 * 2**20
"""A file larger than the page cache that the server gives SQLite (64 MiB)."""


def many_wallets(folder: Path, effort: Effort) -> dict[str, Any]:
    """Play in a file of a thousand wallets, in one of a million with the same thousand in play, and in that one with ten thousand in play."""
    small, large = _folder(folder, "few"), _folder(folder, "many")
    with Croupier(large) as filler:
        table = players.open_sessions(filler.address, filler.data, REAL_WALLETS)
    size_bytes = _multiply(large / "data" / "croupier.db", MANY // REAL_WALLETS)
    spread_out = table._replace(sessions=table.sessions[:: REAL_WALLETS // FEW])
    with Croupier(small) as few, Croupier(large) as many:
        tables = {"few": players.open_sessions(few.address, few.data, FEW), "many": spread_out, "many, cold": table}
        servers = {"few": few, "many": many, "many, cold": many}
        for name, server in servers.items():
            load.run(server, tables[name], _PLAY, 0.5)
        candidates = {name: lambda name=name: load.run(servers[name], tables[name], _PLAY, effort.duration_s)._asdict() for name in servers}
        samples = paired.interleave(candidates, effort.rounds)
    return {
        "file_bytes": size_bytes,
        **paired.summary(samples),
        "ratio": paired.ratio(samples, "many", "few", "rounds_per_s"),
        "ratio_cold": paired.ratio(samples, "many, cold", "few", "rounds_per_s"),
    }


def memory(folder: Path, rounds: int) -> dict[str, Any]:
    """Resident bytes that a round adds while `rounds` are played, by unary calls and in batches in turn: the slope through all samples that were taken once
    SQLite's own cache of pages was full. And the bytes that a wallet with an open session adds after that.
    """
    with Croupier(_folder(folder, "memory")) as server:
        table = players.open_sessions(server.address, server.data, FEW, prefix="a")
        played, samples = 0, [(0, server.resident_bytes())]
        while played < rounds:
            for shape, duration_s in _SLICES_S:
                played += load.run(server, table, shape, duration_s).rounds
                samples.append((played, server.resident_bytes()))
            print(f"{played:,} rounds, {samples[-1][1] / 2**20:.1f} MiB resident", file=sys.stderr)
            if (server.data / "croupier.db").stat().st_size < _PAGE_CACHE_BYTES:
                samples.clear()
        slope = linear_regression(*zip(*samples, strict=True)).slope
        before = server.resident_bytes()
        players.open_sessions(server.address, server.data, _MEMORY_WALLETS, prefix="b")
        a_wallet = (server.resident_bytes() - before) / _MEMORY_WALLETS
        size = (server.data / "croupier.db").stat().st_size
    return {"bytes_per_wallet": a_wallet, "rounds": played, "bytes_per_round": slope, "samples": samples, "file_bytes": size}


def _folder(folder: Path, name: str) -> Path:
    own = folder / name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    return own


def _multiply(database: Path, times: int) -> int:
    """Gives each wallet `times` - 1 twins with the same rows under other names, and spreads the numbers of the real ones; the file's size in bytes.

    Twins are never played, they only make the tables and their indexes as large as those of that many wallets.
    """
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    connection.execute("BEGIN")
    connection.execute(f"UPDATE wallet SET no = -no * {times}")
    connection.execute("UPDATE wallet SET no = -no")
    connection.execute(f"UPDATE record SET wallet = wallet * {times}")
    connection.execute(f"UPDATE entry SET wallet = -wallet * {times}")
    connection.execute("UPDATE entry SET wallet = -wallet")
    connection.execute(
        f"CREATE TEMP TABLE twin AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {times - 1}) SELECT n FROM n"
    )
    for table, changed in (
        ("wallet", {"no": "t.no + n", "player": "t.player || '.' || n"}),
        ("record", {"wallet": "t.wallet + n"}),
        ("entry", {"seq": "NULL", "wallet": "t.wallet + n"}),
    ):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} AS t CROSS JOIN twin")
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM wallet").fetchone() == (REAL_WALLETS * times,)
    connection.close()
    return database.stat().st_size
