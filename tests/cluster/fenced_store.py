"""One store for the singletons of several processes: a memory store behind a Unix socket, so that a test can see what each of them was answered."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from croupier.stores.memory import MemoryStore
from croupier.stores.store import CommitResult, FencedRecord


class Write(NamedTuple):
    """One attempt at a fenced write, and what the store answered."""

    node: str
    fence: int
    result: str


class FencedStore:
    """The store's side."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writes: list[Write] = []
        self.store = MemoryStore()
        self._server: asyncio.Server | None = None

    async def start(self) -> FencedStore:
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # Whoever asked may be killed meanwhile.
            await self._answer(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = msgspec.json.decode(line)
            if request["what"] == "raise":
                answer = await self.store.raise_fence(request["singleton"], request["node"])
            else:
                record = FencedRecord(request["singleton"], "heartbeat", request["node"].encode())
                answer = (await self.store.put_fenced(record, request["fence"])).value
                self.writes.append(Write(request["node"], request["fence"], answer))
            writer.write(msgspec.json.encode(answer) + b"\n")
        writer.close()


class FencedClient:
    """A process's side: what a singleton needs of a store."""

    def __init__(self, path: Path, node: str) -> None:
        self._path = path
        self._node = node

    async def raise_fence(self, singleton: str, holder: str) -> int:
        return int(await self._ask({"what": "raise", "singleton": singleton, "node": holder}))

    async def write(self, singleton: str, fence: int) -> CommitResult:
        return CommitResult(await self._ask({"what": "write", "singleton": singleton, "node": self._node, "fence": fence}))

    async def _ask(self, request: dict[str, object]) -> str:
        reader, writer = await asyncio.open_unix_connection(self._path)
        writer.write(msgspec.json.encode(request) + b"\n")
        answer = msgspec.json.decode(await reader.readline())
        writer.close()
        return str(answer)
