"""The reader thread: reads committed state beside the owner, over a connection of its own, for the event loop and for the front door's look-ups."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from croupier.door import Inbox
from croupier.errors import Overloaded, Refusal, StoreFailed
from croupier.model import Key, State
from croupier.runners.embedded import EmbeddedRunner, out_of_service
from croupier.runners.hot import HotCalls
from croupier.runners.taker import RETRY_AFTER_S
from croupier.stores.store import Reads, drive

T = TypeVar("T")


class Reader:
    """Runs reads one after another, so that one whose caller went away is still over before the next one starts."""

    def __init__(self, runner: EmbeddedRunner, max_queue: int) -> None:
        """`max_queue` bounds the reads that wait, those of the front door and the others apart."""
        self.inbox = Inbox(max_queue)
        """Where the front door puts its look-ups, and what wakes the thread."""
        self._runner = runner
        self._reads = runner.store.reads()
        self._max_queue = max_queue
        self._hot: HotCalls | None = None
        self._reading = 0
        self._queue: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def serve(self, hot: HotCalls) -> None:
        """Takes the look-ups in `inbox` as well, from before the start."""
        self._hot = hot

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    async def read(self, task: Callable[[Reads], Coroutine[Any, Any, T]]) -> T:
        """Runs `task` on committed state. Raises Overloaded, NodeUnavailable."""
        self._runner.refuse_failed()
        if self._reading >= self._max_queue:
            raise Overloaded(f"{self._reading} reads are waiting already; try again in a moment", retry_after_s=RETRY_AFTER_S)
        done: Future[T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(drive(task(self._reads)))
            except StoreFailed as error:
                done.set_exception(self._failed(error))
            except BaseException as error:
                done.set_exception(error)

        self._reading += 1
        self._queue.append(run)
        self.inbox.notify()
        try:
            return await asyncio.wrap_future(done)
        finally:
            self._reading -= 1

    def stop(self) -> None:
        """Does what is queued, and ends the thread."""
        self._stopping = True
        self.inbox.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self.inbox.wait(1, None)
            hot = self._hot.take() if self._hot else None
            while self._queue:
                self._queue.popleft()()
            if hot:
                hot.answer((), self._state(hot.keys))

    def _state(self, keys: Sequence[Key]) -> State | Refusal:
        """Rows as committed now."""
        try:
            self._runner.refuse_failed()
            return drive(self._reads.load(keys)) if keys else {}
        except StoreFailed as error:
            return self._failed(error)
        except Refusal as refusal:
            return refusal

    def _failed(self, error: StoreFailed) -> Refusal:
        self._runner.fail(str(error))
        return out_of_service(error)
