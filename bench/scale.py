"""What grows with the number of wallets and rounds: the rate with a million wallets in one file, memory a wallet, memory over many rounds."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench import load, paired, players
from bench.load import Shape
from bench.servers import Croupier
from bench.transport import Effort

FEW, MANY = 1_000, 1_000_000
REAL_WALLETS = 10_000
"""Wallets of the large file that have a session to play in; the others are copies of them under other names."""
_PLAY = Shape("play", 4, 64)
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


def memory(folder: Path, rounds_s: float) -> dict[str, float]:
    """Resident bytes that a round adds, and that a wallet with an open session adds, once SQLite's own cache of pages is full."""
    shape = Shape("play_batch", 2, 2, batch=100)
    with Croupier(_folder(folder, "memory")) as server:
        table = players.open_sessions(server.address, server.data, FEW, prefix="a")
        while (server.data / "croupier.db").stat().st_size < _PAGE_CACHE_BYTES:
            load.run(server, table, shape, 2.0)
        settled, started = server.resident_bytes(), time.monotonic()
        measured = load.run(server, table, shape, rounds_s)
        rounds = measured.rounds_per_s * (time.monotonic() - started)
        grown = server.resident_bytes() - settled
        before = server.resident_bytes()
        players.open_sessions(server.address, server.data, _MEMORY_WALLETS, prefix="b")
        a_wallet = (server.resident_bytes() - before) / _MEMORY_WALLETS
    return {"bytes_per_wallet": a_wallet, "rounds": rounds, "grown_bytes": grown, "bytes_per_round": grown / rounds}


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
