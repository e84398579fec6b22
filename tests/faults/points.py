"""Where a server under test is killed: points in its Python code and in its system calls, or any moment."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from croupier.model import WalletWrite
from croupier.runners.owner import Owner
from croupier.services.intake import Intake
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import CommitResult

PYTHON_POINT = "FAULTS_POINT"
"""Environment variable of the launcher: point:n kills it there at the n-th passing."""
FREEZE_PID = "FAULTS_FREEZE"
"""Environment variable of the launcher: freezes this other process at the point instead."""
SYSCALL_POINT = "FAULTS_SYSCALL"
"""Environment variable of shim.c."""


class Point(NamedTuple):
    """A named point; `passings_max` is about what a server passes in half a second of load."""

    name: str
    variable: str
    passings_max: int

    def at(self, passing: int) -> dict[str, str]:
        """The environment of a server that is killed there at the n-th passing."""
        return {self.variable: f"{self.name}:{passing}"} if self.variable else {}


ANY_MOMENT = Point("any_moment", "", 0)
POINTS = (
    Point("before_begin", PYTHON_POINT, 60),
    Point("after_begin", SYSCALL_POINT, 60),
    Point("before_commit", SYSCALL_POINT, 60),
    Point("after_commit", PYTHON_POINT, 60),
    Point("half_delivered", PYTHON_POINT, 60),
    Point("torn_wal", SYSCALL_POINT, 600),
    Point("torn_db", SYSCALL_POINT, 60),
    Point("before_sync", SYSCALL_POINT, 60),
    Point("after_sync", SYSCALL_POINT, 60),
    Point("after_take", PYTHON_POINT, 60),
    Point("half_answered", PYTHON_POINT, 60),
)


def faults(count: int, chance: random.Random) -> list[tuple[Point, int]]:
    """`count` kills: every other at any moment, the others at each named point in turn, at a passing by chance."""
    first = chance.randrange(len(POINTS))
    named = [POINTS[(first + number // 2) % len(POINTS)] for number in range(count)]
    return [(ANY_MOMENT, 0) if number % 2 else (point, chance.randint(2, point.passings_max)) for number, point in enumerate(named)]


def arm() -> None:
    """In the server's process: puts the kill where the environment says."""
    name, _, passing = os.environ.get(PYTHON_POINT, "").partition(":")
    if name:
        Fuse(name, int(passing)).put()


class Fuse:
    """Kills this process, or freezes another one, when one point has been passed so often."""

    def __init__(self, name: str, passings: int) -> None:
        self._name = name
        self._left = passings

    def passes(self, name: str) -> None:
        """The process is at a point."""
        if name == self._name:
            self._left -= 1
            if not self._left:
                frozen = os.environ.get(FREEZE_PID)
                os.kill(int(frozen) if frozen else os.getpid(), signal.SIGSTOP if frozen else signal.SIGKILL)

    def put(self) -> None:
        """Wraps the store's commit, the owner's delivery, and the inbox of the front door."""
        fuse, commit, deliver = self, SqliteStore.commit, Owner._deliver

        async def _commit(store: SqliteStore, writes: Sequence[WalletWrite]) -> list[CommitResult]:
            fuse.passes("before_begin")
            results = await commit(store, writes)
            fuse.passes("after_commit")
            return results

        def _deliver(owner: Owner, submissions: list[Any], results: list[object]) -> None:
            half = len(submissions) // 2
            told = sum(len(one.calls) for one in submissions[:half])
            deliver(owner, submissions[:half], results[:told])
            fuse.passes("half_delivered")
            deliver(owner, submissions[half:], results[told:])

        def _begin(intake: Intake, inbox: Any, *others: Any) -> None:
            begin(intake, InboxWithPoints(inbox, fuse), *others)

        begin: Callable[..., None] = Intake.__init__
        setattr(Intake, "__init__", _begin)  # noqa: B010
        setattr(SqliteStore, "commit", _commit)  # noqa: B010
        setattr(Owner, "_deliver", _deliver)  # noqa: B010


class InboxWithPoints:
    """The front door's inbox with points in it: calls that were taken are not decided yet, and half of the answers were handed over."""

    def __init__(self, inbox: Any, fuse: Fuse) -> None:
        self._inbox = inbox
        self._fuse = fuse

    def fileno(self) -> int:
        """See croupier.door."""
        number: int = self._inbox.fileno()
        return number

    def take(self) -> list[Any]:
        """See croupier.door."""
        calls: list[Any] = self._inbox.take()
        if calls:
            self._fuse.passes("after_take")
        return calls

    def answer(self, answers: list[Any]) -> None:
        """See croupier.door."""
        half = len(answers) // 2
        self._inbox.answer(answers[:half])
        if answers:
            self._fuse.passes("half_answered")
        self._inbox.answer(answers[half:])
        if answers:
            self._fuse.passes("after_answer")
