"""A store that answers when it is told to, and the awaiting runner over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from croupier.errors import StoreFailed, TooLarge
from croupier.model import TransferKind, WalletKey, WalletWrite
from croupier.operations.transfer import MakeTransfer
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Result
from croupier.stores.memory import MemoryStore
from croupier.stores.store import CommitResult, Document, Reads, Store
from tests.casino import EUR, WALLET, Desk

BOB = WalletKey("acme", "bob", "EUR")


class Slow(MemoryStore):
    """Commits of wallets in `held` are answered once they are let go; every other request at the next turn."""

    inline = False

    def __init__(self) -> None:
        super().__init__()
        self.held: set[WalletKey] = set()
        self.error = ""
        self.surprise: BaseException | None = None
        self.max_entries = 1_000
        self.written: list[list[WalletWrite]] = []
        self.asked: dict[WalletKey, asyncio.Event] = {}
        self._waiting: list[asyncio.Future[None]] = []

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        self.written.append(list(writes))
        for write in writes:
            self.event(write.key).set()
            if write.key in self.held:
                self._waiting.append(asyncio.get_running_loop().create_future())
                await self._waiting[-1]
        await asyncio.sleep(0)
        if any(len(write.entries) > self.max_entries for write in writes):
            raise TooLarge("too much for one write")
        if self.surprise:
            raise self.surprise
        if self.error:
            raise StoreFailed(self.error)
        return await super().commit(writes)

    async def put_document(self, document: Document) -> bool:
        await asyncio.sleep(0)
        if self.error:
            raise StoreFailed(self.error)
        return await super().put_document(document)

    def event(self, wallet: WalletKey) -> asyncio.Event:
        """Set once a commit of `wallet` was asked for."""
        return self.asked.setdefault(wallet, asyncio.Event())

    def let_go(self) -> None:
        """Everything that is held is answered, and nothing more is held."""
        self.held.clear()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def awaiting(desk: Desk, failures: list[str] | None = None, **bounds: Any) -> AsyncGenerator[Awaiting]:
    runner = Awaiting(desk.runner, lambda: desk.now_ms, on_failure=(failures if failures is not None else []).append, **bounds)
    runner.start()
    yield runner
    await runner.stop()


def slow_desk(seed: int = 0) -> tuple[Desk, Slow]:
    store = Slow()
    return Desk(store, seed=seed), store


def deposit(desk: Desk, wallet: WalletKey = WALLET, amount_micros: int = EUR) -> MakeTransfer:
    return MakeTransfer(wallet, desk.id(), TransferKind.DEPOSIT, amount_micros, "")


def wallet(number: int) -> WalletKey:
    return WalletKey("acme", f"player-{number}", "EUR")


async def put(store: Store) -> bool:
    return await store.put_document(Document("kind", "a", 1, b""))


async def documents(reads: Reads) -> list[Document]:
    return await reads.documents("kind")


def reasons(results: Sequence[Result]) -> list[str]:
    return [getattr(one, "reason", "") for one in results]
