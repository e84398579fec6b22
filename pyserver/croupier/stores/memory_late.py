"""The memory store answering late, as a store over a network does: for measuring and testing the runner that awaits its store."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from croupier.model import Entry, Key, State, WalletKey, WalletWrite
from croupier.stores.completions import Completions
from croupier.stores.memory import HONEST, Lies, MemoryStore
from croupier.stores.store import CommitResult, EntryQuery, WalletSums

Answers = Literal["loop", "thread", "batches"]
"""Who completes a request: the event loop itself at a later turn; a thread of the store's own, with a wake-up of the loop for each; or that thread
with one wake-up for all that completed together.
"""


class LateMemoryStore(MemoryStore):
    """See the module. A write is applied when it is asked for, a read sees what is stored when it is answered. Documents don't suspend."""

    inline = False

    def __init__(
        self, answers: Answers = "loop", delay_ms: float = 0, lies: Lies = HONEST, chance: Callable[[], float] | None = None
    ) -> None:
        """Every request takes `delay_ms`, and a turn of the event loop at least."""
        super().__init__(lies, chance)
        self.requests = 0
        self._delay_s = delay_ms / 1000
        self._driver = None if answers == "loop" else _Driver(is_batching=answers == "batches")

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        await self._pass()
        return await super().load(keys)

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """See Reads.entries."""
        await self._pass()
        return await super().entries(query)

    async def wallets(self, after: WalletKey | None, limit: int) -> list[WalletKey]:
        """See Reads.wallets."""
        await self._pass()
        return await super().wallets(after, limit)

    async def sums(self, operator: str) -> list[WalletSums]:
        """See Reads.sums."""
        await self._pass()
        return await super().sums(operator)

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """See Store.commit, and Lies."""
        results = self._commit_all(writes)
        await self._pass()
        return results

    def close(self) -> None:
        """Ends the store's thread; requests that are on their way stay unanswered."""
        if self._driver is not None:
            self._driver.stop()

    def _pass(self) -> Awaitable[object]:
        """What to await until a request is answered."""
        self.requests += 1
        return asyncio.sleep(self._delay_s) if self._driver is None else self._driver.answer_in(self._delay_s)


class _Driver:
    """A thread that completes requests, as the event loop of a database driver does."""

    def __init__(self, *, is_batching: bool) -> None:
        self._is_batching = is_batching
        self._requests: queue.SimpleQueue[tuple[float, Callable[[], object]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._completions: Completions | None = None

    def answer_in(self, delay_s: float) -> asyncio.Future[Any]:
        """A future that is complete after that time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._thread is None:
            self._completions = Completions(loop)
            self._thread = threading.Thread(target=self._run, name="driver", daemon=True)
            self._thread.start()
        self._requests.put((time.monotonic() + delay_s, self._completer(loop, future)))
        return future

    def stop(self) -> None:
        """Ends the thread."""
        if self._thread is not None:
            self._requests.put(None)
            self._thread.join()

    def _completer(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> Callable[[], object]:
        completions = self._completions
        assert completions is not None
        if self._is_batching:
            return lambda: completions.complete(future)
        return lambda: loop.call_soon_threadsafe(_set, future)

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            due, complete = request
            wait_s = due - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            complete()


def _set(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)
