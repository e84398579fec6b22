"""Connections to SQLite files. All of this process go through the one SQLite in the native module: two SQLite libraries in one process that open one
file drop each other's locks, because POSIX ties them to the process. Nothing else imports the native module's part about SQLite.
"""

from __future__ import annotations

from pathlib import Path

from croupier._engine import Connection, SqliteConstraintError, SqliteError, WalletRows

__all__ = ["Connection", "SqliteConstraintError", "SqliteError", "WalletRows", "connect"]

_BUSY_MS = 5_000
_CACHE_KIB, _CACHE_KIB_LARGE = 16_384, 65_536
_LARGE_FILE_BYTES = 1 << 30
"""From here on a large cache costs nothing. In a smaller file SQLite goes through all cached pages at the commit after a page was split: it sorts the parts
under the number of the page at 1 GiB, which is never used, and then takes the file for one that has shrunk (balance_nonroot, sqlite3PcacheTruncate).
"""


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """A connection that waits for another writer for a few seconds; a file that is not there is made when first written to, unless `read_only`.

    Raises SqliteError.
    """
    is_large = path.exists() and path.stat().st_size >= _LARGE_FILE_BYTES
    return Connection(path.absolute(), read_only=read_only, busy_ms=_BUSY_MS, cache_kib=_CACHE_KIB_LARGE if is_large else _CACHE_KIB)
