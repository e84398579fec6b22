"""Reading from a SQLite file: shared by the store's writer and by readers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from croupier.errors import StoreFailed
from croupier.model import Entry, EntryKind, Key, State, WalletKey
from croupier.stores import codec
from croupier.stores.sqlite_connection import Connection, SqliteError
from croupier.stores.sqlite_statements import ENTRY, wallet_rows
from croupier.stores.store import NO_FENCE, Document, EntryQuery, Fence, FencedRecord, WalletSums

_WALLET_NUMBER = "(SELECT no FROM wallet WHERE operator = ? AND player = ? AND currency = ?)"


class SqliteReads:
    """Reads over one connection. Not for two threads at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._wallets = wallet_rows(connection)

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        try:
            found = self._wallets.load(codec.encode_keys(keys))
        except SqliteError as error:
            raise StoreFailed(f"reading from the database failed: {error}") from error
        return {key: None if row is None else codec.decode(key, row) for key, row in zip(keys, found, strict=True)}

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """See Reads.entries."""
        where = [f"wallet = {_WALLET_NUMBER}", "revision > ?"]
        values: list[str | int | bytes] = [*query.wallet, query.after_revision]
        if query.before_revision:
            where.append("revision < ?")
            values.append(query.before_revision)
        if query.kinds:
            where.append(f"kind IN ({','.join('?' * len(query.kinds))})")
            values.extend(query.kinds)
        if query.session:
            where.append("session = ?")
            values.append(query.session)
        if query.step is not None:
            where.append("step = ?")
            values.append(query.step)
        order = "ASC" if query.oldest_first else "DESC"
        statement = f"SELECT {ENTRY} FROM entry WHERE {' AND '.join(where)} ORDER BY revision {order} LIMIT ?"
        return [_entry(values) for values in self._all(statement, (*values, query.limit))]

    async def wallets(self, after: WalletKey | None, limit: int) -> list[WalletKey]:
        """See Reads.wallets."""
        start = after or ("", "", "")
        statement = "SELECT operator, player, currency FROM wallet WHERE (operator, player, currency) > (?, ?, ?) ORDER BY operator, player, currency LIMIT ?"
        return [WalletKey(*values) for values in self._all(statement, (*start, limit))]

    async def sums(self, operator: str) -> list[WalletSums]:
        """See Reads.sums."""
        statement = (
            "SELECT currency, count(*), sum(deposited_micros), sum(withdrawn_micros), sum(staked_micros), sum(paid_micros), sum(balance_micros) "
            "FROM wallet WHERE ? = '' OR operator = ? GROUP BY currency ORDER BY currency"
        )
        return [WalletSums(*values) for values in self._all(statement, (operator, operator))]

    async def documents(self, kind: str) -> list[Document]:
        """See Reads.documents."""
        rows = self._all("SELECT kind, id, version, body, digest FROM document WHERE kind = ? ORDER BY id", (kind,))
        return [_document(*row) for row in rows]

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """See Reads.fenced."""
        fences = self._all("SELECT fence, holder FROM singleton WHERE name = ?", (singleton,))
        rows = self._all("SELECT item, body FROM fenced WHERE name = ? ORDER BY item", (singleton,))
        return Fence(*fences[0]) if fences else NO_FENCE, [FencedRecord(singleton, item, body) for item, body in rows]

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _all(self, statement: str, parameters: Sequence[str | int | bytes]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.query(statement, parameters)
        except SqliteError as error:
            raise StoreFailed(f"reading from the database failed: {error}") from error


def _entry(values: tuple[object, ...]) -> Entry:
    revision, epoch, kind, *rest = values
    return Entry(revision, epoch, EntryKind(kind), *rest)  # type: ignore[arg-type]


def _document(kind: str, id_: str, version: int, body: bytes, digest: bytes) -> Document:
    document = Document(kind, id_, version, body)
    if codec.document_digest(document) != digest:
        raise StoreFailed(f"the {kind} {id_} in the database is damaged; restore the database from a backup")
    return document
