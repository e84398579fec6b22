"""One moment of a SQLite file, and what can be checked of the file as such."""

from __future__ import annotations

from collections.abc import Iterator

from croupier.errors import StoreFailed
from croupier.model import Kind
from croupier.stores import codec
from croupier.stores.sqlite_connection import Connection, SqliteError
from croupier.stores.sqlite_reads import SqliteReads
from croupier.stores.store import Document

_MAX_INTEGRITY_PROBLEMS = 100


class SqliteSnapshot(SqliteReads):
    """Every read sees the same committed state, while the file's owner goes on writing. The write-ahead log is kept until it is closed."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        connection.execute("BEGIN")
        connection.query("SELECT count(*) FROM sqlite_master")

    def entry_count(self) -> int:
        """Entries of all wallets."""
        return int(self._one("SELECT count(*) FROM entry"))

    def record_counts(self) -> dict[Kind, int]:
        """Rows of each kind."""
        kinds: dict[int, Kind] = {number: kind for kind, number in codec.KIND_NUMBERS.items()}
        counts: dict[Kind, int] = {}
        for number, count in self._all("SELECT kind, count(*) FROM record GROUP BY kind", ()):
            assert isinstance(number, int)
            assert isinstance(count, int)
            if number in kinds:
                counts[kinds[number]] = count
        return counts

    def problems(self) -> Iterator[str]:
        """What is wrong with the file, a sentence each: pages and indexes, foreign rows, order of commits, documents."""
        try:
            yield from self._file_problems()
            yield from self._row_problems()
        except SqliteError as error:
            yield f"the file cannot be read to its end: {error}"

    def _file_problems(self) -> Iterator[str]:
        for (line,) in self._connection.query(f"PRAGMA integrity_check({_MAX_INTEGRITY_PROBLEMS})"):
            if line != "ok":
                yield f"SQLite's integrity check says: {line}"

    def _row_problems(self) -> Iterator[str]:
        numbers = ",".join(str(number) for number in codec.KIND_NUMBERS.values())
        if self._one(f"SELECT count(*) FROM record WHERE kind NOT IN ({numbers})"):
            yield "it holds records of a kind that does not exist"
        count, first, last = self._connection.query("SELECT count(*), min(seq), max(seq) FROM entry")[0]
        if count and (first, last) != (1, count):
            yield f"the ledger's lines are numbered {first} to {last}, but there are {count} of them"
        order = "SELECT count(*) FROM entry a JOIN entry b ON b.wallet = a.wallet AND b.revision = a.revision + 1 WHERE b.seq <= a.seq"
        if self._one(order):
            yield "entries of a wallet were not written in the order of their revisions"
        for kind, id_, version, body, digest in self._connection.query("SELECT kind, id, version, body, digest FROM document"):
            if codec.document_digest(Document(kind, id_, version, body)) != digest:
                yield f"the document {kind}/{id_} is not what was written"

    def _one(self, statement: str) -> int:
        try:
            return int(self._connection.query(statement)[0][0])
        except SqliteError as error:
            raise StoreFailed(f"reading from the database failed: {error}") from error
