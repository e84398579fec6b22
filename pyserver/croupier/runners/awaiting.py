"""The awaiting runner: for stores that are asked over a network. It takes calls on the event loop, and answers each when its wallet's write is through.

    calls -> one lane a wallet -> what waits in a lane is decided and written together, while other lanes wait for the store -> answers, once a turn

A wallet has one write on its way at a time; what is called for it meanwhile shares the next one. So calls of one wallet keep their order and never race
each other, and no wallet waits for another one's write. Another node may still win a race: what the store refuses is loaded and decided again, and what
it leaves unknown is made definite, by the same code as in the embedded runner.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from croupier.door import Inbox
from croupier.errors import NodeUnavailable, Overloaded, Refusal, StoreFailed, TooLarge
from croupier.model import WalletKey
from croupier.operations.command import Command
from croupier.runners.embedded import Call, EmbeddedRunner, Result, expired, out_of_service, unknown
from croupier.runners.ferry import Ferry
from croupier.runners.hot import HotCalls
from croupier.runners.limiter import Limiter
from croupier.runners.shedding import Shedding
from croupier.runners.taker import RETRY_AFTER_S
from croupier.stores.store import Reads, Store

T = TypeVar("T")
_SWEEP_S = 0.1
"""How often calls that wait behind a write are looked through for those whose deadline has passed."""

_NEW_SHARE = 0.75
"""Which part of the queue new rounds may fill; the rest is kept for those that settle or resume."""

_log = logging.getLogger("croupier.awaiting")

Sink = Callable[[list[tuple[Any, list[Result]]]], None]
"""Takes what was answered in one turn of the event loop: each submission's tag, and its results in the order of its calls."""


class _Submission:
    """Calls of one caller, answered together."""

    __slots__ = ("left", "results", "sink", "tag")

    def __init__(self, calls: int, sink: Sink, tag: Any) -> None:
        self.left = calls
        self.results: list[Result] = [None] * calls
        self.sink = sink
        self.tag = tag


_Waiting = tuple[Call, _Submission, int]
"""A call, whose it is, and its position there."""


class _Lane:
    """One wallet's calls: those that wait for the write before theirs. It exists while the wallet has any."""

    __slots__ = ("is_extra", "task", "waiting")

    def __init__(self, *, is_extra: bool) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.is_extra = is_extra
        """It was let in beyond the limit."""
        self.task: asyncio.Task[None] | None = None


