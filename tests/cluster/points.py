"""Where an engine node of a cluster is killed: nine points of a round, and three of the change to a wallet's next partition."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

from croupier.model import WalletWrite
from croupier.runners.embedded import EmbeddedRunner
from croupier.runners.ferry import Ferry
from croupier.runners.resolving import Resolver
from croupier.services.intake import Intake
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.driver import Applied, Unknown
from croupier.stores.cassandra.link import Link
from croupier.stores.store import CommitResult
from tests.faults.points import PYTHON_POINT, Fuse, InboxWithPoints, Point

ROUND_POINTS = tuple(
    Point(name, PYTHON_POINT, passings)
    for name, passings in (
        ("after_take", 60),  # The call has come, nothing is decided.
        ("after_load", 12),  # Its rows were read.
        ("before_commit", 60),  # It is decided, nothing was sent.
        ("statement_sent", 60),  # The conditional batch is on its way.
        ("after_commit", 60),  # The store has answered, the runner does not know yet.
        ("before_resolve", 3),  # The store has left it unknown, and it is to be made definite.
        ("before_publish", 60),  # It is applied, its entries were handed to nobody.
        ("half_answered", 60),  # Half of a batch's callers were answered.
        ("after_answer", 60),  # All were.
    )
)
ROLL_POINTS = tuple(
    Point(name, PYTHON_POINT, 2)
    for name in (
        "partition_closed",  # By the batch that ends an epoch; the next is not there.
        "next_decided",  # What it opens with was read, nothing was sent.
        "next_opened",  # It is there, empty, and the list of wallets does not name it.
    )
)
_LIE_EVERY = 40
"""How many conditional writes it takes until one is left unknown, where a point waits for that."""


def arm() -> None:
    """In the node's process: puts the kill where the environment says."""
    name, _, passing = os.environ.get(PYTHON_POINT, "").partition(":")
    if name:
        _put(Fuse(name, int(passing)), may_lie=name == "before_resolve")


def leave_unknown(every: int, chance: random.Random | None = None) -> None:
    """From now on some conditional writes are answered as unknown although they were applied, or without being sent, by turns or by chance."""
    conditional = Link.conditional
    count = 0

    async def lying(link: Link, rows: Any, *, avoid: str = "") -> Applied:
        nonlocal count
        count += 1
        if count % every:
            return await conditional(link, rows, avoid=avoid)
        is_sent = chance.random() < 0.5 if chance else count // every % 2
        if is_sent:
            await conditional(link, rows, avoid=avoid)
        raise Unknown("the answer is held back by the test")

    setattr(Link, "conditional", lying)  # noqa: B010


def _put(fuse: Fuse, *, may_lie: bool) -> None:
    """Wraps the runner, the link to the store, and the inbox of the front door."""
    if may_lie:
        leave_unknown(_LIE_EVERY)
    _wrap_runner(fuse)
    _wrap_link(fuse)
    _wrap_inbox(Intake, fuse)
    _wrap_inbox(Ferry, fuse)


def _wrap_inbox(owner: Any, fuse: Fuse) -> None:
    """Gives what takes from the front door's inbox, or answers to it, one with points in it."""
    begin: Callable[..., None] = owner.__init__

    def _begin(self: object, inbox: Any, *others: Any) -> None:
        begin(self, InboxWithPoints(inbox, fuse), *others)

    owner.__init__ = _begin


def _wrap_runner(fuse: Fuse) -> None:
    load, resolve, applied = EmbeddedRunner._load, Resolver.resolve, EmbeddedRunner._applied

    async def _load(runner: EmbeddedRunner, missing: Any) -> None:
        await load(runner, missing)
        fuse.passes("after_load")

    async def _resolve(resolver: Resolver, write: WalletWrite) -> CommitResult:
        fuse.passes("before_resolve")
        return await resolve(resolver, write)

    def _applied(runner: EmbeddedRunner, *others: Any) -> None:
        fuse.passes("before_publish")
        applied(runner, *others)

    setattr(EmbeddedRunner, "_load", _load)  # noqa: B010
    setattr(Resolver, "resolve", _resolve)  # noqa: B010
    setattr(EmbeddedRunner, "_applied", _applied)  # noqa: B010


def _wrap_link(fuse: Fuse) -> None:
    conditional = Link.conditional

    async def _conditional(link: Link, rows: Sequence[tuple[Any, Sequence[Any]]], *, avoid: str = "") -> Applied:
        fuse.passes("before_commit")
        if _opens(rows):
            fuse.passes("next_decided")
        sent = asyncio.ensure_future(conditional(link, rows, avoid=avoid))
        await asyncio.sleep(0)
        fuse.passes("statement_sent")
        answer = await sent
        fuse.passes("after_commit")
        if answer.applied and _closes(rows):
            fuse.passes("partition_closed")
        if answer.applied and _opens(rows):
            fuse.passes("next_opened")
        return answer

    setattr(Link, "conditional", _conditional)  # noqa: B010


def _closes(rows: Sequence[tuple[Any, Sequence[Any]]]) -> bool:
    """Whether a batch closes its partition."""
    statement, values = rows[0]
    return statement is statements.UPDATE_HEAD and values[len(statements.HEAD_COLUMNS) - 1] is True


def _opens(rows: Sequence[tuple[Any, Sequence[Any]]]) -> bool:
    """Whether a batch opens the partition after a closed one, and does nothing else."""
    return len(rows) == 1 and rows[0][0] is statements.OPEN_PARTITION
