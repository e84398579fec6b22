"""Connections to SQLite files. All of this process go through the one SQLite in the native module: two SQLite libraries in one process that open one
file drop each other's locks, because POSIX ties them to the process. The only importer of croupier._engine's part about SQLite.
"""

from __future__ import annotations

from pathlib import Path

from croupier._engine import Connection, SqliteConstraintError, SqliteError, WalletRows

__all__ = ["Connection", "SqliteConstraintError", "SqliteError", "WalletRows", "connect"]

_CACHE_KIB = 65_536
_BUSY_MS = 5_000


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """A connection that waits for another writer for a few seconds; a file that is not there is made when first written to, unless `read_only`.

    Raises SqliteError.
    """
    return Connection(path.absolute(), read_only=read_only, busy_ms=_BUSY_MS, cache_kib=_CACHE_KIB)
