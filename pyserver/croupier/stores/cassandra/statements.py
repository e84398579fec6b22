"""Every statement, prepared when a node starts. Columns of the head stand in the order of the fields of model.Wallet."""

from __future__ import annotations

from croupier.stores.cassandra.driver import Prepared

HEAD_COLUMNS = (
    "balance_micros",
    "revision",
    "chain_hash",
    "ledger_epoch",
    "epoch_first_revision",
    "deposited_micros",
    "withdrawn_micros",
    "staked_micros",
    "paid_micros",
    "create_time_ms",
)
PLACE_COLUMNS = ("previous_epoch", "first_revision", "ids_until_ms", "home", "closed", "next_home")
"""See places.Place."""
OPENING, ENTRY = "", "entry"
"""Kinds of rows that are no model.Kind: the row with which a partition begins, id empty; entries, id = revision, 8 bytes, big-endian."""
MAX_PAIRS = 16
"""Rows that one statement reads."""

_PARTITION = "operator = ? AND player = ? AND currency = ? AND epoch = ?"
_HEAD = ", ".join(HEAD_COLUMNS)
_PLACE = ", ".join(PLACE_COLUMNS)
_KEY = "operator, player, currency, epoch, kind, id"


def _pairs(count: int) -> Prepared:
    """Reads the opening row with the statics, and `count` rows by kind and id."""
    places = ", ".join(["(?, ?)"] * (count + 1))
    return Prepared(f"SELECT kind, id, body, {_HEAD}, {_PLACE} FROM wallet WHERE {_PARTITION} AND (kind, id) IN ({places})")


def _entries(order: str) -> Prepared:
    return Prepared(
        f"SELECT body FROM wallet WHERE {_PARTITION} AND kind = 'entry' AND id > ? AND id < ? ORDER BY kind {order}, id {order} LIMIT ?"
    )


READ_ROWS = {count: _pairs(count) for count in (0, 1, 2, 3, 4, 6, 8, 12, MAX_PAIRS)}
"""By how many rows are read besides the opening row."""
READ_ENTRIES = {True: _entries("ASC"), False: _entries("DESC")}
"""By whether the oldest come first."""
READ_LAST_ID = Prepared(f"SELECT id FROM wallet WHERE {_PARTITION} AND kind = ? ORDER BY kind DESC, id DESC LIMIT 1")
OPEN_PARTITION = Prepared(
    f"INSERT INTO wallet ({_KEY}, {_HEAD}, {_PLACE}) VALUES (?, ?, ?, ?, '', 0x, {', '.join('?' * 16)}) IF NOT EXISTS"
)
UPDATE_HEAD = Prepared(
    f"UPDATE wallet SET {', '.join(f'{name} = ?' for name in HEAD_COLUMNS[:-1])}, closed = ? WHERE {_PARTITION} IF revision = ? AND closed = false AND home = ?"
)
CLOSE_FOR_MOVE = Prepared(
    f"UPDATE wallet SET closed = true, next_home = ?, ledger_epoch = ?, epoch_first_revision = ? WHERE {_PARTITION} "
    "IF revision = ? AND closed = false AND home = ?"
)
READ_HOME = Prepared(f"SELECT home, kind FROM wallet WHERE {_PARTITION} AND kind = '' AND id = 0x")
READ_END = Prepared(f"SELECT revision, closed, kind FROM wallet WHERE {_PARTITION} AND kind = '' AND id = 0x")
CREATE_ROW = Prepared(f"INSERT INTO wallet ({_KEY}, body) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS")
PUT_ROW = Prepared(f"INSERT INTO wallet ({_KEY}, body) VALUES (?, ?, ?, ?, ?, ?, ?)")

CLAIM_HOME = Prepared("INSERT INTO first_home (operator, player, currency, home) VALUES (?, ?, ?, ?) IF NOT EXISTS")
READ_FIRST_HOME = Prepared("SELECT home FROM first_home WHERE operator = ? AND player = ? AND currency = ?")