class Awaiting:
    """Runs commands for services, over a store whose methods suspend. Everything here is called on the event loop."""

    def __init__(
        self,
        runner: EmbeddedRunner,
        clock_ms: Callable[[], int],
        *,
        max_queue: int = 4_096,
        max_wallet_queue: int = 1_024,
        max_write_calls: int = 32,
        stop_grace_s: float = 2.0,
        shedding: Shedding | None = None,
        on_failure: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`max_queue` bounds the calls that wait, `max_wallet_queue` those of one wallet, `max_write_calls` those that share a write. A store that has not
        answered `stop_grace_s` after the node was told to stop is not waited for. `shedding` says which calls are turned away at the limit of writes under
        way; without it there is none. `on_failure` is called once, when the store has failed.
        """
        self.runner = runner
        self.queued = 0
        """Calls that wait for an answer."""
        self._clock_ms = clock_ms
        self.shedding = shedding
        self._limiter = shedding.limiter if shedding else None
        self._extra = 0
        """Lanes that were let in beyond the limit."""
        self._max_queue = max_queue
        self._max_wallet_queue = max_wallet_queue
        self._max_write_calls = max_write_calls
        self._stop_grace_s = stop_grace_s
        self._on_failure = on_failure
        self._failure_told = False
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes: dict[WalletKey, _Lane] = {}
        self._ready: list[tuple[WalletKey, _Lane]] = []
        """Lanes that begin within this turn, so that calls of one turn for one wallet share a write."""
        self._finished: list[_Submission] = []
        self._is_sweeping = False
        self._reads = runner.store.reads()
        self._reading = 0
        self._writing: set[asyncio.Task[Any]] = set()
        self.inbox = self.lookups = Inbox(max_queue)
        """Where the front door puts its calls."""
        self.ferry: Ferry | None = None
        """Brings them, where there is such a door."""

    @property
    def busy_s(self) -> float:
        """Nothing here keeps everything else waiting: it would keep whoever asks waiting too."""
        return 0.0

    @property
    def writing(self) -> int:
        """Writes under way, one a wallet."""
        return len(self._lanes)

    def serve(self, intake: Callable[[Inbox], HotCalls]) -> None:
        """Takes the front door's calls as well, from before the start."""
        self.ferry = Ferry(self.inbox, intake(self.inbox).take, self)

    def start(self) -> None:
        """Takes calls from now on, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        if self.ferry:
            self.ferry.start()

    async def call(self, command: Command, deadline_ms: int = 0) -> object:
        """The command's answer, once committed. Raises its Refusal. `deadline_ms` is on the runner's clock."""
        result = (await self.call_many([Call(command, deadline_ms)]))[0]
        if isinstance(result, Refusal):
            raise result
        return result

    def call_many(self, calls: Sequence[Call]) -> asyncio.Future[list[Result]]:
        """One answer or Refusal for each call, in order. They are queued at once, so the order of invocations is the order of decisions of one wallet."""
        future: asyncio.Future[list[Result]] = self._running().create_future()
        if calls:
            self.submit(calls, _complete, future)
        else:
            future.set_result([])
        return future

    def submit(self, calls: Sequence[Call], sink: Sink, tag: object) -> None:
        """Queues calls, one at least, whose results go to `sink` together, under `tag`. A tag that says it is `cancelled()` before its calls are decided
        gets no answer, and they have no effect. Raises Overloaded, NodeUnavailable.
        """
        loop = self._running()
        self._admit(calls)
        self.queued += len(calls)
        submission = _Submission(len(calls), sink, tag)
        for position, call in enumerate(calls):
            lane = self._lanes.get(call.command.wallet)
            if lane is None:
                lane = self._lanes[call.command.wallet] = self._lane()
                if not self._ready:
                    loop.call_soon(self.begin)
                self._ready.append((call.command.wallet, lane))
            elif lane.task is not None and not self._is_sweeping:
                self._is_sweeping = True
                loop.call_later(_SWEEP_S, self._sweep)
            lane.waiting.append((call, submission, position))

    def begin(self) -> None:
        """Begins to work on what was submitted, at the end of a batch; by itself it would at the end of the event loop's turn."""
        loop = self._running()
        ready, self._ready = self._ready, []
        for wallet, lane in ready:
            lane.task = loop.create_task(self._work(wallet, lane))

    async def write(self, task: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Runs `task`, which writes beside the wallets; to its end, also where its caller goes away."""
        self.runner.refuse_failed()
        if self._stopping:
            raise NodeUnavailable("the node is draining; nothing was done, use another node")
        running = self._running().create_task(self._write(task))
        self._writing.add(running)
        running.add_done_callback(self._written)
        return await asyncio.shield(running)

    async def read(self, task: Callable[[Reads], Coroutine[Any, Any, T]]) -> T:
        """Runs `task` on committed state."""
        self.runner.refuse_failed()
        if self._reading >= self._max_queue:
            raise Overloaded(f"{self._reading} reads are waiting already; try again in a moment", retry_after_s=RETRY_AFTER_S)
        self._reading += 1
        try:
            with self._failing(lambda: out_of_service(self.runner.failure)):
                return await task(self._reads)
        finally:
            self._reading -= 1

    async def stop(self) -> None:
        """Answers what is queued, and refuses what comes later. Where the store leaves a write open, its callers are told so."""
        self._stopping = True
        self.begin()
        patience_s: float | None = self._stop_grace_s
        while tasks := [*self._writing, *(lane.task for lane in self._lanes.values() if lane.task and not lane.task.done())]:
            _, late = await asyncio.wait(tasks, timeout=patience_s)
            for task in late:
                task.cancel()
            patience_s = None if late else patience_s
        self._hand_over()
        if self.ferry:
            self.ferry.stop()

    async def _write(self, task: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        try:
            with self._failing(unknown):
                return await task(self.runner.store)
        except asyncio.CancelledError:  # Only `stop` cancels it.
            raise unknown() from None

    def _written(self, running: asyncio.Task[Any]) -> None:
        self._writing.discard(running)
        if not running.cancelled():
            running.exception()  # Its caller may have gone; what it means for the node was seen to.

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "the runner was not started"
        return self._loop

    def _admit(self, calls: Sequence[Call]) -> None:
        if self._stopping:
            raise NodeUnavailable("the node is draining; nothing was done, use another node")
        if self.queued + len(calls) > self._max_queue:
            raise Overloaded(f"{self.queued} calls are waiting already; nothing was done", retry_after_s=RETRY_AFTER_S)
        fresh = 0
        for wallet in {call.command.wallet for call in calls} if len(calls) > 1 else (calls[0].command.wallet,):
            lane = self._lanes.get(wallet)
            if lane is None:
                fresh += 1
            elif len(lane.waiting) + len(calls) > self._max_wallet_queue:
                raise Overloaded(f"{len(lane.waiting)} calls are waiting for this wallet; nothing was done", retry_after_s=RETRY_AFTER_S)
        if self._limiter:
            lanes = len(self._lanes) + fresh if fresh else 0
            if lanes > self._limiter.limit or self.queued + len(calls) > self._max_queue * _NEW_SHARE:
                self._shed(calls, lanes)

    def _shed(self, calls: Sequence[Call], lanes: int) -> None:
        """Turns calls away unless they settle or resume. `lanes` are those that there would be, 0 where these calls need none of their own."""
        assert self.shedding is not None
        if not self.shedding.has_room(calls, lanes, self._extra):
            raise self.shedding.refusal()

    def _lane(self) -> _Lane:
        is_extra = self._limiter is not None and len(self._lanes) >= self._limiter.limit
        self._extra += is_extra
        return _Lane(is_extra=is_extra)

    async def _work(self, wallet: WalletKey, lane: _Lane) -> None:
        """Works a lane off, one write after another."""
        while lane.waiting:
            batch = self._take(lane)
            if batch:
                await self._step(batch)
        del self._lanes[wallet]
        self._extra -= lane.is_extra

    async def _step(self, batch: list[_Waiting]) -> None:
        """Decides and writes calls of one wallet."""
        number = self._limiter.begin(time.monotonic()) if self._limiter else 0
        try:
            results = await self._decide([call for call, _, _ in batch])
        except BaseException as error:  # Whatever it was, callers must not wait for ever, and what the store holds is in doubt.
            reason = "the node stopped before the store answered" if self._stopping else f"a batch failed: {error}"
            _log.critical("a batch failed", exc_info=error)
            self.runner.fail(reason)
            results = [unknown()] * len(batch)
        if self._limiter:
            self._learn(self._limiter, number, results)
        self._finish(batch, results)

    async def _decide(self, calls: Sequence[Call]) -> list[Result]:
        """The calls' results; those that together are too much for one write are written one by one."""
        results = await self.runner.process_wallet(calls)
        if len(calls) > 1 and any(isinstance(result, TooLarge) for result in results):
            for position, call in enumerate(calls):
                if isinstance(results[position], TooLarge):
                    results[position] = (await self.runner.process_wallet([call]))[0]
        return results

    def _learn(self, limiter: Limiter, number: int, results: Sequence[Result]) -> None:
        """What was refused says nothing of the store: it may not have been asked."""
        began_s = limiter.end(number)
        if not all(isinstance(result, Refusal) for result in results):
            now_s = time.monotonic()
            limiter.observe(now_s - began_s, len(self._lanes), now_s)

    def _take(self, lane: _Lane) -> list[_Waiting]:
        """The calls that share the lane's next write; those whose callers went away are dropped."""
        if len(lane.waiting) == 1 and not _is_gone(lane.waiting[0][1].tag):
            return [lane.waiting.popleft()]
        batch: list[_Waiting] = []
        while lane.waiting and len(batch) < self._max_write_calls:
            waiting = lane.waiting.popleft()
            if _is_gone(waiting[1].tag):
                self._finish([waiting], [None])
            else:
                batch.append(waiting)
        return batch

    def _finish(self, batch: Sequence[_Waiting], results: Sequence[Result]) -> None:
        """Notes results; submissions that have all of theirs are handed over at the next turn, together."""
        for (_, submission, position), result in zip(batch, results, strict=True):
            submission.results[position] = result
            submission.left -= 1
            if not submission.left:
                if not self._finished:
                    self._running().call_soon(self._hand_over)
                self._finished.append(submission)

    def _hand_over(self) -> None:
        finished, self._finished = self._finished, []
        answers: dict[Sink, list[tuple[Any, list[Result]]]] = {}
        for submission in finished:
            self.queued -= len(submission.results)
            answers.setdefault(submission.sink, []).append((submission.tag, submission.results))
        for sink, answered in answers.items():
            try:
                sink(answered)
            except Exception:  # It must not cost the callers of others their answers.
                _log.exception("answers were not handed over")
        self._tell_failure()

    def _sweep(self) -> None:
        """Drops calls whose deadline passed while they waited behind a write: a store that answers late must not fill the queue with them."""
        now_ms = self._clock_ms()
        busy = [lane for lane in self._lanes.values() if lane.waiting]
        for lane in busy:
            kept: deque[_Waiting] = deque()
            late: list[_Waiting] = []
            for waiting in lane.waiting:
                (late if 0 < waiting[0].deadline_ms <= now_ms or _is_gone(waiting[1].tag) else kept).append(waiting)
            lane.waiting = kept
            self.runner.counts.expired_calls += len(late)
            self._finish(late, [expired()] * len(late))
        self._is_sweeping = bool(busy)
        if busy:
            self._running().call_later(_SWEEP_S, self._sweep)

    @contextmanager
    def _failing(self, told: Callable[[], Refusal]) -> Generator[None]:
        """Takes the node out of service where the store fails in what runs inside."""
        try:
            yield
        except StoreFailed as error:
            self.runner.fail(str(error))
            self._tell_failure()
            raise told() from error

    def _tell_failure(self) -> None:
        if self.runner.failure and not self._failure_told:
            self._failure_told = True
            self._on_failure(self.runner.failure)


def _complete(answered: list[tuple[Any, list[Result]]]) -> None:
    """The sink of calls that are awaited: their tags are futures."""
    for future, results in answered:
        if not future.done():
            future.set_result(results)


def _is_gone(tag: Any) -> bool:
    return isinstance(tag, asyncio.Future) and tag.cancelled()
