"""The hot methods: those that both doors serve, each written once as a translation.

A hot method of a service is a plain function: request -> Decide or Lookup, which says what is to be decided or read and how the answer is made of it.
What runs it differs: the front door's calls are run in batches on the owner's thread (intake.py), those of grpc.aio one by one on the event loop (here).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from croupier.errors import NodeUnavailable, Refusal
from croupier.model import Key, State
from croupier.operations.command import Command
from croupier.runners.embedded import Call as Queued
from croupier.runners.embedded import Result
from croupier.runners.taker import Taker
from croupier.services.call import Call


class Decide(Struct, frozen=True):
    """Commands to be decided, in order; a Refusal among them is the result in its place."""

    commands: Sequence[Command | Refusal]
    answer: Callable[[Sequence[Result]], bytes]
    """The encoded answer, from one result for each command. Raises the call's Refusal."""


class Lookup(Struct, frozen=True):
    """Rows to be read, as last committed."""

    keys: Sequence[Key]
    answer: Callable[[State], bytes]
    """The encoded answer, from the rows under `keys`. Raises the call's Refusal."""


Work = Decide | Lookup
Translate = Callable[[Any, Call], Work]
_Submitted = tuple[Callable[[Sequence[Result]], bytes], "asyncio.Future[list[Result]] | None"]
"""What makes an answer, and the results that it is made of."""


def queued(work: Decide, deadline_ms: int) -> list[Queued]:
    """The commands of `work` as calls for the runner."""
    return [Queued(command, deadline_ms) for command in work.commands if not isinstance(command, Refusal)]


def answered(work: Decide, results: Sequence[Result]) -> bytes:
    """The answer of `work`, from the results of what `queued` gave."""
    if len(results) == len(work.commands):
        return work.answer(results)
    decided = iter(results)
    return work.answer([command if isinstance(command, Refusal) else next(decided) for command in work.commands])


class OnEventLoop:
    """Runs hot methods for grpc.aio."""

    def __init__(self, owner: Taker, max_waiting: int) -> None:
        """`max_waiting` is how many answers of one stream may be outstanding before no more is read from it."""
        self._owner = owner
        self._max_waiting = max_waiting
        self._ending = asyncio.Event()

    def unary(self, translate: Translate) -> Callable[[Any, Call], Any]:
        """A hot method as a coroutine function."""

        async def run(request: Any, call: Call) -> bytes:
            work = translate(request, call)
            if isinstance(work, Lookup):
                return work.answer(await self._owner.read(lambda reads: reads.load(work.keys)))
            results = self._submit(work, call)
            return answered(work, await results if results else ())

        return run

    def stream(
        self, translate: Translate, refused: Callable[[Refusal], bytes]
    ) -> Callable[[AsyncIterator[Any], Call], AsyncGenerator[bytes, None]]:
        """A hot method that takes a stream of requests, and answers each in their order."""

        async def run(requests: AsyncIterator[Any], call: Call) -> AsyncGenerator[bytes, None]:
            waiting: asyncio.Queue[_Submitted | None] = asyncio.Queue(self._max_waiting)

            async def read() -> None:
                try:
                    async for request in requests:
                        await waiting.put(submitted(request))
                finally:
                    await waiting.put(None)

            def submitted(request: Any) -> _Submitted:
                try:
                    call.check()
                    work = translate(request, call)
                    assert isinstance(work, Decide), "a stream of look-ups has no use"
                    return partial(answered, work), self._submit(work, call)
                except Refusal as refusal:
                    answer = refused(refusal)
                    return lambda _: answer, None

            reader = asyncio.create_task(read())
            ending = asyncio.create_task(self._ending.wait())
            ending.add_done_callback(lambda _: reader.cancel())
            try:
                while (next_ := await waiting.get()) is not None:
                    answer, results = next_
                    yield answer(await results if results else ())
                if self._ending.is_set():
                    raise NodeUnavailable("the node is draining; every play that was answered is committed, go on at another node")
                await reader
            finally:
                reader.cancel()
                ending.cancel()

        return run

    def end_streams(self) -> None:
        """Reads no more requests and lets every stream end once what was read is answered, so that the node can drain."""
        self._ending.set()

    def _submit(self, work: Decide, call: Call) -> asyncio.Future[list[Result]] | None:
        calls = queued(work, call.deadline_ms)
        return self._owner.call_many(calls) if calls else None
