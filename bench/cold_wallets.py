"""Play in wallets that were never touched since the server started, against wallets in constant use, in one file of ten million wallets.

A cold play reads the wallet by its name and the session from the file, and the pages that it writes are in no cache of SQLite's; a hot one finds
wallet and session in the server's cache. Both go through the running server, in turn. `--disk` also drops the file from the system's page cache before
each cold run, so that every page comes from the disk. `python bench/cold_wallets.py [--wallets N] [--disk]`; the last line is a JSON object. Needs about
1 KB of disk a wallet, which is freed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, players
from bench.load import Shape
from bench.paired import Sample, Samples, ratio, summary
from bench.servers import FOLDER, Croupier

HOT = 1_000
PLAYED = 40_000
"""Wallets that have a session to play in, far apart in the file; the others are copies under other names, and only there to fill it."""
_SHAPE = Shape("play", 4, 64)
_BYTES_A_WALLET = 1_100


def main() -> None:
    """Builds the file, measures, prints a table and the JSON, and removes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--disk", action="store_true", help="drop the file from the page cache before each cold run")
    parser.add_argument("--file", type=Path, help="a folder made by a run with --keep, to be measured again")
    parser.add_argument("--keep", type=Path, help="keep what was built in this folder")
    arguments = parser.parse_args()
    folder: Path = arguments.file or arguments.keep or FOLDER.parent / "target" / "bench" / f"cold-{os.getpid()}"
    try:
        if not arguments.file:
            build(folder, arguments.wallets)
        found = measure(folder, arguments.rounds, arguments.seconds, is_from_disk=arguments.disk)
    finally:
        if not (arguments.keep or arguments.file):
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(table(found)))
    print(json.dumps(found))


def build(folder: Path, wallets: int) -> None:
    """A data folder of `wallets` wallets in `folder`, and beside it the names of those that can be played in."""
    folder.mkdir(parents=True)
    if shutil.disk_usage(folder).free < 2 * wallets * _BYTES_A_WALLET:
        raise SystemExit(f"{wallets} wallets need {2 * wallets * _BYTES_A_WALLET / 1e9:.0f} GB of free disk")
    started = time.monotonic()
    load.build()
    with Croupier(folder) as filler:
        opened = players.open_sessions(filler.address, filler.data, PLAYED)
    (folder / "table.json").write_text(json.dumps([opened.authorization, opened.sessions, opened.bet.hex()]))
    print(f"{PLAYED:,} sessions opened: {time.monotonic() - started:.0f} s", file=sys.stderr)
    _multiply(folder / "data" / "croupier.db", wallets // PLAYED)
    print(f"{wallets // PLAYED * PLAYED:,} wallets: {time.monotonic() - started:.0f} s", file=sys.stderr)


def measure(folder: Path, rounds: int, duration_s: float, *, is_from_disk: bool) -> dict[str, Any]:
    """Cold and hot in turn on one server; every cold run has wallets of its own."""
    authorization, sessions, bet = json.loads((folder / "table.json").read_text())
    names = players.Table(authorization, sessions, bytes.fromhex(bet), b"")
    database = folder / "data" / "croupier.db"
    hot = names._replace(sessions=sessions[:: PLAYED // HOT])
    cold = [name for number, name in enumerate(sessions) if number % (PLAYED // HOT)]
    share = len(cold) // rounds
    samples: Samples = {"hot": [], "cold": []}
    with Croupier(folder) as server:
        load.run(server, hot, _SHAPE, 0.5)
        for round_ in range(rounds):
            samples["hot"].append(_run(server, hot, duration_s))
            if is_from_disk:
                drop_from_cache(database)
            samples["cold"].append(_run_cold(server, names._replace(sessions=cold[round_ * share :][:share]), duration_s))
    return {
        "file_bytes": database.stat().st_size,
        "from_disk": is_from_disk,
        **summary(samples),
        "rate_ratio": ratio(samples, "cold", "hot", "rounds_per_s"),
        "cpu_ratio": ratio(samples, "cold", "hot", "cpu_us"),
    }


def table(found: dict[str, Any]) -> Iterator[str]:
    """The results in Markdown."""
    where = "from the disk" if found["from_disk"] else "from the system's page cache"
    yield f"| Play, 64 callers, a file of {found['file_bytes'] / 2**30:.1f} GiB, cold pages {where} | rounds/s (min-max) | CPU us | p50 / p99 us |"
    yield "|---|---|---|---|"
    for name in ("hot", "cold"):
        side = found[name]
        rate, cpu = side["rounds_per_s"], side["cpu_us"]["median"]
        latency = f"{side['p50_us']['median']:,.0f} / {side['p99_us']['median']:,.0f}"
        yield f"| {name} wallets | {rate['median']:,.0f} ({rate['min']:,.0f}-{rate['max']:,.0f}) | {cpu:.1f} | {latency} |"
    yield f"| cold over hot | {found['rate_ratio']['median']:.2f} | {found['cpu_ratio']['median']:.2f} | |"


def drop_from_cache(database: Path) -> None:
    """Makes the system forget the file's clean pages."""
    descriptor = os.open(database, os.O_RDONLY)
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _run_cold(server: Croupier, names: players.Table, duration_s: float) -> Sample:
    """One run that must end before any of its wallets has a second turn."""
    found = load.run(server, names, _SHAPE, duration_s)
    if found.rounds > len(names.sessions):
        raise RuntimeError(f"{found.rounds} plays in {len(names.sessions)} wallets are not all cold: shorten the runs by --seconds")
    return found._asdict()


def _run(server: Croupier, names: players.Table, duration_s: float) -> Sample:
    return load.run(server, names, _SHAPE, duration_s)._asdict()


def _multiply(database: Path, times: int) -> None:
    """Gives each wallet `times` - 1 twins with the same rows under other names, next to it in every index; the real ones keep a number each `times`."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        # Without a log: it would be as long as the file.
        connection.executescript(
            "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN"
        )
        connection.execute(f"UPDATE wallet SET no = -no * {times}")
        connection.execute("UPDATE wallet SET no = -no")
        connection.execute(f"UPDATE record SET wallet = wallet * {times}")
        connection.execute(f"UPDATE entry SET wallet = -wallet * {times}")
        connection.execute("UPDATE entry SET wallet = -wallet")
        counted = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {times - 1})"
        connection.execute(f"CREATE TEMP TABLE twin AS {counted} SELECT n FROM n")
        for name, changed in (
            ("wallet", {"no": "t.no + n", "player": "t.player || '.' || n"}),
            ("record", {"wallet": "t.wallet + n"}),
            ("entry", {"seq": "NULL", "wallet": "t.wallet + n"}),
        ):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
            connection.execute(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM {name} AS t CROSS JOIN twin")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


if __name__ == "__main__":
    main()