INDEX_WALLET = Prepared("INSERT INTO wallet_index (operator, bucket, player, currency, epoch) VALUES (?, ?, ?, ?, ?)")
INDEX_OPERATOR = Prepared("INSERT INTO operator_index (shelf, operator) VALUES (0, ?)")
READ_HINT = Prepared("SELECT epoch FROM wallet_index WHERE operator = ? AND bucket = ? AND player = ? AND currency = ?")
READ_OPERATORS = Prepared("SELECT operator FROM operator_index WHERE shelf = 0 AND operator >= ?")
READ_BUCKET = Prepared(
    "SELECT player, currency, epoch FROM wallet_index WHERE operator = ? AND bucket = ? AND (player, currency) > (?, ?) LIMIT ?"
)

READ_DOCUMENTS = Prepared("SELECT id, version, body, digest FROM document WHERE kind = ?")
READ_DOCUMENT = Prepared("SELECT id, version, body, digest FROM document WHERE kind = ? AND id = ?")
CREATE_DOCUMENT = Prepared("INSERT INTO document (body, version, digest, kind, id) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS")
UPDATE_DOCUMENT = Prepared("UPDATE document SET body = ?, version = ?, digest = ? WHERE kind = ? AND id = ? IF version = ?")

READ_FENCE = Prepared("SELECT fence, holder, item FROM singleton WHERE name = ? AND item = ''")
CREATE_FENCE = Prepared("INSERT INTO singleton (name, item, fence, holder) VALUES (?, '', ?, ?) IF NOT EXISTS")
RAISE_FENCE = Prepared("UPDATE singleton SET fence = ?, holder = ? WHERE name = ? IF fence = ?")
PUT_FENCED = Prepared("UPDATE singleton SET body = ? WHERE name = ? AND item = ? IF fence = ?")
READ_FENCED = Prepared("SELECT item, body, fence, holder FROM singleton WHERE name = ?")

PUT_ARCHIVE = Prepared("INSERT INTO ledger_archive (operator, player, currency, month, revision, body) VALUES (?, ?, ?, ?, ?, ?)")
READ_ARCHIVE = Prepared(
    "SELECT body FROM ledger_archive WHERE operator = ? AND player = ? AND currency = ? AND month = ? AND revision > ? LIMIT ?"
)
READ_LAST_ARCHIVED = Prepared(
    "SELECT revision FROM ledger_archive WHERE operator = ? AND player = ? AND currency = ? AND month = ? ORDER BY revision DESC LIMIT 1"
)

NOTE_DIRTY = Prepared("INSERT INTO dirty (shard, bucket, node, operator, player, currency) VALUES (?, ?, ?, ?, ?, ?)")
READ_DIRTY = Prepared("SELECT node, operator, player, currency FROM dirty WHERE shard = ? AND bucket = ?")

ALL = (
    *READ_ROWS.values(),
    *READ_ENTRIES.values(),
    READ_LAST_ID,
    OPEN_PARTITION,
    UPDATE_HEAD,
    CLOSE_FOR_MOVE,
    READ_HOME,
    READ_END,
    CLAIM_HOME,
    READ_FIRST_HOME,
    CREATE_ROW,
    PUT_ROW,
    INDEX_WALLET,
    INDEX_OPERATOR,
    READ_HINT,
    READ_OPERATORS,
    READ_BUCKET,
    READ_DOCUMENTS,
    READ_DOCUMENT,
    CREATE_DOCUMENT,
    UPDATE_DOCUMENT,
    READ_FENCE,
    CREATE_FENCE,
    RAISE_FENCE,
    PUT_FENCED,
    READ_FENCED,
    PUT_ARCHIVE,
    READ_ARCHIVE,
    READ_LAST_ARCHIVED,
    NOTE_DIRTY,
    READ_DIRTY,
)
