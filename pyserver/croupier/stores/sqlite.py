"""The embedded store: one SQLite file in WAL mode with synchronous=FULL.

Everything handed to one `commit` goes into one transaction and one fsync. Safe against kill -9 and power loss; one machine, one owner process.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from croupier.errors import StoreFailed, StoreUnusable
from croupier.model import WalletWrite
from croupier.stores import codec
from croupier.stores.sqlite_check import SqliteSnapshot
from croupier.stores.sqlite_connection import Connection, SqliteError, connect
from croupier.stores.sqlite_documents import SqliteDocuments
from croupier.stores.sqlite_fences import SqliteFences
from croupier.stores.sqlite_folding import Folding
from croupier.stores.sqlite_reads import SqliteReads
from croupier.stores.store import CommitResult

APPLICATION_ID = 0x43524F55
"""Marks a file as Croupier's: "CROU"."""
_CHECKPOINT_PAGES = 32_000
"""Length of the log (128 MiB) before it is folded into the file. With a million wallets each play changes pages of its own, and folding writes each of
them once more: the longer the log, the more plays share that write.
"""


class InUse(StoreUnusable):
    """Another process owns the file."""


class SqliteStore(SqliteDocuments, SqliteFences):
    """See the module. `path` must be on a local disk."""

    inline = True
    name = "sqlite"

    def __init__(self, path: Path, *, migrate: bool = True) -> None:
        """Opens or creates the file and takes ownership. Raises StoreUnusable with one sentence for the operator."""
        self.path = path
        self._lock = take_ownership(path)
        try:
            _refuse_unfinished_restore(path)
            super().__init__(_open(path, migrate=migrate))
        except StoreUnusable:
            os.close(self._lock)
            raise
        self._folding = Folding(path, _CHECKPOINT_PAGES * 3 // 4)

    async def open(self) -> None:
        """Nothing to connect: the file was opened, and checked, when this was made."""

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """See Store.commit. One transaction; a write whose condition fails is left out and the others still commit."""
        results = [CommitResult.APPLIED] * len(writes)
        try:
            for position in self._wallets.write(codec.encode_writes(writes)):
                results[position] = CommitResult.REFUSED
        except SqliteError as error:
            raise StoreFailed(f"writing to the database failed: {error}") from error
        return results

    def reads(self) -> SqliteReads:
        """A second, read-only connection."""
        return SqliteReads(connect(self.path, read_only=True))

    def close(self) -> None:
        """Folds the log into the file and lets go of it."""
        self._folding.stop()
        self._connection.close()
        os.close(self._lock)


def open_snapshot(path: Path) -> SqliteSnapshot:
    """A file's committed state now, whoever owns it. Raises StoreUnusable with one sentence."""
    return SqliteSnapshot(_open_beside(path, read_only=True))


def open_documents(path: Path) -> SqliteDocuments:
    """The documents of a file, to be read and written beside its owner. Raises StoreUnusable with one sentence."""
    return SqliteDocuments(_open_beside(path, read_only=False))


def restoring_path(path: Path) -> Path:
    """While this file is there, a restore has begun to replace `path` and has not ended."""
    return path.with_name(path.name + ".restoring")


def schema_version(path: Path) -> int:
    """The schema's version that a file of Croupier has. Raises StoreUnusable with one sentence for any other file."""
    _refuse_missing(path)
    connection, version = _open_own(path, read_only=True)
    connection.close()
    return version


def take_ownership(path: Path) -> int:
    """An exclusive lock beside the file, held until its descriptor is closed; raises InUse for a second owner."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise InUse(f"{path} is in use by another croupier process; stop that one first") from None
    return lock


def migrations() -> list[str]:
    """The statements of each version, from 1."""
    folder = resources.files("croupier.stores") / "migrations"
    return [path.read_text() for path in sorted(folder.iterdir(), key=lambda path: path.name) if path.name.endswith(".sql")]


def _refuse_unfinished_restore(path: Path) -> None:
    if restoring_path(path).exists():
        raise StoreUnusable(f"a restore of {path} was interrupted; run croupier restore again")


def _open(path: Path, *, migrate: bool) -> Connection:
    """The owner's connection to a file that is up to date."""
    connection, version = _open_own(path)
    if 0 < version < len(migrations()) and not migrate:
        connection.close()
        raise _too_old(path, version)
    try:
        for number, statements in enumerate(migrations()[version:], start=version + 1):
            connection.script(
                f"BEGIN IMMEDIATE; {statements} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
            )
    except SqliteError as error:
        connection.close()
        raise _unusable(path, error) from error
    return connection


def _open_own(path: Path, *, read_only: bool = False) -> tuple[Connection, int]:
    """A connection to a file of Croupier or an empty one, and its schema's version. A file that is refused is left as it was found."""
    connection = None
    try:
        connection = connect(path, read_only=read_only)
        version = _identify(connection, path)
        if not read_only:
            _make_durable(connection, path)
    except (SqliteError, StoreUnusable) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, StoreUnusable) else _unusable(path, error) from error
    return connection, version


def _make_durable(connection: Connection, path: Path) -> None:
    if connection.query("PRAGMA journal_mode = WAL")[0][0] != "wal":
        raise StoreUnusable(f"{path} cannot be kept in WAL mode; name a file on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _identify(connection: Connection, path: Path) -> int:
    """The schema's version; 0 for an empty file. Refuses a foreign or too new one."""
    version = int(connection.query("PRAGMA user_version")[0][0])
    application = int(connection.query("PRAGMA application_id")[0][0])
    is_empty = connection.query("SELECT count(*) FROM sqlite_master")[0][0] == 0
    if application != APPLICATION_ID and not is_empty:
        raise StoreUnusable(f"{path} is a database of another program; name another file")
    known = len(migrations())
    if version > known:
        raise StoreUnusable(f"{path} has schema version {version}, this program knows {known}; use a newer croupier")
    return 0 if is_empty else version


def _open_beside(path: Path, *, read_only: bool) -> Connection:
    """A connection without ownership, to a file that exists and is up to date."""
    _refuse_missing(path)
    connection, version = _open_own(path, read_only=read_only)
    if version < len(migrations()):
        connection.close()
        raise _too_old(path, version)
    return connection


def _unusable(path: Path, error: SqliteError) -> StoreUnusable:
    return StoreUnusable(f"{path} cannot be used as a database: {error}; restore it from a backup")


def _too_old(path: Path, version: int) -> StoreUnusable:
    return StoreUnusable(f"{path} has schema version {version}, this program needs {len(migrations())}; run croupier migrate")


def _refuse_missing(path: Path) -> None:
    if not path.is_file():
        raise StoreUnusable(f"there is no database {path}; name another file, or start a server there first")
