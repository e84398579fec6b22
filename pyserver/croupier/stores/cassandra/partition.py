"""One partition's rows as Cassandra has them, and back: pure translation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, structs

from croupier.model import Entry, Epoch, Key, Wallet, WalletKey, WalletWrite
from croupier.model import Row as ModelRow
from croupier.stores import codec
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.driver import Prepared, Row, Value
from croupier.stores.cassandra.places import Place, first_epoch

MAX_WRITE_BYTES = 1 << 20
"""How large one conditional batch may be. Cassandra takes half a segment of its log, which is 16 MiB by default; Paxos moves each batch several times."""
_HEAD = len(statements.HEAD_COLUMNS)
_ROW_BYTES = 256
"""Names and numbers of a row, less than that."""


class Found(Struct, frozen=True):
    """A partition that is open or was, with the rows that were asked for."""

    place: Place
    head: Wallet
    """As of this partition; of a closed one, what the next opens with."""
    closed: bool
    next_home: str
    """The region that goes on with the wallet, where that is another one."""
    rows: dict[tuple[str, bytes], bytes]
    """Bodies by kind and id."""
    ended: Epoch | None = None
    """The epoch's end, where it was not this partition's region that closed it, but that region that was given up."""


def found(number: int, rows: Sequence[Row]) -> Found | None:
    """What READ_ROWS gave; None where there is no such partition."""
    if not rows:
        return None
    head = Wallet(*rows[0][3 : 3 + _HEAD])
    previous, first_revision, ids_until_ms, home, closed, next_home = rows[0][3 + _HEAD :]
    place = Place(number, previous, first_revision, ids_until_ms, home)
    return Found(place, head, closed, next_home or "", {(row[0], row[1]): row[2] for row in rows})


def reading(wallet: WalletKey, number: int, keys: Sequence[Key]) -> tuple[Prepared, list[Value]]:
    """The statement that reads up to MAX_PAIRS rows of a partition together with its head."""
    count = next(count for count in statements.READ_ROWS if count >= len(keys))
    values: list[Value] = [*wallet, number, statements.OPENING, b""]
    for key in keys:
        values += (key.kind, key.id)
    values += (statements.OPENING, b"") * (count - len(keys))
    return statements.READ_ROWS[count], values


def starting_epoch(write: WalletWrite) -> int:
    """The partition that the write goes to: that of the epoch of the head that it expects."""
    closes = (int.from_bytes(key.id, "big") for key, _ in (*write.updates, *write.creates) if key.kind == "epoch")
    return first_epoch(closes, write.wallet.epoch)


def opening(wallet: WalletKey, place: Place, head: Wallet, *, closed: bool = False) -> tuple[Prepared, list[Value]]:
    """The statement that makes a partition, if it is not there."""
    return statements.OPEN_PARTITION, [
        *wallet,
        place.number,
        *structs.astuple(head),
        place.previous,
        place.first_revision,
        place.ids_until_ms,
        place.home,
        closed,
        None,
    ]


def put(wallet: WalletKey, number: int, key: Key, row: ModelRow) -> tuple[Prepared, list[Value]]:
    """The statement that writes a row, whether it is there or not."""
    return statements.PUT_ROW, [*wallet, number, key.kind, key.id, codec.encode_row(row)]


def batch(write: WalletWrite, number: int, home: str) -> list[tuple[Prepared, list[Value]]]:
    """The conditional batch. A write that begins an epoch closes the partition: the next one opens with the head that it leaves."""
    closed = write.wallet.epoch != number
    if write.expected_revision:
        head = structs.astuple(write.wallet)[:-1]
        first = (statements.UPDATE_HEAD, [*head, closed, *write.key, number, write.expected_revision, home])
    else:
        first = opening(write.key, Place(number, 0, 1, 0, home), write.wallet, closed=closed)
    return [first, *_rows(write, number)]


def _rows(write: WalletWrite, number: int) -> Iterator[tuple[Prepared, list[Value]]]:
    partition = (*write.key, number)
    for key, row in write.creates:
        yield statements.CREATE_ROW, [*partition, key.kind, key.id, codec.encode_row(row)]
    for key, row in write.updates:
        yield put(write.key, number, key, row)
    for entry in write.entries:
        yield statements.PUT_ROW, [*partition, statements.ENTRY, revision_id(entry.revision), codec.encode_row(entry)]


def batch_bytes(sent: Sequence[tuple[Prepared, Sequence[Value]]]) -> int:
    """About how long a batch is in Cassandra's log: its rows, whose bodies are their last values, and what stands beside them."""
    return sum(len(values[-1]) for _, values in sent[1:] if isinstance(values[-1], bytes)) + _ROW_BYTES * len(sent)


def revision_id(revision: int) -> bytes:
    """The id of an entry's row: sorts as the revision does."""
    return revision.to_bytes(8, "big")


def entries(rows: Iterable[Row]) -> list[Entry]:
    """What READ_ENTRIES gave."""
    return [codec.decode_entry(body) for (body,) in rows]
