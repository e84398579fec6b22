"""The front door's calls as runners see them: taken in batches, to be answered together or each for itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol

from croupier.door import Answer
from croupier.errors import Refusal
from croupier.model import Key, State
from croupier.runners.embedded import Call, Result

Outcome = Sequence[Result] | State | Refusal
"""One result for each of a part's calls; the rows under its keys; or what refuses it."""


class HotPart(Protocol):
    """One call of the front door."""

    @property
    def calls(self) -> Sequence[Call]:
        """To be decided, in order."""
        ...

    @property
    def keys(self) -> Sequence[Key]:
        """To be read, where nothing is decided."""
        ...

    @property
    def answer(self) -> Callable[[Outcome], Answer]:
        """Makes the call's answer; never raises."""
        ...


class HotForward(Protocol):
    """One call that another node is to answer."""

    @property
    def part(self) -> HotPart:
        """The call, to be decided here where the other node gives no answer."""
        ...

    @property
    def send(self) -> Callable[[], Coroutine[Any, Any, Answer | None]]:
        """Brings the other node's answer, None where there is none; never raises."""
        ...


class HotBatch(Protocol):
    """Calls of the front door that were taken together."""

    calls: list[Call]
    """To be decided, in order."""
    keys: list[Key]
    """To be read, as last committed."""
    answers: list[Answer]
    """Those of calls that were refused before there was anything to decide or read."""

    @property
    def forwards(self) -> Sequence[HotForward]:
        """Calls for other nodes; none where the store is this node's own."""
        ...

    def answer(self, results: Sequence[Result], state: State | Refusal) -> None:
        """Answers every call, from one result for each of `calls` and the rows under `keys`."""
        ...

    def parts(self) -> Iterable[HotPart]:
        """Every call that `answers` has not refused, to be answered for itself."""
        ...


class HotCalls(Protocol):
    """Where the front door's calls come from."""

    def take(self) -> HotBatch:
        """Everything that waits."""
        ...
