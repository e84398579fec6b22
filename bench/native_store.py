"""The embedded store's two hot calls, `commit` and `load`, against the same done with Python's sqlite3: CPU microseconds a play, round by round.

Both get the same values from model.py, run the same statements on the same schema with the same settings, each on a file of its own. Only the calls
themselves are measured, not the making of their arguments. `python bench/native_store.py FOLDER [ROUNDS] [SECONDS]`; the last line is a JSON object.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.paired import Sample, interleave, ratio, summary
from croupier.model import Entry, EntryKind, Key, NextSeed, Round, Seed, Session, Step, Wallet, WalletKey, WalletWrite
from croupier.stores import codec
from croupier.stores.sqlite import SqliteStore, migrations
from croupier.stores.sqlite_statements import STATEMENTS

WALLETS, STRIDE = 1_000, 7
"""Plays go round all wallets, each next one that many further on, so that a commit's wallets lie apart."""
GROUPS = (1, 16, 32, 64, 256)
_HASH, _ID = os.urandom(32), 16
_SEED = Seed(1, _HASH, os.urandom(60), "client seed", 1, 0, 1_800_000_000_000)


class PythonStore:
    """What the embedded store does, with the sqlite3 module."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        for statements in migrations():
            self._connection.executescript(statements)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 32000", "cache_size = -65536"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._numbers: dict[WalletKey, int] = {}

    def commit(self, writes: Sequence[WalletWrite]) -> None:
        """All in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        numbers = [self._head(write) for write in writes]
        heads = [
            (*astuple(write.wallet), no, write.expected_revision)
            for write, no in zip(writes, numbers, strict=True)
            if write.expected_revision
        ]
        assert self._connection.executemany(STATEMENTS["update_wallet"], heads).rowcount in (len(heads), -1)
        rows: dict[str, list[tuple[object, ...]]] = {"insert_record": [], "replace_record": [], "insert_entry": []}
        for write, no in zip(writes, numbers, strict=True):
            rows["insert_record"] += [(codec.KIND_NUMBERS[key.kind], key.id, no, _encode(row)) for key, row in write.creates]
            rows["replace_record"] += [(codec.KIND_NUMBERS[key.kind], key.id, no, _encode(row)) for key, row in write.updates]
            rows["insert_entry"] += [(no, *astuple(entry)) for entry in write.entries]
        for name, parameters in rows.items():
            self._connection.executemany(STATEMENTS[name], parameters)
        self._connection.execute("COMMIT")

    def load(self, keys: Sequence[Key]) -> dict[Key, Any]:
        """Rows by key, as of one moment; records only."""
        found: dict[Key, Any] = dict.fromkeys(keys)
        self._connection.execute("BEGIN")
        for key in keys:
            place = (codec.KIND_NUMBERS[key.kind], key.id, self._numbers[key.wallet])
            for (body,) in self._connection.execute(STATEMENTS["read_record"], place):
                found[key] = codec.decode(key, body)
        self._connection.execute("COMMIT")
        return found

    def close(self) -> None:
        """Folds the log into the file."""
        self._connection.close()

    def _head(self, write: WalletWrite) -> int:
        if write.expected_revision == 0:
            number = self._connection.execute(STATEMENTS["insert_wallet"], (*astuple(write.wallet), *write.key)).lastrowid
            assert number is not None
            self._numbers[write.key] = number
        return self._numbers[write.key]


class NativeStore:
    """The embedded store itself."""

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path)

    def commit(self, writes: Sequence[WalletWrite]) -> None:
        """All in one transaction."""
        _drive(self._store.commit(writes))

    def load(self, keys: Sequence[Key]) -> dict[Key, Any]:
        """Rows by key, as of one moment."""
        return _drive(self._store.load(keys))

    def close(self) -> None:
        """Folds the log into the file."""
        self._store.close()


Store = PythonStore | NativeStore


