"""What a conditional batch costs the client: acsylla bare, both drivers behind their seam, and the store's `commit` on each, window by window.

All send the same batches, made beforehand from the store's own values: a wallet's head under its revision, a new round, its session and its entry. Each caller
has a wallet of its own and one batch under way. `python bench/cassandra_drivers.py REGION HOST:PORT [CALLERS] [ROUNDS] [SECONDS]` makes and drops the
keyspace croupier_bench on a node that runs; the last line is a JSON object. CPU is this process's, with the drivers' threads; Cassandra's limits the rate.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import acsylla as untyped

from bench.paired import Sample, interleave, ratio, summary
from croupier import scheduling
from croupier.config import Cassandra, Config
from croupier.model import Entry, EntryKind, Key, NextSeed, Round, Seed, Session, Step, Wallet, WalletKey, WalletWrite
from croupier.stores.cassandra import opening, partition, statements
from croupier.stores.cassandra.coordinators import Coordinators, open_coordinators
from croupier.stores.cassandra.driver import LOCAL
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult

KEYSPACE = "croupier_bench"
TIMEOUT_S = 5.0
NOW_MS = 1_800_000_000_000
PREPARED_AHEAD = 400
"""Batches that a caller has ready for a window; who needs more makes them in it."""
_HASH = os.urandom(32)
_SEED = Seed(1, _HASH, os.urandom(60), "client seed", 1, 0, NOW_MS)
acsylla: Any = untyped
Send = Callable[["Caller"], Awaitable[bool]]


class Caller:
    """One wallet and its plays."""

    def __init__(self, name: str) -> None:
        self.key = WalletKey("bench", name, "EUR")
        self.revision = 0
        self._session = os.urandom(16)
        self._ready: list[tuple[WalletWrite, Any]] = []

    def first(self) -> WalletWrite:
        """Makes the wallet."""
        self.revision = 1
        return WalletWrite(self.key, 0, self._wallet(), (self._entry(),), ((self._session_key(), self._row()),), ())

    def prepare(self) -> None:
        """Makes the window's plays, and their batches."""
        self._ready = [self._play(self.revision + ahead) for ahead in range(PREPARED_AHEAD, 0, -1)]

    def next(self) -> tuple[WalletWrite, Any]:
        """The next play, as the store takes it and as the drivers do."""
        self.revision += 1
        return self._ready.pop() if self._ready else self._play(self.revision)

    def _play(self, revision: int) -> tuple[WalletWrite, Any]:
        id_ = NOW_MS.to_bytes(6, "big") + revision.to_bytes(10, "big")
        step = Step(b"", os.urandom(120), 1_000_000, 500_000, 10_000_000_000, revision, NOW_MS)
        played = Round(
            id_, self._session, revision, _HASH, b"\x0a\x04\x08\x01\x10\x14", 1, _HASH, "client seed", 10_000_500_000, b"", True, (step,)
        )
        creates = ((Key(self.key, "round", id_), played),)
        updates = ((self._session_key(), self._row(revision)),)
        write = WalletWrite(self.key, revision - 1, self._wallet(revision), (self._entry(revision),), creates, updates)
        return write, partition.batch(write, 1, "")

    def _wallet(self, revision: int = 1) -> Wallet:
        return Wallet(10_000_000_000, revision, _HASH, 1, 1, 10_000_000_000, 0, 0, 0, NOW_MS)

    def _entry(self, revision: int = 1) -> Entry:
        id_ = self._session
        return Entry(revision, 1, EntryKind.ROUND, id_, id_, 0, 1_000_000, 500_000, 0, 10_000_000_000, NOW_MS, _HASH, _HASH)

    def _session_key(self) -> Key:
        return Key(self.key, "session", self._session)

    def _row(self, rounds: int = 0) -> Session:
        return Session(self._session, "atkins-diet", _HASH, rounds, b"", _SEED, NextSeed(_HASH, _SEED.sealed), NOW_MS, "")


async def bare(host: str, port: int) -> Send:
    """The library as its page shows it, with the levels and no retries."""
    level = acsylla.Consistency
    cluster = acsylla.create_cluster([host], port=port, request_timeout=TIMEOUT_S, retry_policy="fallthrough", log_level="critical")
    session = await cluster.create_session(keyspace=KEYSPACE)
    prepared = {statement: await session.create_prepared(statement.cql) for statement in statements.ALL}

    async def send(caller: Caller) -> bool:
        batch = acsylla.create_batch_unlogged()
        batch.set_consistency(level.LOCAL_QUORUM)
        batch.set_serial_consistency(level.LOCAL_SERIAL)
        for statement, values in caller.next()[1]:
            bound = prepared[statement].bind()
            bound.bind_list(values)
            batch.add_statement(bound)
        return (await session.execute_batch(batch)).first().column_value("[applied]")

    return send


