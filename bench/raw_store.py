"""The baseline of the store: what SQLite alone can commit, with the transaction that a play makes and nothing around it.

Per play: look up the round's id, update the wallet where its revision is the expected one, insert the round, replace the session, insert the
ledger entry into a table with a unique index. WAL, synchronous=FULL: every commit is one fsync.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

WALLETS = 1_000
_ROUND_BYTES, _SESSION_BYTES = 277, 331
"""What MessagePack makes of a slots round and its session in the embedded store, on average."""
_SCHEMA = """
CREATE TABLE wallet (no INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0), revision INTEGER NOT NULL, chain_hash BLOB NOT NULL,
    epoch INTEGER NOT NULL, first_revision INTEGER NOT NULL, deposited INTEGER NOT NULL, withdrawn INTEGER NOT NULL, staked INTEGER NOT NULL,
    paid INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE record (kind INTEGER NOT NULL, id BLOB NOT NULL, wallet INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id, wallet))
    STRICT, WITHOUT ROWID;
CREATE TABLE entry (seq INTEGER PRIMARY KEY, wallet INTEGER NOT NULL, revision INTEGER NOT NULL, epoch INTEGER NOT NULL, kind INTEGER NOT NULL,
    reference BLOB NOT NULL, session BLOB NOT NULL, step INTEGER NOT NULL, stake INTEGER NOT NULL, payout INTEGER NOT NULL, transfer INTEGER NOT NULL,
    balance INTEGER NOT NULL, time INTEGER NOT NULL, detail BLOB NOT NULL, chain_hash BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX entry_by_wallet ON entry (wallet, revision);
"""
_FIND_RECORD = "SELECT body FROM record WHERE kind = ? AND id = ? AND wallet = ?"
_UPDATE_WALLET = (
    "UPDATE wallet SET balance = ?, revision = ?, chain_hash = ?, epoch = ?, first_revision = ?, deposited = ?, withdrawn = ?, staked = ?, paid = ?, "
    "created = ? WHERE no = ? AND revision = ?"
)
_INSERT_ROUND = "INSERT INTO record VALUES (3, ?, ?, ?)"
_REPLACE_SESSION = "INSERT INTO record VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_INSERT_ENTRY = "INSERT INTO entry VALUES (NULL, ?, ?, 1, 3, ?, ?, 0, 100, 50, 0, 1000000, 1, ?, ?)"


class RawStore:
    """A store of its own, in a fresh file."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 8000", "cache_size = -65536"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)
        self._hash, self._round, self._session = os.urandom(32), os.urandom(_ROUND_BYTES), os.urandom(_SESSION_BYTES)
        self._revisions = [1] * (WALLETS + 1)
        heads = [(number, 1_000_000, 1, self._hash, 1, 1, 1_000_000, 0, 0, 0, 1) for number in range(1, WALLETS + 1)]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO wallet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", heads)
        self._connection.executemany(_REPLACE_SESSION, [(self._session_id(head[0]), head[0], self._session) for head in heads])
        self._connection.execute("COMMIT")
        self._played = 0

    def commit(self, group: int, wallets: int) -> None:
        """One transaction of `group` plays of as many wallets in turn, or of one."""
        execute, many = self._connection.execute, self._connection.executemany
        numbers = [1 + (self._played + position % wallets) % WALLETS for position in range(group)]
        ids = [_time_ordered_id(self._played + position) for position in range(group)]
        self._played += group
        for number, id_ in zip(numbers, ids, strict=True):
            assert execute(_FIND_RECORD, (3, id_, number)).fetchone() is None
        revisions = [self._next_revision(number) for number in numbers]
        execute("BEGIN IMMEDIATE")
        heads = [
            (1_000_000, revision, self._hash, 1, 1, 1_000_000, 0, 0, 0, 1, number, revision - 1)
            for number, revision in zip(numbers, revisions, strict=True)
        ]
        assert many(_UPDATE_WALLET, heads).rowcount == group
        many(_INSERT_ROUND, [(id_, number, self._round) for id_, number in zip(ids, numbers, strict=True)])
        many(_REPLACE_SESSION, [(self._session_id(number), number, self._session) for number in numbers])
        many(
            _INSERT_ENTRY,
            [
                (number, revision, id_, self._session_id(number), self._hash, self._hash)
                for number, revision, id_ in zip(numbers, revisions, ids, strict=True)
            ],
        )
        execute("COMMIT")

    def close(self) -> None:
        """Folds the log into the file."""
        self._connection.close()

    def _next_revision(self, number: int) -> int:
        self._revisions[number] += 1
        return self._revisions[number]

    @staticmethod
    def _session_id(number: int) -> bytes:
        return number.to_bytes(16, "big")


def measure(path: Path, group: int, wallets: int, duration_s: float) -> dict[str, float]:
    """Commits of `group` plays in `wallets` wallets for `duration_s`: rates, CPU and latency."""
    store = RawStore(path)
    latencies: list[float] = []
    cpu_before, started = time.process_time(), time.perf_counter()
    end = started + duration_s
    while (now := time.perf_counter()) < end:
        store.commit(group, wallets)
        latencies.append(time.perf_counter() - now)
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    store.close()
    plays = len(latencies) * group
    return {
        "group": group,
        "wallets": wallets,
        "plays_per_s": plays / elapsed,
        "fsyncs_per_s": len(latencies) / elapsed,
        "cpu_us_per_play": cpu / plays * 1e6,
        "p50_us": _quantile(latencies, 0.5) * 1e6,
        "p99_us": _quantile(latencies, 0.99) * 1e6,
    }


def measure_fdatasync(path: Path, duration_s: float) -> dict[str, float]:
    """Appends of 4 KiB, each followed by fdatasync: what the disk alone takes to make one commit durable."""
    latencies: list[float] = []
    block = os.urandom(4096)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    end = time.perf_counter() + duration_s
    while (now := time.perf_counter()) < end:
        os.write(descriptor, block)
        os.fdatasync(descriptor)
        latencies.append(time.perf_counter() - now)
    os.close(descriptor)
    path.unlink()
    return {"p50_us": _quantile(latencies, 0.5) * 1e6, "p99_us": _quantile(latencies, 0.99) * 1e6, "per_s": len(latencies) / duration_s}


def _time_ordered_id(number: int) -> bytes:
    return time.time_ns().to_bytes(8, "big") + number.to_bytes(8, "big")


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


if __name__ == "__main__":
    what, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    if what == "fdatasync":
        print(json.dumps(measure_fdatasync(folder / "sync.bin", seconds)))
    else:
        group, _, wallets = what.partition("/")
        print(json.dumps(measure(folder / "raw.db", int(group), int(wallets or group), seconds)))
