"""The statements that the native store carries out, beside the schema that they belong to. It gives them their values in the order of the columns
here, which is that of the fields in model.py.
"""

from __future__ import annotations

from croupier.stores import codec
from croupier.stores.sqlite_connection import Connection, WalletRows

_HEAD = "balance_micros, revision, chain_hash, epoch, epoch_first_revision, deposited_micros, withdrawn_micros, staked_micros, paid_micros, create_time_ms"
ENTRY = "revision, epoch, kind, reference, session, step, stake_micros, payout_micros, transfer_micros, balance_micros, time_ms, detail, chain_hash"
"""The columns of a model.Entry."""

STATEMENTS = {
    "find_wallet": "SELECT no FROM wallet WHERE operator = ? AND player = ? AND currency = ?",
    "read_wallet": f"SELECT {_HEAD} FROM wallet WHERE no = ?",
    "read_record": "SELECT body FROM record WHERE kind = ? AND id = ? AND wallet = ?",
    "insert_wallet": f"INSERT INTO wallet ({_HEAD}, operator, player, currency) VALUES ({', '.join('?' * 13)})",
    "update_wallet": f"UPDATE wallet SET {_HEAD.replace(',', ' = ?,')} = ? WHERE no = ? AND revision = ?",
    "insert_record": "INSERT INTO record (kind, id, wallet, body) VALUES (?, ?, ?, ?)",
    "replace_record": "INSERT OR REPLACE INTO record (kind, id, wallet, body) VALUES (?, ?, ?, ?)",
    "insert_entry": f"INSERT INTO entry (wallet, {ENTRY}) VALUES ({', '.join('?' * 14)})",
}
"""See WalletRows in the stub of the native module for what each is given."""


def wallet_rows(connection: Connection) -> WalletRows:
    """The hot path over a connection."""
    return WalletRows(connection, STATEMENTS, dict(**codec.KIND_NUMBERS))
