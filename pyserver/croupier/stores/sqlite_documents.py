"""Documents of a SQLite file: written by the store's owner, and by a command beside a running server."""

from __future__ import annotations

from croupier.errors import StoreFailed
from croupier.stores import codec
from croupier.stores.sqlite_connection import SqliteError
from croupier.stores.sqlite_reads import SqliteReads
from croupier.stores.store import Document


class SqliteDocuments(SqliteReads):
    """Reads, and the one write that needs no ownership: SQLite itself puts writers in order, and the version refuses a lost race."""

    async def put_document(self, document: Document) -> bool:
        """See Store.put_document."""
        values = (document.body, document.version, codec.document_digest(document), document.kind, document.id)
        try:
            if document.version == 1:
                statement = "INSERT INTO document (body, version, digest, kind, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
                return self._connection.execute(statement, values) == 1
            statement = "UPDATE document SET body = ?, version = ?, digest = ? WHERE kind = ? AND id = ? AND version = ?"
            return self._connection.execute(statement, (*values, document.version - 1)) == 1
        except SqliteError as error:
            raise StoreFailed(f"writing to the database failed: {error}") from error
