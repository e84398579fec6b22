"""Reading from a SQLite file: shared by the store's writer and by readers beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any

from croupier.errors import StoreFailed
from croupier.model import Entry, EntryKind, Key, State, Wallet, WalletKey
from croupier.stores import codec
from croupier.stores.store import Document, EntryQuery, WalletSums

_HEAD = "balance_micros, revision, chain_hash, epoch, epoch_first_revision, deposited_micros, withdrawn_micros, staked_micros, paid_micros, create_time_ms"
_ENTRY = "revision, epoch, kind, reference, session, step, stake_micros, payout_micros, transfer_micros, balance_micros, time_ms, detail, chain_hash"
_MAX_RECORDS_A_LOOKUP = 256
_MAX_NUMBERS = 200_000
"""Wallet numbers remembered before the memory is emptied; about 200 bytes each."""


class SqliteReads:
    """Reads over one connection. Not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[WalletKey, int] = {}

    async def load(self, keys: Sequence[Key]) -> State:
        """See Reads.load."""
        try:
            if len(keys) < 2 or self._connection.in_transaction:
                return self._rows(keys)
            self._connection.execute("BEGIN")
            try:
                return self._rows(keys)
            finally:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreFailed(f"reading from the database failed: {error}") from error

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """See Reads.entries."""
        number = self._number(query.wallet)
        if number is None:
            return []
        where = ["wallet = ?", "revision > ?"]
        values: list[int | bytes] = [number, query.after_revision]
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
        statement = f"SELECT {_ENTRY} FROM entry WHERE {' AND '.join(where)} ORDER BY revision {order} LIMIT ?"
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

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _rows(self, keys: Sequence[Key]) -> State:
        state: State = dict.fromkeys(keys)
        records: dict[tuple[int, bytes, int], Key] = {}
        for key in keys:
            number = self._number(key.wallet)
            if number is None:
                continue
            if key.kind == "wallet":
                state[key] = Wallet(*self._connection.execute(f"SELECT {_HEAD} FROM wallet WHERE no = ?", (number,)).fetchone())
            else:
                records[codec.KIND_NUMBERS[key.kind], key.id, number] = key
        wanted = list(records)
        for start in range(0, len(wanted), _MAX_RECORDS_A_LOOKUP):
            for kind, id_, number, body in self._connection.execute(*_look_up(wanted[start : start + _MAX_RECORDS_A_LOOKUP])):
                key = records[kind, id_, number]
                state[key] = codec.decode(key, body)
        return state

    def _number(self, wallet: WalletKey) -> int | None:
        number = self._numbers.get(wallet)
        if number is None:
            for (found,) in self._all("SELECT no FROM wallet WHERE operator = ? AND player = ? AND currency = ?", wallet):
                number = self._remember(wallet, found)
        return number

    def _remember(self, wallet: WalletKey, number: int) -> int:
        if len(self._numbers) >= _MAX_NUMBERS:
            self._numbers.clear()
        self._numbers[wallet] = number
        return number

    def _all(self, statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"reading from the database failed: {error}") from error


def _look_up(wanted: Sequence[tuple[int, bytes, int]]) -> tuple[str, list[int | bytes | None]]:
    """One statement for many records, with its parameters; padded with what matches nothing, so that few statements are prepared."""
    places = 1 << (len(wanted) - 1).bit_length()
    parameters: list[int | bytes | None] = [part for place in wanted for part in place]
    parameters += [None] * (3 * (places - len(wanted)))
    return _records_statement(places), parameters


@cache
def _records_statement(places: int) -> str:
    values = ", ".join(["(?, ?, ?)"] * places)
    return (
        f"SELECT r.kind, r.id, r.wallet, r.body FROM (VALUES {values}) AS w CROSS JOIN record AS r "
        "ON r.kind = w.column1 AND r.id = w.column2 AND r.wallet = w.column3"
    )


def _entry(values: tuple[object, ...]) -> Entry:
    revision, epoch, kind, *rest = values
    return Entry(revision, epoch, EntryKind(kind), *rest)  # type: ignore[arg-type]


def _document(kind: str, id_: str, version: int, body: bytes, digest: bytes) -> Document:
    document = Document(kind, id_, version, body)
    if codec.document_digest(document) != digest:
        raise StoreFailed(f"the {kind} {id_} in the database is damaged; restore the database from a backup")
    return document
