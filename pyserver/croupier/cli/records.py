"""Operators, keys and other small records of the store that the settings name: a database file, or the cluster's."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import closing, contextmanager
from typing import Any, Protocol, TypeVar

from croupier import server
from croupier.cli.exits import UNUSABLE, Failure
from croupier.cli.options import Place
from croupier.errors import Refusal
from croupier.stores.sqlite import SqliteStore, open_documents
from croupier.stores.store import Document, drive

T = TypeVar("T")


class _Kept(Protocol):
    """What of a store these commands use."""

    async def documents(self, kind: str) -> list[Document]: ...

    async def put_document(self, document: Document) -> bool: ...


class _Run(Protocol):
    def __call__(self, coroutine: Coroutine[Any, Any, T], /) -> T: ...


class Records:
    """The records of a store, asked one after another."""

    def __init__(self, kept: _Kept, run: _Run, place: str) -> None:
        self.place = place
        """Where they are, for people."""
        self._kept = kept
        self._run = run

    def of_kind(self, kind: str) -> list[Document]:
        """All records of a kind, in order of their ids."""
        return self._run(self._kept.documents(kind))

    def put(self, document: Document) -> bool:
        """Writes a record if the stored version is one less; says whether it did."""
        return self._run(self._kept.put_document(document))


@contextmanager
def open_records(place: Place, *, creates: bool = False) -> Generator[Records]:
    """The records of the store at `place`; a database file that is not there is made where `creates`. Raises StoreUnusable, Failure."""
    if place.settings.is_clustered:
        with asyncio.Runner() as runner:
            store = server.open_store(place.settings)
            runner.run(store.open())
            try:
                yield Records(store, runner.run, f"keyspace {place.settings.cassandra.keyspace}")
            except Refusal as refusal:
                raise Failure(refusal.message, UNUSABLE) from refusal
            finally:
                store.close()
        return
    if creates and not place.database.exists():
        SqliteStore(place.database).close()
    with closing(open_documents(place.database)) as documents:
        yield Records(documents, drive, str(place.database))
