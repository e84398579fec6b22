"""Copies of a SQLite file: taken while its owner goes on writing, named by their digest, put back only when they are what was taken.

    backup:   copy to a temporary name (SQLite's backup API) -> fold its log -> fsync -> [check] -> manifest -> rename
    restore:  digest against the manifest -> [check] -> take ownership -> copy beside the target -> fsync -> set the old one aside -> rename

A crash in a backup leaves a *.partial file, which the next backup overwrites. A crash in a restore leaves the old database as it was, or, once the new
copy is complete and about to take its place, a *.restoring file, for which servers refuse to start until the restore is run again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from croupier.errors import StoreFailed, StoreUnusable
from croupier.private_file import sync_folder
from croupier.stores.sqlite import restoring_path, take_ownership
from croupier.stores.sqlite_connection import SqliteError, connect

_PAGES_A_STEP = 1_000
_CHUNK_BYTES = 1 << 20


class Manifest(Struct, frozen=True):
    """What a backup is; stored beside it as JSON."""

    file: str
    sha256: str
    size_bytes: int
    schema: int
    create_time_ms: int
    entries: int
    wallets: int
    heads_sha256: str
    """See audit.report.Report: tells whether history was rewritten between two backups."""
    key_file: str = ""
    """Name of the key file's copy beside it, if there is one."""
    key_sha256: str = ""


def copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """One moment of `source`, which may be written to meanwhile; durable when this returns. `progress` gets pages done and pages in all."""
    try:
        with closing(connect(source, read_only=True)) as live, closing(connect(target)) as made:
            # Without a transaction of its own the copy would start anew at each write of the owner, and never end under load.
            live.execute("BEGIN")
            live.query("SELECT count(*) FROM sqlite_master")
            live.backup(made, _PAGES_A_STEP, lambda left, total: progress(total - left, total))
            # One file that stands alone, and that can be read from a read-only folder.
            made.execute("PRAGMA journal_mode = DELETE")
    except SqliteError as error:
        raise StoreFailed(f"copying {source} failed: {error}") from error
    _sync(target)


def manifest_path(backup: Path) -> Path:
    """Where the manifest of a backup lies."""
    return backup.with_name(backup.name + ".json")


def write_manifest(backup: Path, manifest: Manifest) -> None:
    """Writes a manifest, durable when this returns."""
    path = manifest_path(backup)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    _sync(path)
    sync_folder(path.parent)


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup. Raises StoreUnusable where it is missing or malformed."""
    path = manifest_path(backup)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise StoreUnusable(f"the backup's manifest {path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise StoreUnusable(f"the backup's manifest {path} is malformed: {error}") from error


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace(backup: Path, database: Path, aside: str) -> Path | None:
    """Puts a copy of `backup` in the place of `database`. What was there is kept under its name + `aside`; that path, or None.

    Raises InUse where a server owns the database.
    """
    lock = take_ownership(database)
    try:
        made = database.with_name(database.name + ".copying")
        for left_over in ("-journal", "-wal", "-shm"):
            made.with_name(made.name + left_over).unlink(missing_ok=True)
        with backup.open("rb") as source, made.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        _turn_to_wal(made)
        # From here until the last rename no server opens the database, whatever happens to this process.
        made.replace(restoring_path(database))
        sync_folder(database.parent)
        kept = _set_aside(database, aside)
        restoring_path(database).replace(database)
        sync_folder(database.parent)
    finally:
        os.close(lock)
    return kept


def _set_aside(database: Path, aside: str) -> Path | None:
    """Moves a database with its log, which must not be applied to another file."""
    kept = database.with_name(database.name + aside)
    database.with_name(database.name + "-shm").unlink(missing_ok=True)
    log = database.with_name(database.name + "-wal")
    if log.exists():
        log.replace(kept.with_name(kept.name + "-wal"))
    if not database.exists():
        return None
    database.replace(kept)
    sync_folder(database.parent)
    return kept


def _turn_to_wal(path: Path) -> None:
    """Gives a copy the kind of log that the store uses, and syncs it. Before it takes its place: SQLite makes the change through a journal, and a
    process killed then would leave a file that a reader, who may not roll it back, cannot open.
    """
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
