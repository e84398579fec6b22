"""What a cluster is to the rest of the server: who is a member, and which node holds which singleton.

Neither is what keeps money right: the conditional write does. Where the cluster cannot be asked, the members last known stay known, rounds go on, and
singletons finish their step and freeze. A stale holder is refused by the store: every write of a singleton carries its term's fence.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol

from msgspec import Struct, structs

MemberState = Literal["starting", "serving", "out_of_service", "draining"]

FINISH_S = 1.0
"""How long the step of a singleton may still take once its term is lost, before it is cancelled."""


class Member(Struct, frozen=True):
    """One node of the cluster, as it says of itself."""

    node: str
    region: str
    address: str
    """host:port that others reach it at."""
    version: str
    state: MemberState = "starting"
    load_permille: int = 0
    """Of its capacity: 1000 is full."""
    start_ms: int = 0
    """When the process started, in milliseconds since 1970; tells a restarted node from the one before."""

    def updated(self, state: MemberState | None, load_permille: int | None, address: str | None) -> Member:
        """The member with what is given in place of what it said before."""
        load = self.load_permille if load_permille is None else load_permille
        return structs.replace(self, state=state or self.state, load_permille=load, address=address or self.address)


class TermLost(Exception):
    """The term is over, or may be: whatever is done under it must stop."""


class Term:
    """One leadership of one singleton. The fence is what makes it harmless once it is over; `check` only saves useless work."""

    def __init__(self, singleton: str, fence: int, holder: str, held_until: Callable[[], float] = lambda: math.inf) -> None:
        self.singleton = singleton
        self.fence = fence
        """Raised in the store for this term: each write says it, and is refused once another term has raised it again."""
        self.holder = holder
        self.over = asyncio.Event()
        """Set once the term is lost or given up."""
        self._held_until = held_until

    @property
    def left_s(self) -> float:
        """Seconds that the term surely lasts, by the monotonic clock; 0 when it is lost."""
        return 0.0 if self.over.is_set() else max(0.0, self._held_until() - time.monotonic())

    def check(self) -> None:
        """Raises TermLost where another node may hold the singleton by now. To be called before each step and each effect."""
        if self.left_s <= 0:
            raise TermLost(f"{self.holder} no longer holds {self.singleton} (fence {self.fence})")

    def end(self) -> None:
        """Marks the term as over."""
        self.over.set()


Run = Callable[[Term], Coroutine[Any, Any, None]]
"""What runs while a term is held. It is expected to go on until the term is over: returning or failing gives the term up."""


class Fences(Protocol):
    """The part of a store that makes old terms harmless."""

    async def raise_fence(self, singleton: str, holder: str) -> int:
        """Raises the singleton's fence by one, conditionally, and returns it."""
        ...


class Membership(Protocol):
    """The members, and this node among them."""

    async def start(self) -> None:
        """Joins. Never fails and never waits long: where the cluster cannot be reached it says so in `problem` and keeps trying."""
        ...

    @property
    def members(self) -> tuple[Member, ...]:
        """All members in order of their names, this node included; the last ones known where the cluster cannot be reached."""
        ...

    def subscribe(self, callback: Callable[[tuple[Member, ...]], None]) -> None:
        """Calls `callback` with the members after each change, on the event loop."""
        ...

    async def update(self, *, state: MemberState | None = None, load_permille: int | None = None, address: str | None = None) -> None:
        """Says of this node what has changed; a change of state is published, if that is possible at all, when this returns."""
        ...

    async def stop(self) -> None:
        """Leaves, so that others know at once."""
        ...

    @property
    def healthy(self) -> bool:
        """The cluster answers, and this node is a member of it."""
        ...

    @property
    def problem(self) -> str:
        """Why it is not healthy, in one sentence; empty where it is."""
        ...


class Elections(Protocol):
    """Which node runs what only one node may run."""

    def campaign(self, singleton: str, run: Run) -> None:
        """From now on `run(term)` runs here whenever this node holds the term.

        When the term is lost, `term.over` is set and `term.check` raises; what has not returned FINISH_S later is cancelled.
        """
        ...

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms that this node holds."""
        ...

    async def stop(self) -> None:
        """Gives up all terms, each after the step that runs, and campaigns no more."""
        ...
