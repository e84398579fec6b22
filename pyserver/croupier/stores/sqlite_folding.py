"""Folds most of the log into the file beside the owner, so that the commit at which SQLite does it by itself has little left to fold.

SQLite folds at the commit that makes the log as long as `wal_autocheckpoint` says, and that commit and all behind it wait for the whole of it. A
pass from another connection, begun a little earlier, takes nothing from writers; the log begins anew only after the owner has folded what came
since.
"""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path

from croupier.stores.sqlite_connection import Connection, SqliteError, connect

_LOOK_EVERY_S = 0.05


class Folding:
    """One thread with a connection of its own, until it is stopped. A pass that fails changes nothing, as one of SQLite's own: the pages stay in the log."""

    def __init__(self, path: Path, pages: int) -> None:
        """Folds whenever the log has `pages` that are not in the file yet."""
        self._path = path
        self._pages = pages
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folding", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, after the pass that it is in."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(SqliteError), closing(connect(self._path)) as connection:
            while not self._stopping.wait(_LOOK_EVERY_S):
                with suppress(SqliteError):
                    fold(connection, self._pages)


def fold(connection: Connection, pages: int) -> bool:
    """One pass, if the log has `pages` that are not in the file; says whether it was made. Raises SqliteError."""
    ((_, length, folded),) = connection.query("PRAGMA wal_checkpoint(NOOP)")
    if length - folded < pages:
        return False
    connection.query("PRAGMA wal_checkpoint(PASSIVE)")
    return True
