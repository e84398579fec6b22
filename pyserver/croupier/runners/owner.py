"""The owner thread: gathers calls from the front door and from the event loop into batches and drives the embedded runner with them.

While one batch is being committed (the fsync holds no GIL) the next one queues up. The thread waits a moment for as many calls as the
last batch showed, so that a commit is shared by more of them; a lone caller is never kept waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from croupier.door import Inbox
from croupier.errors import NodeUnavailable, Overloaded, Refusal, StoreFailed
from croupier.operations.command import Command
from croupier.runners.embedded import Call, EmbeddedRunner, Result, unknown
from croupier.runners.hot import HotCalls
from croupier.runners.reader import Reader
from croupier.runners.taker import RETRY_AFTER_S
from croupier.stores.store import Reads, Store, drive

T = TypeVar("T")
LINGER_S = 0.005
"""How long a batch waits for company at most, where all callers are on the event loop."""
DOOR_LINGER_S = 0.0005
"""The same behind the front door, whose calls come in batches of their own accord: long enough for those who were just answered to come back."""
_LARGE_BATCH_CALLS = 100
"""A batch of that many calls needs no company: the cost of its commit is shared well enough."""

_log = logging.getLogger("croupier.owner")


class _Submission:
    """Calls of one caller, answered together."""

    __slots__ = ("calls", "future")

    def __init__(self, calls: Sequence[Call], future: asyncio.Future[list[Result]]) -> None:
        self.calls = calls
        self.future = future


class Owner:
    """Runs commands for services; everything that writes goes through its one thread."""

    def __init__(
        self,
        runner: EmbeddedRunner,
        *,
        max_queue: int = 4_096,
        linger_s: float = LINGER_S,
        on_failure: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`max_queue` bounds the calls that wait; `on_failure` is called once, on the event loop, when the store has failed."""
        if not runner.store.inline:
            raise ValueError(f"the embedded runner needs a store that never suspends; {runner.store.name} does")
        self.runner = runner
        self._queued = 0
        """Calls of the event loop that wait for an answer."""
        self._max_queue = max_queue
        self._on_failure = on_failure
        self._failure_told = False
        self._queue: deque[_Submission | Callable[[], None]] = deque()
        self.inbox = Inbox(max_queue)
        """Where the front door puts its calls, and what wakes the thread."""
        self._hot: HotCalls | None = None
        self._linger_s = linger_s
        self._stopping = False
        self._busy_since = 0.0
        """When the batch at hand was taken, on the monotonic clock; 0 between batches."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="owner", daemon=True)
        self._reader = Reader(runner, max_queue)
        self.lookups = self._reader.inbox
        """Where the front door puts what is only read."""

    @property
    def queued(self) -> int:
        """Calls that wait for an answer."""
        return self._queued + self.inbox.waiting

    @property
    def busy_s(self) -> float:
        """How long the batch at hand has taken so far."""
        since = self._busy_since
        return time.monotonic() - since if since else 0.0

    def serve(self, intake: Callable[[Inbox], HotCalls]) -> None:
        """Takes the front door's calls as well, from before the start."""
        self._hot = intake(self.inbox)
        self._reader.serve(intake(self.lookups))

    def start(self) -> None:
        """Starts the thread; must be called on the event loop that the callers live on."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._reader.start()

    async def call(self, command: Command, deadline_ms: int = 0) -> object:
        """The command's answer, once committed. Raises its Refusal. `deadline_ms` is on the runner's clock."""
        result = (await self.call_many([Call(command, deadline_ms)]))[0]
        if isinstance(result, Refusal):
            raise result
        return result

    def call_many(self, calls: Sequence[Call]) -> asyncio.Future[list[Result]]:
        """One answer or Refusal for each call, in order. They are queued at once, so the order of invocations is the order of decisions."""
        assert self._loop is not None, "the owner was not started"
        if self._queued + len(calls) > self._max_queue:
            raise Overloaded(f"{self._queued} calls are waiting already; nothing was done", retry_after_s=RETRY_AFTER_S)
        if self._stopping:
            raise NodeUnavailable("the node is draining; nothing was done, use another node")
        self._queued += len(calls)
        submission = _Submission(calls, self._loop.create_future())
        self._queue.append(submission)
        self.inbox.notify()
        return submission.future

    async def write(self, task: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Runs `task` on the owner thread, between batches: for writes beside the wallets."""
        self.runner.refuse_failed()
        if self._stopping:
            raise NodeUnavailable("the node is draining; nothing was done, use another node")
        done: Future[T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                self.runner.refuse_failed()
                done.set_result(drive(task(self.runner.store)))
            except StoreFailed as error:
                self.runner.fail(str(error))
                done.set_exception(unknown())
            except BaseException as error:
                done.set_exception(error)

        self._queue.append(run)
        self.inbox.notify()
        try:
            return await asyncio.wrap_future(done)
        finally:
            self._tell_failure()

    async def read(self, task: Callable[[Reads], Coroutine[Any, Any, T]]) -> T:
        """Runs `task` beside the owner thread, on committed state."""
        try:
            return await self._reader.read(task)
        finally:
            self._tell_failure()

    async def stop(self) -> None:
        """Answers what is queued, refuses what comes later, and ends the thread."""
        self._stopping = True
        self.inbox.notify()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._reader.stop)

    def _run(self) -> None:
        seen = 0
        while self._gather(seen):
            self._busy_since = time.monotonic()
            answered = self._process()
            self._busy_since = 0.0
            seen = answered + len(self._queue) + self.inbox.waiting

    def _gather(self, seen: int) -> bool:
        """Waits for a first call, then for `seen` of them, if only for a moment: those answered last may be about to come back. False at the end."""
        if not self._queue:
            if self._stopping:
                return False
            self.inbox.wait(1, None)
        lacking = seen - len(self._queue)
        if self._linger_s and lacking > 0 and not self._stopping:
            self.inbox.wait(lacking, self._linger_s)
        return True

    def _process(self) -> int:
        """Takes everything that waits; how many callers were answered, 0 where the calls were so many that the next batch needs no company."""
        hot = self._hot.take() if self._hot else None
        submissions: list[_Submission] = []
        calls: list[Call] = hot.calls if hot else []
        of_hot = len(calls)
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, _Submission):
                submissions.append(item)
                calls.extend(item.calls)
            else:
                item()
        results = self._answers(calls) if calls else []
        if hot:
            hot.answer(results[:of_hot], {})
        assert self._loop is not None
        if submissions:
            self._loop.call_soon_threadsafe(self._deliver, submissions, results[of_hot:])
        elif self.runner.failure and not self._failure_told:
            self._loop.call_soon_threadsafe(self._tell_failure)
        answered = len(submissions) + of_hot
        return answered if len(calls) < _LARGE_BATCH_CALLS else 0

    def _answers(self, calls: Sequence[Call]) -> list[Result]:
        try:
            return drive(self.runner.process(calls))
        except BaseException as error:  # Whatever it was, callers must not wait for ever, and what the store holds is in doubt.
            _log.critical("a batch failed", exc_info=error)
            self.runner.fail(f"a batch failed: {error}")
            return [unknown()] * len(calls)

    def _deliver(self, submissions: list[_Submission], results: list[Result]) -> None:
        position = 0
        for submission in submissions:
            end = position + len(submission.calls)
            if not submission.future.done():
                submission.future.set_result(results[position:end])
            position = end
        self._queued -= position
        self._tell_failure()

    def _tell_failure(self) -> None:
        if self.runner.failure and not self._failure_told:
            self._failure_told = True
            self._on_failure(self.runner.failure)
