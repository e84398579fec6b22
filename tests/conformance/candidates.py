"""The stores that the conformance suite runs. A new store adds one line to CANDIDATES."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from croupier.config import Cassandra, Config
from croupier.stores.cassandra import opening
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.memory import MemoryStore
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import Store
from tests.cluster.machines import Ring

_TABLES = ("wallet", "wallet_index", "operator_index", "document", "singleton")
_EMPTIED = "emptied"


class Candidate(NamedTuple):
    """One store to be tested."""

    name: str
    open: Callable[[Path], Awaitable[Store]]
    """Opens the store that lives in a folder; the same folder after a close gives what was committed, if the store is durable."""
    durable: bool
    is_on_ring: bool = False
    """It needs a ring of Cassandra, which `open` is bound to by `on_ring`."""


async def open_memory(_folder: Path) -> Store:
    return MemoryStore()


async def open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / "croupier.db")


async def open_cassandra(config: Config, folder: Path) -> Store:
    """A folder that is new finds the keyspace empty."""
    store = CassandraStore(config)
    await store.open()
    if not (folder / _EMPTIED).exists():
        await empty(config)
        (folder / _EMPTIED).touch()
    return store


async def not_bound(_folder: Path) -> Store:
    raise AssertionError("this candidate must be bound to a ring first")


def config_on(ring: Ring, keyspace: str) -> Config:
    """Settings for a node in the ring's first region."""
    points = {region: tuple(f"{address}:{ring.port}" for address in addresses) for region, addresses in ring.contact_points.items()}
    return Config(store="cassandra", region=next(iter(points)), cassandra=Cassandra(points, keyspace, "local"))


async def empty(config: Config) -> None:
    """Takes everything out of a keyspace."""
    driver = opening.connecting(config)
    await driver.connect()
    await asyncio.gather(*(driver.run(f"TRUNCATE {table}", 10) for table in _TABLES))
    driver.close()


def on_ring(candidate: Candidate, config: Config) -> Candidate:
    """The candidate in a keyspace."""
    return candidate._replace(open=partial(open_cassandra, config))


CANDIDATES = (
    Candidate("memory", open_memory, durable=False),
    Candidate("sqlite", open_sqlite, durable=True),
    Candidate("cassandra", not_bound, durable=True, is_on_ring=True),
)
