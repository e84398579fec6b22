"""Negative controls: servers with one guard switched off, in their own process, by patches that live only here. The checker must catch each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from croupier.errors import StoreFailed
from croupier.model import WalletWrite
from croupier.stores import sqlite
from croupier.stores.sqlite import SqliteStore
from croupier.stores.sqlite_connection import connect
from croupier.stores.sqlite_statements import STATEMENTS
from croupier.stores.store import CommitResult
from tests.simulation.controls import no_id_look_up, no_step_check

CONTROL = "FAULTS_CONTROL"
"""Environment variable of the launcher: which guard is off."""
_kept = ExitStack()
"""Patches stay for the life of the process."""


def switch_off() -> None:
    """In the server's process: switches off the guard that the environment names."""
    name = os.environ.get(CONTROL, "")
    if name:
        CONTROLS[name]()


def _answer_before_commit() -> None:
    """Every commit is put off until the next one comes."""
    commit = SqliteStore.commit
    put_off: list[WalletWrite] = []

    async def later(store: SqliteStore, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        due, put_off[:] = [*put_off], writes
        heads: dict[str, WalletWrite] = {}
        for write in due:
            heads[str(write.key)] = write
        await commit(store, list(heads.values()))
        return [CommitResult.APPLIED] * len(writes)

    setattr(SqliteStore, "commit", later)  # noqa: B010


def _no_new_id_check() -> None:
    """Neither the decision nor the store minds an id that is known."""
    _kept.enter_context(no_id_look_up())
    _change("insert_record", "INSERT", "INSERT OR REPLACE")


def _no_step_check() -> None:
    """A repeated step is taken again."""
    _kept.enter_context(no_step_check())


def _no_revision_check() -> None:
    """Two servers own one file, and neither minds what the other wrote."""
    sqlite.take_ownership = lambda path: os.open(os.devnull, os.O_RDONLY)
    _change("update_wallet", "AND revision = ?", "AND ? > 0")
    _change("insert_entry", "INSERT", "INSERT OR REPLACE")
    _change("insert_record", "INSERT", "INSERT OR REPLACE")


def _change(statement: str, old: str, new: str) -> None:
    """Makes one of the store's statements another."""
    assert old in STATEMENTS[statement]
    STATEMENTS[statement] = STATEMENTS[statement].replace(old, new)


def _no_ownership() -> None:
    """Two servers own one file; the revision and the ids are still checked, so nothing must happen to the money."""
    sqlite.take_ownership = lambda path: os.open(os.devnull, os.O_RDONLY)


def _no_heed_of_errors() -> None:
    """A commit that failed is taken for one that was done."""
    commit = SqliteStore.commit

    async def hopeful(store: SqliteStore, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        try:
            return await commit(store, writes)
        except StoreFailed:
            if store._connection.in_transaction:
                store._connection.execute("ROLLBACK")
            return [CommitResult.APPLIED] * len(writes)

    setattr(SqliteStore, "commit", hopeful)  # noqa: B010


CONTROLS: dict[str, Callable[[], None]] = {
    "answer_before_commit": _answer_before_commit,
    "new_id_check": _no_new_id_check,
    "step_check": _no_step_check,
    "revision_check": _no_revision_check,
    "heed_of_errors": _no_heed_of_errors,
    "ownership": _no_ownership,
}
"""`ownership` is no control of the checker: with it alone switched off, the store's own conditions must still hold."""


def checkpoint_often() -> None:
    """Folds the log into the file every few commits, so that kills meet checkpoints."""
    sqlite._CHECKPOINT_PAGES = 40


def integrity(path: Path) -> str:
    """What SQLite says of a file's structure: "ok" if it is sound."""
    connection = connect(path)
    try:
        return str(connection.query("PRAGMA integrity_check")[0][0])
    finally:
        connection.close()
