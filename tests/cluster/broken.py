"""Negative controls of the cluster: engine nodes with one guard switched off, in their own process, by patches that live only here."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from croupier.model import WalletWrite
from croupier.runners.resolving import Resolver
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.driver import Consistency, Levels, Prepared
from croupier.stores.cassandra.link import Link
from croupier.stores.store import CommitResult
from tests.cluster.points import leave_unknown
from tests.faults.broken import CONTROL
from tests.simulation.controls import no_id_look_up

_kept = ExitStack()
"""Patches stay for the life of the process."""
_LIE_EVERY = 15


def switch_off() -> None:
    """In the node's process, before it prepares its statements: switches off the guard that the environment names."""
    name = os.environ.get(CONTROL, "")
    if name:
        CONTROLS[name]()


def _no_revision_check() -> None:
    """A write goes through although another node has written since its revision was read."""
    _change("UPDATE_HEAD", "IF revision = ?", "IF revision >= ?")
    _change("CREATE_ROW", " IF NOT EXISTS", "")


def _no_new_id_check() -> None:
    """Neither the decision nor the store minds an id that is known."""
    _kept.enter_context(no_id_look_up())
    _change("CREATE_ROW", " IF NOT EXISTS", "")


def _no_fence() -> None:
    """A singleton's write goes through although a later term has raised the fence."""
    _change("PUT_FENCED", "IF fence = ?", "IF fence >= ?")


def _no_dirty_note() -> None:
    """Wallets are written to without being noted."""
    note = Link.note

    async def forgetful(link: Link, statement: Any, values: Any) -> None:
        if statement is not statements.NOTE_DIRTY:
            await note(link, statement, values)

    setattr(Link, "note", forgetful)  # noqa: B010


def _no_unknown_resolver() -> None:
    """What the store leaves unknown is told as done."""
    leave_unknown(_LIE_EVERY, random.Random(0))

    async def hopeful(_resolver: Resolver, _write: WalletWrite) -> CommitResult:
        return CommitResult.APPLIED

    setattr(Resolver, "resolve", hopeful)  # noqa: B010


def _local_serial() -> None:
    """Conditions are checked within the node's own region only, although others write there too."""
    setattr(Levels, "serial", property(lambda levels: Consistency.LOCAL_SERIAL))  # noqa: B010
    setattr(Levels, "commit", property(lambda levels: Consistency.LOCAL_QUORUM))  # noqa: B010


def _change(name: str, old: str, new: str) -> None:
    """Makes one of the statements another."""
    statement: Prepared = getattr(statements, name)
    assert old in statement.cql, statement.cql
    changed = Prepared(statement.cql.replace(old, new))
    setattr(statements, name, changed)
    statements.ALL = tuple(changed if one is statement else one for one in statements.ALL)


CONTROLS: dict[str, Callable[[], None]] = {
    "revision_check": _no_revision_check,
    "new_id_check": _no_new_id_check,
    "fence": _no_fence,
    "dirty_note": _no_dirty_note,
    "unknown_resolver": _no_unknown_resolver,
    "local_serial": _local_serial,
}