def seam(driver: Coordinators) -> Send:
    """A driver behind its seam, with the choice of a coordinator."""

    async def send(caller: Caller) -> bool:
        return (await driver.conditional(caller.next()[1], LOCAL, TIMEOUT_S)).applied

    return send


def store(cassandra: CassandraStore) -> Send:
    """The store: encodes the rows, notes the wallet now and then, sends."""

    async def send(caller: Caller) -> bool:
        return await cassandra.commit([caller.next()[0]]) == [CommitResult.APPLIED]

    return send


async def window(send: Send, callers: list[Caller], duration_s: float) -> Sample:
    """All callers at once for `duration_s`."""
    latencies: list[float] = []
    for caller in callers:
        caller.prepare()
    before, started = time.process_time(), time.perf_counter()
    end = started + duration_s

    async def call(caller: Caller) -> None:
        at = time.perf_counter()
        while at < end:
            assert await send(caller), "a batch was refused"
            now = time.perf_counter()
            latencies.append(now - at)
            at = now

    await asyncio.gather(*(call(caller) for caller in callers))
    elapsed, cpu = time.perf_counter() - started, time.process_time() - before
    latencies.sort()
    return {
        "batches_per_s": len(latencies) / elapsed,
        "cpu_us": cpu / len(latencies) * 1e6,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


async def candidates(config: Config) -> tuple[dict[str, Send], list[Coordinators], list[CassandraStore]]:
    """Every way to send, and what is to be closed."""
    host, _, port = config.cassandra.contact_points[config.region][0].rpartition(":")
    found: dict[str, Send] = {"bare acsylla": await bare(host, int(port))}
    drivers: list[Coordinators] = []
    stores: list[CassandraStore] = []
    for name in ("acsylla", "python"):
        settings = Config(store="cassandra", region=config.region, cassandra=_settings(config, name))
        driver = open_coordinators(settings.cassandra, settings.region)
        await driver.connect()
        for statement in statements.ALL:
            await driver.prepare(statement.cql)
        opened = CassandraStore(settings)
        await opened.open()
        found |= {name: seam(driver), f"store, {name}": store(opened)}
        drivers.append(driver)
        stores.append(opened)
    return found, drivers, stores


def _settings(config: Config, driver: Any) -> Cassandra:
    return Cassandra(config.cassandra.contact_points, KEYSPACE, "local", driver=driver, request_timeout_s=TIMEOUT_S)


def main(region: str, point: str, callers: int = 64, rounds: int = 5, duration_s: float = 3.0) -> None:
    """Prints a table and the figures as JSON."""
    config = Config(store="cassandra", region=region, cassandra=Cassandra({region: (point,)}, KEYSPACE, "local"))
    with asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
        run = runner.run
        run(opening.create_keyspace(config, {region: 1}))
        run(opening.migrate(config, "bench"))
        ways, drivers, stores = run(candidates(config))
        wallets = {name: [Caller(f"{os.urandom(4).hex()}-{number}") for number in range(callers)] for name in ways}
        for group in wallets.values():
            assert set(run(stores[0].commit([caller.first() for caller in group]))) == {CommitResult.APPLIED}
        for name, send in ways.items():
            run(window(send, wallets[name], 1.0))
        samples = interleave({name: lambda n=name: run(window(ways[n], wallets[n], duration_s)) for name in ways}, rounds)
        run(drivers[0].run(f"DROP KEYSPACE {KEYSPACE}", 30.0))
        for one in (*stores, *drivers):
            one.close()
    found = summary(samples)
    for name, figures in found.items():
        print(f"{name:16}", "  ".join(f"{what} {spread['median']:8.1f}" for what, spread in figures.items()))
    ratios = {
        f"{name} over bare, {what}": ratio(samples, name, "bare acsylla", what)
        for name in ways
        for what in ("batches_per_s", "cpu_us")
        if name[0] != "b"
    }
    print(json.dumps({"callers": callers, "rounds": rounds, "figures": found, "ratios": ratios}))


if __name__ == "__main__":
    region_, point_, *numbers = sys.argv[1:]
    main(region_, point_, *(int(number) for number in numbers))
