"""The schema's versions: .cql files that only add, each statement of which may be run again.

Two nodes may migrate at once: a row with a lease, changed conditionally, lets one of them go first. What was cut off is found, and finished by running
it again.
"""

from __future__ import annotations

import asyncio
import time
from importlib import resources

from msgspec import Struct

from croupier.errors import StoreUnusable
from croupier.stores.cassandra.driver import Driver, Levels, Prepared, Value

_TIMEOUT_S = 30.0
_LEASE_MS = 120_000
"""How long one version may take before another node may begin it anew."""
_POLL_S = 0.3
_AGREEMENT_S = 10.0
_TABLE = """CREATE TABLE IF NOT EXISTS schema_version (
    name text PRIMARY KEY, version int, migrating_by text, migrating_until_ms bigint, durability text
)"""
_READ = Prepared("SELECT version, migrating_by, migrating_until_ms, durability FROM schema_version WHERE name = 'croupier'")
_READ_OLDEST = Prepared("SELECT version FROM schema_version WHERE name = 'oldest'")
"""A migration that does more than add writes this row, in its file; those that only add leave it alone, so older programs go on."""
_MAKE = Prepared(
    "INSERT INTO schema_version (name, version, migrating_by, migrating_until_ms, durability) VALUES ('croupier', 0, '', 0, ?) IF NOT EXISTS"
)
_BEGIN = Prepared(
    "UPDATE schema_version SET migrating_by = ?, migrating_until_ms = ? WHERE name = 'croupier' IF version = ? AND migrating_until_ms = ?"
)
_END = Prepared(
    "UPDATE schema_version SET version = ?, migrating_by = '', migrating_until_ms = 0 WHERE name = 'croupier' IF version = ? AND migrating_by = ?"
)


class SchemaVersion(Struct, frozen=True):
    """What a keyspace says of itself; version 0 where it says nothing."""

    version: int = 0
    migrating_by: str = ""
    """Who has begun the next version and not ended it."""
    migrating_until_ms: int = 0
    durability: str = ""
    """The class that the keyspace was made for: each partition stays in one Paxos domain for life."""
    oldest: int = 0
    """What a program must know at least: the last version that did more than add. No program knows less than 0."""


def migrations() -> list[list[str]]:
    """The statements of each version, from 1."""
    folder = resources.files("croupier.stores.cassandra") / "schema"
    texts = [path.read_text() for path in sorted(folder.iterdir(), key=lambda path: path.name) if path.name.endswith(".cql")]
    return [split(text) for text in texts]


def split(text: str) -> list[str]:
    """The statements of a file, without its comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [statement for part in "\n".join(lines).split(";") if (statement := part.strip())]


async def version(driver: Driver, levels: Levels, keyspace: str) -> SchemaVersion:
    """What the keyspace says of itself. Raises DriverError."""
    tables = await driver.run(f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'", _TIMEOUT_S)
    if ("schema_version",) not in tables:
        return SchemaVersion()
    for statement in (_READ, _READ_OLDEST):
        await driver.prepare(statement.cql)
    return await _read(driver, levels)


async def migrate(driver: Driver, levels: Levels, durability: str, by: str) -> SchemaVersion:
    """Brings the keyspace up to date, in the name of `by`, which no other process has. Raises DriverError, StoreUnusable."""
    await driver.run(_TABLE, _TIMEOUT_S)
    await agreed(driver)
    for statement in (_READ, _READ_OLDEST, _MAKE, _BEGIN, _END):
        await driver.prepare(statement.cql)
    await _changed(driver, levels, _MAKE, [durability])
    known = migrations()
    while True:
        found = await _read(driver, levels)
        _refuse_other(found, durability)
        if found.version >= len(known):
            return found
        until_ms = _now_ms() + _LEASE_MS
        begin: list[Value] = [by, until_ms, found.version, found.migrating_until_ms]
        if found.migrating_until_ms > _now_ms() or not await _changed(driver, levels, _BEGIN, begin):
            await asyncio.sleep(_POLL_S)
            continue
        for text in known[found.version]:
            await driver.run(text, _TIMEOUT_S)
        await agreed(driver)
        await _changed(driver, levels, _END, [found.version + 1, found.version, by])


def refuse(found: SchemaVersion, durability: str) -> None:
    """Raises StoreUnusable where the keyspace is not one to start on."""
    _refuse_other(found, durability)
    newest = len(migrations())
    if found.version < newest and found.migrating_by:
        raise StoreUnusable(
            f"a migration of the keyspace to version {found.version + 1} was begun by {found.migrating_by} and has not ended; run croupier migrate --apply"
        )
    if found.version < newest:
        raise StoreUnusable(f"the keyspace has schema version {found.version}, this program needs {newest}; run croupier migrate --apply")


def _refuse_other(found: SchemaVersion, durability: str) -> None:
    """Raises StoreUnusable where the keyspace is no longer one for this program, or is of another class. One that a newer program only added to is one."""
    if found.oldest > len(migrations()):
        raise StoreUnusable(
            f"the keyspace has schema version {found.version}, for programs that know version {found.oldest}, "
            f"and this one knows {len(migrations())}; use a newer croupier"
        )
    if found.durability and found.durability != durability:
        raise StoreUnusable(
            f"the keyspace was made for durability class {found.durability}, not {durability}; a wallet's writes may never be mixed between two classes"
        )


async def _read(driver: Driver, levels: Levels) -> SchemaVersion:
    rows = await driver.query(_READ, [], levels.serial, _TIMEOUT_S)
    if not rows:
        return SchemaVersion()
    oldest = await driver.query(_READ_OLDEST, [], levels.serial, _TIMEOUT_S)
    return SchemaVersion(*rows[0], oldest=oldest[0][0] if oldest else 0)


async def agreed(driver: Driver) -> None:
    """Waits until every node knows the tables, or would refuse writes to them; not for long, since one that is down keeps its old version."""
    deadline = time.monotonic() + _AGREEMENT_S
    while time.monotonic() < deadline:
        versions = {
            row[0] for table in ("local", "peers_v2") for row in await driver.run(f"SELECT schema_version FROM system.{table}", _TIMEOUT_S)
        }
        if len(versions) == 1:
            return
        await asyncio.sleep(_POLL_S)


async def _changed(driver: Driver, levels: Levels, statement: Prepared, values: list[Value]) -> bool:
    return (await driver.conditional([(statement, values)], levels, _TIMEOUT_S)).applied


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
