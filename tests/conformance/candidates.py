"""The stores that the conformance suite runs. A new store adds one line to CANDIDATES."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from croupier.stores.memory import MemoryStore
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import Store


class Candidate(NamedTuple):
    """One store to be tested."""

    name: str
    open: Callable[[Path], Awaitable[Store]]
    """Opens the store that lives in a folder; the same folder after a close gives what was committed, if the store is durable."""
    durable: bool


async def open_memory(_folder: Path) -> Store:
    return MemoryStore()


async def open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / "croupier.db")


CANDIDATES = (Candidate("memory", open_memory, durable=False), Candidate("sqlite", open_sqlite, durable=True))
