"""Who takes commands from services, whichever runner it is: Owner over a store that never suspends, Awaiting over one that does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from croupier.door import Inbox
from croupier.operations.command import Command
from croupier.runners.embedded import Call, EmbeddedRunner, Result
from croupier.runners.hot import HotCalls
from croupier.stores.store import Reads, Store

T = TypeVar("T")
RETRY_AFTER_S = 0.05
"""When to try again where too much waits already: a few batches later."""


class Taker(Protocol):
    """Has commands decided, committed and answered. Everything here is called on the event loop."""

    runner: EmbeddedRunner
    """Decides and commits, with its counts, its house, and why it is out of service."""

    inbox: Inbox
    """Where the front door puts its calls."""
    lookups: Inbox
    """Where it puts those that only read; it may be the same."""

    @property
    def queued(self) -> int:
        """Calls that wait for an answer."""
        ...

    @property
    def busy_s(self) -> float:
        """How long what is being decided or committed now keeps everything else waiting."""
        ...

    def serve(self, intake: Callable[[Inbox], HotCalls]) -> None:
        """Takes the front door's calls as well, from before the start; `intake` translates those of an inbox."""
        ...

    def start(self) -> None:
        """Begins to take calls; must be called on the event loop that the callers live on."""
        ...

    async def call(self, command: Command, deadline_ms: int = 0) -> object:
        """The command's answer, once committed. Raises its Refusal. `deadline_ms` is on the runner's clock."""
        ...

    def call_many(self, calls: Sequence[Call]) -> asyncio.Future[list[Result]]:
        """One answer or Refusal for each call, in order. They are queued at once, so the order of invocations is the order of decisions of one wallet.

        Raises Overloaded where they don't fit, NodeUnavailable while the node drains.
        """
        ...

    async def write(self, task: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Runs `task`, which writes beside the wallets. Raises NodeUnavailable, OutcomeUnknown where the store fails in it."""
        ...

    async def read(self, task: Callable[[Reads], Coroutine[Any, Any, T]]) -> T:
        """Runs `task` on committed state. Raises Overloaded, NodeUnavailable."""
        ...

    async def stop(self) -> None:
        """Answers what is queued and refuses what comes later."""
        ...
