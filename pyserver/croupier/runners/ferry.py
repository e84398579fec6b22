"""The front door's calls, over to the awaiting runner and back: one wake-up of the event loop for a batch, one call of the inbox for all that a turn
of the loop has answered.

    inbox -> its descriptor wakes the loop -> everything that waits is taken, translated and submitted -> lanes -> answers of a turn -> inbox

No thread stands between the door and the loop: one that waits for calls would want the GIL just when the loop has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from croupier.door import Answer, Inbox
from croupier.errors import InvariantBroken, Refusal
from croupier.runners.embedded import Result
from croupier.runners.hot import HotBatch, HotForward, HotPart, Outcome

if TYPE_CHECKING:
    from croupier.runners.awaiting import Awaiting


_log = logging.getLogger("croupier.ferry")


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
        self._working: set[asyncio.Task[None]] = set()
        """Look-ups and forwarded calls under way."""
        self._ready: list[Answer] = []

    def start(self) -> None:
        """Begins to take calls, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inbox.fileno(), self._carry)

    def stop(self) -> None:
        """Takes no more."""
        assert self._loop is not None
        self._loop.remove_reader(self._inbox.fileno())

    def _carry(self) -> None:
        """Everything that waits goes over."""
        self.wake_ups += 1
        batch = self._take()
        answers = batch.answers
        for part in batch.parts():
            if part.keys:
                self._begin(self._look_up(part))
            else:
                self._submit(part, answers)
        for forward in batch.forwards:
            self._begin(self._forward(forward))
        self._lanes.begin()
        if answers:
            self._inbox.answer(answers)

    def _return(self, answered: list[tuple[Any, list[Result]]]) -> None:
        self._inbox.answer([part.answer(results) for part, results in answered])

    def _submit(self, part: HotPart, answers: list[Answer]) -> None:
        """Has a call decided; one that comes to no decision is answered at once, into `answers`."""
        try:
            if part.calls:
                self._lanes.submit(part.calls, self._return, part)
            else:
                answers.append(part.answer(()))
        except Refusal as refusal:
            answers.append(part.answer(refusal))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _forward(self, forward: HotForward) -> None:
        answer = await forward.send()
        if answer is not None:
            self._answer_soon(answer)
            return
        answers: list[Answer] = []
        self._submit(forward.part, answers)
        for answer in answers:
            self._answer_soon(answer)

    async def _look_up(self, part: HotPart) -> None:
        try:
            found: Outcome = await self._lanes.read(lambda reads: reads.load(part.keys))
        except Refusal as refusal:
            found = refusal
        except Exception:  # Whatever it was, the caller must not wait for ever.
            _log.exception("a read failed")
            found = InvariantBroken("an internal error; it was logged")
        self._answer_soon(part.answer(found))

    def _answer_soon(self, answer: Answer) -> None:
        """Answers at the end of this turn of the loop, together with what else is ready then."""
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._answer_ready)
        self._ready.append(answer)

    def _answer_ready(self) -> None:
        answers, self._ready = self._ready, []
        self._inbox.answer(answers)
