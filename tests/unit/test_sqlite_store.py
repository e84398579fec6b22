"""What is SQLite's own: ownership of the file, files that are refused, durability's settings, failing commits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from croupier.errors import StoreFailed, StoreUnusable
from croupier.stores.sqlite import SqliteStore, migrations, schema_version
from croupier.stores.sqlite_connection import SqliteError
from croupier.stores.store import EntryQuery, drive
from tests.conformance.writes import ANN, write_on


def foreign_file(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.commit()
    connection.close()
    return path.read_bytes()


def test_foreign_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    """S6: another program's file is refused in one sentence, twice alike, and not one byte of it changes."""
    path = tmp_path / "notes.db"
    before = foreign_file(path)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="is a database of another program; name another file"):
            SqliteStore(path)
    assert path.read_bytes() == before
    assert not path.with_name("notes.db-wal").exists()


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file of a newer program is refused, with both versions named."""
    path = tmp_path / "croupier.db"
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    connection.close()
    with pytest.raises(StoreUnusable, match=f"has schema version {len(migrations()) + 1}, this program knows {len(migrations())}"):
        SqliteStore(path)


def test_older_schema_waits_for_migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `migrate`, an older file is refused and told how to go on; with it, it is brought up to date and keeps what it held."""
    path = tmp_path / "croupier.db"
    store = SqliteStore(path)
    drive(store.commit([write_on(ANN, None)]))
    store.close()
    newer = [*migrations(), "CREATE TABLE later (x INTEGER) STRICT;"]
    monkeypatch.setattr("croupier.stores.sqlite.migrations", lambda: newer)
    with pytest.raises(StoreUnusable, match="run croupier migrate"):
        SqliteStore(path, migrate=False)
    store = SqliteStore(path)
    assert len(drive(store.entries(EntryQuery(ANN, 9)))) == 1
    store.close()
    assert schema_version(path) == len(newer)


def test_a_failing_migration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails half way leaves the file at the version before, and says so in one sentence."""
    path = tmp_path / "croupier.db"
    SqliteStore(path).close()
    known = len(migrations())
    failing = [*migrations(), "CREATE TABLE later (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);"]
    monkeypatch.setattr("croupier.stores.sqlite.migrations", lambda: failing)
    with pytest.raises(StoreUnusable, match="cannot be used as a database: no such table: nowhere"):
        SqliteStore(path)
    assert schema_version(path) == known


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 4_080])
def test_corrupt_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused in one sentence, and stays as it was."""
    path = tmp_path / "croupier.db"
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="cannot be used as a database"):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_unreachable_path_is_refused(tmp_path: Path) -> None:
    """A path that cannot be is refused in one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        SqliteStore(tmp_path / "file" / "croupier.db")


def test_one_owner(tmp_path: Path) -> None:
    """A second owner is refused while the first lives, and welcome after it."""
    path = tmp_path / "croupier.db"
    first = SqliteStore(path)
    with pytest.raises(StoreUnusable, match="is in use by another croupier process"):
        SqliteStore(path)
    first.close()
    SqliteStore(path).close()


def test_commits_are_synchronous(tmp_path: Path) -> None:
    """S4: the owner's connection writes ahead and syncs at every commit."""
    store = SqliteStore(tmp_path / "croupier.db")
    pragmas = {name: store._connection.query(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous")}
    store.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_reader_cannot_write(tmp_path: Path) -> None:
    """The connection beside the owner is read-only."""
    store = SqliteStore(tmp_path / "croupier.db")
    with pytest.raises(SqliteError, match="readonly"):
        store.reads()._connection.execute("DELETE FROM entry")
    store.close()


def test_errors_are_store_failures(tmp_path: Path) -> None:
    """S4: whatever goes wrong inside SQLite is StoreFailed, so that the runner leaves service; reads included."""
    store = SqliteStore(tmp_path / "croupier.db")
    store._connection.execute("DROP TABLE entry")
    with pytest.raises(StoreFailed, match="writing to the database failed"):
        drive(store.commit([write_on(ANN, None)]))
    store._connection.execute("ROLLBACK")
    store._connection.execute("DROP TABLE wallet")
    with pytest.raises(StoreFailed, match="reading from the database failed"):
        drive(store.entries(EntryQuery(ANN, 1)))
    store.close()