class Players:
    """Wallets with a session each, and the plays in them."""

    def __init__(self, store: Store) -> None:
        self._names = [WalletKey("acme", f"player-{number:06}", "EUR") for number in range(WALLETS)]
        self._revisions = [1] * WALLETS
        self._played = 0
        for first in range(0, WALLETS, 100):
            opened = range(first, first + 100)
            store.commit([self._write(number, 1, (), ((self._session_key(number), self._session(number, 0)),)) for number in opened])

    def plays(self, group: int) -> list[WalletWrite]:
        """A play in each of the next `group` wallets."""
        return [self._play() for _ in range(group)]

    def new_ids(self, group: int) -> list[Key]:
        """The keys of rounds that are not there yet, in the next wallets."""
        return [
            Key(self._names[(self._played + offset) * STRIDE % WALLETS], "round", _time_ordered_id(self._played)) for offset in range(group)
        ]

    def _play(self) -> WalletWrite:
        number = self._played * STRIDE % WALLETS
        self._revisions[number] += 1
        revision, name = self._revisions[number], self._names[number]
        id_ = _time_ordered_id(self._played)
        self._played += 1
        step = Step(b"", os.urandom(120), 1_000_000, 500_000, 10_000_000_000, revision, 1_800_000_000_000)
        round_ = Round(
            id_, self._id(number), revision, _HASH, b"\x0a\x04\x08\x01\x10\x14", 1, _HASH, "client seed", 10_000_500_000, b"", True, (step,)
        )
        session = self._session(number, revision)
        return self._write(number, revision, ((Key(name, "round", id_), round_),), ((self._session_key(number), session),))

    def _write(self, number: int, revision: int, creates: tuple[Any, ...], updates: tuple[Any, ...]) -> WalletWrite:
        now, session = 1_800_000_000_000, self._id(number)
        wallet = Wallet(10_000_000_000, revision, _HASH, 1, 1, 10_000_000_000, 0, 0, 0, now)
        entry = Entry(revision, 1, EntryKind.ROUND, session, session, 0, 1_000_000, 500_000, 0, 10_000_000_000, now, _HASH, _HASH)
        return WalletWrite(self._names[number], revision - 1, wallet, (entry,), creates, updates)

    def _session(self, number: int, rounds: int) -> Session:
        return Session(self._id(number), "atkins-diet", _HASH, rounds, b"", _SEED, NextSeed(_HASH, _SEED.sealed), 1_800_000_000_000, "")

    def _session_key(self, number: int) -> Key:
        return Key(self._names[number], "session", self._id(number))

    @staticmethod
    def _id(number: int) -> bytes:
        return number.to_bytes(_ID, "big")


def measure(store: Store, players: Players, group: int, duration_s: float) -> Sample:
    """Loads and commits in turn for `duration_s`: CPU of each, and what one commit takes."""
    load_s = commit_s = 0.0
    latencies: list[float] = []
    end = time.perf_counter() + duration_s
    while time.perf_counter() < end:
        keys, writes = players.new_ids(group), players.plays(group)
        started, before = time.perf_counter(), time.process_time()
        store.load(keys)
        between = time.process_time()
        store.commit(writes)
        load_s, commit_s = load_s + between - before, commit_s + time.process_time() - between
        latencies.append(time.perf_counter() - started)
    plays = len(latencies) * group
    return {
        "load_cpu_us": load_s / plays * 1e6,
        "commit_cpu_us": commit_s / plays * 1e6,
        "p50_us": sorted(latencies)[len(latencies) // 2] * 1e6,
        "plays_per_s": plays / sum(latencies),
    }


def compared(folder: Path, rounds: int, duration_s: float) -> dict[str, Any]:
    """Both stores at each size of group, and the ratio of their CPU."""
    stores: dict[str, Store] = {"sqlite3": PythonStore(folder / "python.db"), "native": NativeStore(folder / "native.db")}
    players = {name: Players(store) for name, store in stores.items()}
    found: dict[str, Any] = {}
    for group in GROUPS:
        samples = interleave({name: _candidate(stores[name], players[name], group, duration_s) for name in stores}, rounds)
        found[str(group)] = {
            **summary(samples),
            "commit_ratio": ratio(samples, "native", "sqlite3", "commit_cpu_us"),
            "load_ratio": ratio(samples, "native", "sqlite3", "load_cpu_us"),
        }
    for store in stores.values():
        store.close()
    return found


def table(found: dict[str, Any]) -> Iterator[str]:
    """One row a size of group."""
    yield "| plays a commit | sqlite3: load, commit, CPU us a play | native | native over sqlite3, commit (min-max) | native plays/s, p50 us |"
    yield "|---|---|---|---|---|"
    for group, row in found.items():
        sides = [f"{row[name]['load_cpu_us']['median']:.2f}, {row[name]['commit_cpu_us']['median']:.1f}" for name in ("sqlite3", "native")]
        over, native = row["commit_ratio"], row["native"]
        rate = f"{native['plays_per_s']['median']:,.0f}, {native['p50_us']['median']:,.0f}"
        yield f"| {group} | {sides[0]} | {sides[1]} | {over['median']:.2f} ({over['min']:.2f}-{over['max']:.2f}) | {rate} |"


def _candidate(store: Store, players: Players, group: int, duration_s: float) -> Callable[[], Sample]:
    return lambda: measure(store, players, group, duration_s)


def _drive(coroutine: Any) -> Any:
    """An inline store's coroutine never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("an inline store suspended")


def _time_ordered_id(number: int) -> bytes:
    return time.time_ns().to_bytes(8, "big") + number.to_bytes(8, "big")


_encode = msgspec.msgpack.Encoder().encode

if __name__ == "__main__":
    results = compared(Path(sys.argv[1]), int((*sys.argv[2:3], "7")[0]), float((*sys.argv[3:4], "1")[0]))
    print("\n".join(table(results)))
    print(json.dumps(results))
