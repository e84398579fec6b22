"""The native SQLite: which one it is, what a connection gives and refuses, and that no work of it holds the GIL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from croupier.stores import codec
from croupier.stores.sqlite import SqliteStore
from croupier.stores.sqlite_connection import Connection, SqliteConstraintError, SqliteError, connect
from croupier.stores.sqlite_folding import fold
from croupier.stores.sqlite_statements import wallet_rows
from tests.conformance.writes import ANN, BOB, transfer_row, write_on


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(connect(tmp_path / "some.db")) as opened:
        opened.script(
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT CHECK (b <> 'no'), c BLOB) STRICT; INSERT INTO t VALUES (1, 'x', x'00ff')"
        )
        yield opened


def test_the_bundled_sqlite_is_ours(connection: Connection) -> None:
    """It has the fix of the log's reset race (3.51.3), and was compiled as .cargo/config.toml says."""
    ((version,),) = connection.query("SELECT sqlite_version()")
    options = {option for (option,) in connection.query("PRAGMA compile_options")}
    assert tuple(map(int, version.split("."))) >= (3, 51, 3)
    assert {"OMIT_LOAD_EXTENSION", "DEFAULT_MEMSTATUS=0", "THREADSAFE=1"} <= options
    assert "ENABLE_MEMORY_MANAGEMENT" not in options


def test_values_come_back_as_they_went(connection: Connection) -> None:
    """Integers of 64 bits, text, bytes and NULL, as parameters and as columns; a computed float as a column."""
    values = [(2, "ü", b"\0"), (-(2**63), None, None), (2**63 - 1, "", b"")]
    for value in values:
        assert connection.execute("INSERT INTO t VALUES (?, ?, ?)", value) == 1
    assert connection.query("SELECT * FROM t WHERE a <> 1 ORDER BY b") == [
        (-(2**63), None, None),
        (2**63 - 1, "", b""),
        (2, "ü", b"\0"),
    ]
    assert connection.query("SELECT 0.5, NULL") == [(0.5, None)]
    assert connection.execute("UPDATE t SET c = NULL") == 4
    assert connection.execute("DELETE FROM t WHERE a = 99") == 0


@pytest.mark.parametrize("parameter", [2**63, 1.5, object()])
def test_other_parameters_are_refused(connection: Connection, parameter: object) -> None:
    """What the schema cannot hold exactly never reaches SQLite."""
    with pytest.raises(TypeError, match="a parameter is None, an int of 64 bits, str or bytes"):
        connection.query("SELECT ?", [parameter])  # type: ignore[list-item]


@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (1, 'y', NULL)", "INSERT INTO t VALUES (2, 'no', NULL)"])
def test_conditions_are_told_apart(connection: Connection, statement: str) -> None:
    """A key that is there and a CHECK that fails are constraint errors; anything else is not."""
    with pytest.raises(SqliteConstraintError):
        connection.execute(statement)
    with pytest.raises(SqliteError, match="no such table: nowhere") as raised:
        connection.query("SELECT * FROM nowhere")
    assert not isinstance(raised.value, SqliteConstraintError)


def test_a_closed_connection_says_so(connection: Connection) -> None:
    """Every call after a close is an error."""
    connection.close()
    connection.close()
    with pytest.raises(SqliteError, match="the connection is closed"):
        connection.query("SELECT 1")


def test_transactions_are_told(connection: Connection) -> None:
    """Whether one is open."""
    assert not connection.in_transaction
    connection.execute("BEGIN")
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    assert not connection.in_transaction


def test_progress_may_end_a_backup(connection: Connection, tmp_path: Path) -> None:
    """What progress raises ends the copy and reaches the caller; without it the copy is whole."""

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with closing(connect(tmp_path / "copy.db")) as target:
        with pytest.raises(KeyboardInterrupt):
            connection.backup(target, 1, stop)
        seen: list[tuple[int, int]] = []
        connection.backup(target, 1, lambda left, total: seen.append((left, total)))
        assert seen[-1][0] == 0
        assert target.query("SELECT * FROM t") == [(1, "x", b"\x00\xff")]


@pytest.mark.parametrize(
    "message", [b"", b"\xc0", b"\x91", b"\x91\x90", codec.encode_writes([write_on(ANN, None)])[:-1], codec.encode_writes([]) + b"\0"]
)
def test_malformed_messages_change_nothing(tmp_path: Path, message: bytes) -> None:
    """A message that is cut short, too long or of another form is refused before a transaction begins."""
    with closing(SqliteStore(tmp_path / "croupier.db")) as store:
        rows = wallet_rows(store._connection)
        with pytest.raises(ValueError, match="not encoded as the native store reads them"):
            rows.write(message)
        assert not store._connection.in_transaction
        assert store._connection.query("SELECT count(*) FROM entry") == [(0,)]


def test_refused_positions_are_named(tmp_path: Path) -> None:
    """Of several writes the refused ones are told by position; a write that fails within a batch leaves nothing of itself."""
    with closing(SqliteStore(tmp_path / "croupier.db")) as store:
        rows = wallet_rows(store._connection)
        create = transfer_row(ANN, 7)
        assert rows.write(codec.encode_writes([write_on(ANN, None, creates=[create])])) == []
        twice = [write_on(ANN, None), write_on(BOB, None, creates=[transfer_row(BOB, 8), transfer_row(BOB, 8)]), write_on(BOB, None)]
        assert rows.write(codec.encode_writes(twice)) == [0, 1]
        assert store._connection.query("SELECT count(*) FROM record") == [(1,)]


def test_waiting_for_a_lock_holds_no_gil(tmp_path: Path) -> None:
    """While a write waits for another connection's transaction, Python goes on and ends that transaction."""
    with closing(SqliteStore(tmp_path / "croupier.db")) as store, closing(connect(store.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        rows, refused = wallet_rows(store._connection), list[list[int]]()
        waiting = threading.Thread(target=lambda: refused.append(rows.write(codec.encode_writes([write_on(ANN, None)]))))
        waiting.start()
        other.execute("COMMIT")
        waiting.join()
        assert refused == [[]]


def test_folding_beside_the_owner_leaves_writers_alone(tmp_path: Path) -> None:
    """A pass from another connection folds what is committed, also while the owner is within a transaction, and not before the log is long enough."""
    with closing(SqliteStore(tmp_path / "croupier.db")) as store, closing(connect(store.path)) as beside:
        rows = wallet_rows(store._connection)
        rows.write(codec.encode_writes([write_on(ANN, None)]))
        assert not fold(beside, 1_000)
        store._connection.execute("BEGIN IMMEDIATE")
        store._connection.execute("DELETE FROM entry")
        assert fold(beside, 1)
        store._connection.execute("ROLLBACK")
        assert beside.query("PRAGMA wal_checkpoint(NOOP)")[0][1:] == store._connection.query("PRAGMA wal_checkpoint(NOOP)")[0][1:]
        assert not fold(beside, 1)
        assert rows.write(codec.encode_writes([write_on(BOB, None)])) == []
        assert beside.query("SELECT count(*) FROM entry") == [(2,)]
