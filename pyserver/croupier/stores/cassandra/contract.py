"""What the store rests on, tried at every start: conditions on a static column and on new rows in one batch, and the values that a refusal returns."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from croupier.errors import StoreUnusable
from croupier.stores.cassandra.driver import Applied, Driver, Levels, Prepared, Value

_OPEN = Prepared("INSERT INTO contract (trial, id, revision, closed) VALUES (?, '', 1, false) IF NOT EXISTS")
_UPDATE = Prepared("UPDATE contract SET revision = ? WHERE trial = ? IF revision = ? AND closed = false")
_CREATE = Prepared("INSERT INTO contract (trial, id, body) VALUES (?, ?, ?) IF NOT EXISTS")
_PUT = Prepared("INSERT INTO contract (trial, id, body) VALUES (?, ?, ?)")
_READ = Prepared("SELECT id, revision, body FROM contract WHERE trial = ?")

Statement = tuple[Prepared, Sequence[Value]]


async def check(driver: Driver, levels: Levels, timeout_s: float) -> None:
    """Tries it in a partition of its own. Raises StoreUnusable where something is otherwise, DriverError where it cannot be tried."""
    for statement in (_OPEN, _UPDATE, _CREATE, _PUT, _READ):
        await driver.prepare(statement.cql)
    trial = uuid.uuid4().hex
    other = uuid.uuid4().hex
    first: list[Statement] = [(_UPDATE, [2, trial, 1]), (_CREATE, [trial, "a", b"1"]), (_PUT, [trial, "z", b"1"])]
    again: list[Statement] = [(_UPDATE, [3, trial, 2]), (_CREATE, [trial, "a", b"2"]), (_PUT, [trial, "z", b"2"])]
    stale: list[Statement] = [(_UPDATE, [2, trial, 1]), (_CREATE, [trial, "b", b"3"])]
    for what, statements, expected in (
        ("a new partition was refused", [(_OPEN, [trial])], Applied(True, {})),
        ("a partition was made twice", [(_OPEN, [trial])], Applied(False, {"id": "", "revision": 1})),
        ("a batch whose conditions hold was refused", first, Applied(True, {})),
        ("a batch with a known id was not refused with the stored row", again, Applied(False, {"id": "a", "revision": 2, "body": b"1"})),
        ("a batch with a stale revision was not refused with the stored one", stale, Applied(False, {"revision": 2})),
        ("a batch on a partition that is not there was not refused", [(_UPDATE, [2, other, 1])], Applied(False, {})),
    ):
        answer = await driver.conditional(statements, levels, timeout_s)
        if answer.applied != expected.applied or any(answer.row.get(name) != value for name, value in expected.row.items()):
            raise _broken(f"{what} ({answer})")
    rows = sorted(await driver.query(_READ, [trial], levels.serial, timeout_s))
    if rows != [("", 2, None), ("a", 2, b"1"), ("z", 2, b"1")]:
        raise _broken(f"a serial read gave {rows} after these batches")


def _broken(what: str) -> StoreUnusable:
    return StoreUnusable(f"this Cassandra does not do what wallets rest on: {what}; use Cassandra 5.0, or 4.1.6 at least")
