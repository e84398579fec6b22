"""Fences of singletons in a SQLite file, and what is written under them."""

from __future__ import annotations

from croupier.errors import StoreFailed
from croupier.stores.sqlite_connection import SqliteError
from croupier.stores.sqlite_reads import SqliteReads
from croupier.stores.store import CommitResult, FencedRecord

_RAISE = "INSERT INTO singleton VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET fence = fence + 1, holder = excluded.holder"
_PUT = "INSERT OR REPLACE INTO fenced SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM singleton WHERE name = ? AND fence = ?)"


class SqliteFences(SqliteReads):
    """Reads, and the writes of singletons. See Fences."""

    async def raise_fence(self, singleton: str, holder: str) -> int:
        """See Fences.raise_fence."""
        self._write(_RAISE, (singleton, holder))
        fence, _ = await self.fenced(singleton)
        return fence.number

    async def put_fenced(self, record: FencedRecord, fence: int) -> CommitResult:
        """See Fences.put_fenced."""
        written = self._write(_PUT, (record.singleton, record.item, record.body, record.singleton, fence))
        return CommitResult.APPLIED if written else CommitResult.REFUSED

    def _write(self, statement: str, values: tuple[str | int | bytes, ...]) -> int:
        try:
            return self._connection.execute(statement, values)
        except SqliteError as error:
            raise StoreFailed(f"writing to the database failed: {error}") from error
