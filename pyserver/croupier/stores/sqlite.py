"""The embedded store: one SQLite file in WAL mode with synchronous=FULL.

Everything handed to one `commit` goes into one transaction and one fsync. Safe against kill -9 and power loss; one machine, one owner process.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from msgspec.structs import astuple

from croupier.errors import StoreFailed, StoreUnusable
from croupier.model import WalletWrite
from croupier.stores import codec
from croupier.stores.sqlite_check import SqliteSnapshot
from croupier.stores.sqlite_documents import SqliteDocuments
from croupier.stores.sqlite_reads import SqliteReads
from croupier.stores.store import CommitResult

APPLICATION_ID = 0x43524F55
"""Marks a file as Croupier's: "CROU"."""
_CHECKPOINT_PAGES = 32_000
"""Length of the log (128 MiB) before it is folded into the file. With a million wallets each play changes pages of its own, and folding writes each of
them once more: the longer the log, the more plays share that write.
"""
_CACHE_KIB = 65_536
_BUSY_S = 5.0

_UPDATE_WALLET = (
    "UPDATE wallet SET balance_micros = ?, revision = ?, chain_hash = ?, epoch = ?, epoch_first_revision = ?, deposited_micros = ?, withdrawn_micros = ?, "
    "staked_micros = ?, paid_micros = ?, create_time_ms = ? WHERE no = ? AND revision = ?"
)
_INSERT_WALLET = (
    "INSERT INTO wallet (balance_micros, revision, chain_hash, epoch, epoch_first_revision, deposited_micros, withdrawn_micros, staked_micros, paid_micros, "
    "create_time_ms, operator, player, currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ENTRY = (
    "INSERT INTO entry (wallet, revision, epoch, kind, reference, session, step, stake_micros, payout_micros, transfer_micros, balance_micros, time_ms, "
    "detail, chain_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_RECORD = "INSERT INTO record (kind, id, wallet, body) VALUES (?, ?, ?, ?)"
_REPLACE_RECORD = "INSERT INTO record (kind, id, wallet, body) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"


class InUse(StoreUnusable):
    """Another process owns the file."""


class _Refused(Exception):
    """A condition of a write did not hold."""


class SqliteStore(SqliteDocuments):
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

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """See Store.commit. One transaction; a write whose condition fails is left out and the others still commit."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._apply(writes)
            except _Refused:
                self._connection.execute("ROLLBACK")
                self._numbers.clear()
                return self._commit_apart(writes)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreFailed(f"writing to the database failed: {error}") from error
        return [CommitResult.APPLIED] * len(writes)

    def reads(self) -> SqliteReads:
        """A second, read-only connection."""
        return SqliteReads(_connect(self.path, read_only=True))

    def close(self) -> None:
        """Folds the log into the file and lets go of it."""
        self._connection.close()
        os.close(self._lock)

    def _commit_apart(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """All in one transaction again, each behind its own savepoint."""
        results: list[CommitResult] = []
        self._connection.execute("BEGIN IMMEDIATE")
        for write in writes:
            self._connection.execute("SAVEPOINT one")
            try:
                self._apply([write])
                results.append(CommitResult.APPLIED)
            except _Refused:
                self._connection.execute("ROLLBACK TO one")
                self._numbers.clear()
                results.append(CommitResult.REFUSED)
            self._connection.execute("RELEASE one")
        self._connection.execute("COMMIT")
        return results

    def _apply(self, writes: Sequence[WalletWrite]) -> None:
        """Every row of `writes`, table by table. Raises _Refused where a condition fails; the caller undoes the rest."""
        numbers = [self._conditional_head(write) for write in writes]
        heads = [
            (*astuple(write.wallet), number, write.expected_revision)
            for write, number in zip(writes, numbers, strict=True)
            if write.expected_revision
        ]
        execute = self._connection.executemany
        if heads and execute(_UPDATE_WALLET, heads).rowcount != len(heads):
            raise _Refused
        creates: list[tuple[object, ...]] = []
        updates: list[tuple[object, ...]] = []
        entries: list[tuple[object, ...]] = []
        for write, number in zip(writes, numbers, strict=True):
            creates += [(codec.KIND_NUMBERS[key.kind], key.id, number, codec.encode(row)) for key, row in write.creates]
            updates += [(codec.KIND_NUMBERS[key.kind], key.id, number, codec.encode(row)) for key, row in write.updates]
            entries += [(number, *astuple(entry)) for entry in write.entries]
        try:
            execute(_INSERT_RECORD, creates)
        except sqlite3.IntegrityError:
            raise _Refused from None
        execute(_REPLACE_RECORD, updates)
        execute(_INSERT_ENTRY, entries)

    def _conditional_head(self, write: WalletWrite) -> int:
        """The wallet's number; a wallet that must be new is inserted here."""
        if write.expected_revision:
            number = self._number(write.key)
            if number is None:
                raise _Refused
            return number
        try:
            number = self._connection.execute(_INSERT_WALLET, (*astuple(write.wallet), *write.key)).lastrowid
        except sqlite3.IntegrityError:
            raise _Refused from None
        assert number is not None
        return self._remember(write.key, number)


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


def _open(path: Path, *, migrate: bool) -> sqlite3.Connection:
    """The owner's connection to a file that is up to date."""
    connection, version = _open_own(path)
    if 0 < version < len(migrations()) and not migrate:
        connection.close()
        raise _too_old(path, version)
    try:
        for number, statements in enumerate(migrations()[version:], start=version + 1):
            connection.executescript(
                f"BEGIN IMMEDIATE; {statements} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
            )
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    return connection


def _open_own(path: Path, *, read_only: bool = False) -> tuple[sqlite3.Connection, int]:
    """A connection to a file of Croupier or an empty one, and its schema's version. A file that is refused is left as it was found."""
    connection = None
    try:
        connection = _connect(path, read_only=read_only)
        version = _identify(connection, path)
        if not read_only:
            _make_durable(connection, path)
    except (sqlite3.Error, StoreUnusable) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, StoreUnusable) else _unusable(path, error) from error
    return connection, version


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreUnusable(f"{path} cannot be kept in WAL mode; name a file on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _identify(connection: sqlite3.Connection, path: Path) -> int:
    """The schema's version; 0 for an empty file. Refuses a foreign or too new one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != APPLICATION_ID and not is_empty:
        raise StoreUnusable(f"{path} is a database of another program; name another file")
    known = len(migrations())
    if version > known:
        raise StoreUnusable(f"{path} has schema version {version}, this program knows {known}; use a newer croupier")
    return 0 if is_empty else version


def _open_beside(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection without ownership, to a file that exists and is up to date."""
    _refuse_missing(path)
    connection, version = _open_own(path, read_only=read_only)
    if version < len(migrations()):
        connection.close()
        raise _too_old(path, version)
    return connection


def _unusable(path: Path, error: sqlite3.Error) -> StoreUnusable:
    return StoreUnusable(f"{path} cannot be used as a database: {error}; restore it from a backup")


def _too_old(path: Path, version: int) -> StoreUnusable:
    return StoreUnusable(f"{path} has schema version {version}, this program needs {len(migrations())}; run croupier migrate")


def _refuse_missing(path: Path) -> None:
    if not path.is_file():
        raise StoreUnusable(f"there is no database {path}; name another file, or start a server there first")
