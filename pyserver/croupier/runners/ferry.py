"""The front door's calls, over to the awaiting runner and back: one wake-up of the event loop for a batch, one call of the inbox for all that a turn
of the loop has answered.

    inbox -> its own thread wakes the loop -> everything that waits is taken, translated and submitted -> lanes -> answers of a turn -> inbox
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from croupier.door import Answer, Inbox
from croupier.errors import Refusal
from croupier.runners.embedded import Result
from croupier.runners.hot import HotBatch, HotPart, Outcome

if TYPE_CHECKING:
    from croupier.runners.awaiting import Awaiting


class Ferry:
    """See the module."""

    def __init__(self, inbox: Inbox, take: Callable[[], HotBatch], lanes: Awaiting) -> None:
        """`take` gives everything that waits in `inbox`, translated."""
        self.wake_ups = 0
        """How often the event loop was woken for calls."""
        self._inbox = inbox
        self._take = take
        self._lanes = lanes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False
        self._has_taken = threading.Lock()
        """Held while the loop was woken and has not taken yet: what arrives meanwhile goes with it."""
        self._has_taken.acquire()
        self._thread = threading.Thread(target=self._run, name="ferry", daemon=True)
        self._reading: set[asyncio.Task[None]] = set()
        self._read_answers: list[Answer] = []

    def start(self) -> None:
        """Begins to take calls, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Ends the thread, once the lanes have answered everything."""
        self._ended = True
        self._inbox.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        assert self._loop is not None
        while self._inbox.wait(1, None) and not self._ended:
            self.wake_ups += 1
            self._loop.call_soon_threadsafe(self._carry)
            self._has_taken.acquire()

    def _carry(self) -> None:
        """Everything that waits goes over."""
        try:
            batch = self._take()
        finally:
            self._has_taken.release()
        answers = batch.answers
        for part in batch.parts():
            if part.keys:
                self._read(part)
                continue
            try:
                if part.calls:
                    self._lanes.submit(part.calls, self._return, part)
                else:
                    answers.append(part.answer(()))
            except Refusal as refusal:
                answers.append(part.answer(refusal))
        self._lanes.begin()
        if answers:
            self._inbox.answer(answers)

    def _return(self, answered: list[tuple[Any, list[Result]]]) -> None:
        self._inbox.answer([part.answer(results) for part, results in answered])

    def _read(self, part: HotPart) -> None:
        assert self._loop is not None
        task = self._loop.create_task(self._look_up(part))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _look_up(self, part: HotPart) -> None:
        try:
            found: Outcome = await self._lanes.read(lambda reads: reads.load(part.keys))
        except Refusal as refusal:
            found = refusal
        if not self._read_answers:
            asyncio.get_running_loop().call_soon(self._return_reads)
        self._read_answers.append(part.answer(found))

    def _return_reads(self) -> None:
        answers, self._read_answers = self._read_answers, []
        self._inbox.answer(answers)
