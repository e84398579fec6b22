"""The cluster of an embedded node: alone, and so always the leader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from croupier.cluster.membership import Fences, Member, MemberState, Run, Term
from croupier.cluster.running import run_term

_RETRY_S = 1.0

_log = logging.getLogger("croupier.cluster")


class SingleMembership:
    """One member: this node."""

    healthy = True
    problem = ""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._callbacks: list[Callable[[tuple[Member, ...]], None]] = []

    @property
    def members(self) -> tuple[Member, ...]:
        """The node itself."""
        return (self._member,)

    async def start(self) -> None:
        """Nothing to join."""

    def subscribe(self, callback: Callable[[tuple[Member, ...]], None]) -> None:
        """Calls `callback` after each update."""
        self._callbacks.append(callback)

    async def update(self, *, state: MemberState | None = None, load_permille: int | None = None, address: str | None = None) -> None:
        """Changes what this node says of itself."""
        before = self._member
        self._member = before.updated(state, load_permille, address)
        if self._member != before:
            for callback in self._callbacks:
                callback(self.members)

    async def stop(self) -> None:
        """Nothing to leave."""


class SingleElections:
    """Every campaign is won at once, and for as long as the node runs."""

    def __init__(self, node: str, fences: Fences) -> None:
        self._node = node
        self._fences = fences
        self._terms: dict[str, Term] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """All that were campaigned for and have their fence."""
        return tuple(self._terms.values())

    def campaign(self, singleton: str, run: Run) -> None:
        """Runs `run` under a new term, and again should it end."""
        self._tasks[singleton] = asyncio.create_task(self._hold(singleton, run), name=f"singleton {singleton}")

    async def stop(self) -> None:
        """Ends all terms, each after the step that runs."""
        self._is_stopping = True
        for singleton, task in self._tasks.items():
            if singleton in self._terms:
                self._terms[singleton].end()
            else:
                task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _hold(self, singleton: str, run: Run) -> None:
        while not self._is_stopping:
            try:
                fence = await self._fences.raise_fence(singleton, self._node)
            except Exception:  # The store says why; until it is back nothing may run under a fence.
                _log.exception("singleton %s waits: its fence could not be raised", singleton)
                await asyncio.sleep(_RETRY_S)
                continue
            term = self._terms[singleton] = Term(singleton, fence, self._node)
            await run_term(term, run)
            del self._terms[singleton]
            if not self._is_stopping:
                await asyncio.sleep(_RETRY_S)
