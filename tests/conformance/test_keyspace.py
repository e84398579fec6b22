"""A keyspace from its making to a node's start on it: migrations by many and cut off, and every refusal in one sentence."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from croupier.cli import croupier
from croupier.config import Config
from croupier.dev.engine import toml
from croupier.errors import StoreUnusable
from croupier.stores.cassandra import contract, opening, schema
from croupier.stores.cassandra.driver import LOCAL, Applied
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult
from tests.cluster.machines import Ring
from tests.conformance.candidates import config_on
from tests.conformance.rings import ADDS, Death, DyingDriver, Killed, LyingDriver, migrated_by_the_next
from tests.conformance.writes import ANN, write_on

pytestmark = pytest.mark.timeout(60, func_only=True)
NEWEST = len(schema.migrations())
_number = iter(range(1_000))


@pytest.fixture
async def config(cassandra: Ring) -> AsyncIterator[Config]:
    """Settings for a keyspace that is not there yet."""
    config = config_on(cassandra, f"keyspace_{os.getpid()}_{next(_number)}")
    yield config
    if cassandra.running:
        return  # Its whole ring goes.
    driver = opening.connecting(config, keyspace="")
    await driver.connect()
    await driver.run(f"DROP KEYSPACE IF EXISTS {config.cassandra.keyspace}", 20)
    driver.close()


def changed(config: Config, **settings: object) -> Config:
    return structs.replace(config, cassandra=structs.replace(config.cassandra, **settings))


async def start(config: Config) -> None:
    store = CassandraStore(config)
    await store.open()
    store.close()


async def test_many_migrate_at_once(config: Config) -> None:
    """A node does not start without a keyspace, nor on an empty one; of many that migrate one does each version, and then all start."""
    with pytest.raises(StoreUnusable, match=r"there is no keyspace .* make it with croupier migrate --apply --create-keyspace"):
        await start(config)
    await asyncio.gather(*(opening.create_keyspace(config, {config.region: 1}) for _ in range(2)))
    with pytest.raises(StoreUnusable, match=f"has schema version 0, this program needs {NEWEST}; run croupier migrate --apply"):
        await start(config)
    versions = await asyncio.gather(*(opening.migrate(config, f"node-{number}") for number in range(3)))
    assert {found.version for found in versions} == {len(schema.migrations())}
    await asyncio.gather(start(config), start(config))


async def test_a_migration_that_was_cut_off(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration whose node died half way keeps nodes from starting, with a sentence that names it; it is finished by running it again."""
    await opening.create_keyspace(config, {config.region: 1})
    monkeypatch.setattr(schema, "_LEASE_MS", 500)
    driver = opening.connecting(config)
    await driver.connect()
    dying = DyingDriver(driver, Death(schema._END, is_sent=False))
    with pytest.raises(Killed):
        await schema.migrate(dying, LOCAL, "local", "node-9, process 1")
    driver.close()
    with pytest.raises(
        StoreUnusable, match="a migration of the keyspace to version 1 was begun by node-9, process 1 and has not ended; run croupier"
    ):
        await start(config)
    assert (await opening.migrate(config, "node-1")).version == NEWEST
    await start(config)


async def test_a_keyspace_that_the_next_version_added_to(config: Config) -> None:
    """A node goes on, and starts again, on a keyspace that the next version adds to; where that did more than add, the start is refused in a sentence."""
    await opening.create_keyspace(config, {config.region: 1})
    await opening.migrate(config, "node-1")
    known = schema.migrations()
    store = CassandraStore(config)
    await store.open()
    first = write_on(ANN, None)
    assert await store.commit([first]) == [CommitResult.APPLIED]
    assert await migrated_by_the_next(config, [*known, ADDS]) == NEWEST + 1
    assert await store.commit([write_on(ANN, first.wallet)]) == [CommitResult.APPLIED]
    store.close()
    assert (await opening.migrate(config, "node-1")).version == NEWEST + 1
    await start(config)
    needed = [f"INSERT INTO schema_version (name, version) VALUES ('oldest', {NEWEST + 2})"]
    assert await migrated_by_the_next(config, [*known, ADDS, needed]) == NEWEST + 2
    names = (
        f"has schema version {NEWEST + 2}, for programs that know version {NEWEST + 2}, and this one knows {NEWEST}; use a newer croupier"
    )
    for refused in (start(config), opening.migrate(config, "node-1")):
        with pytest.raises(StoreUnusable, match=names):
            await refused


async def test_settings_that_do_not_fit(config: Config) -> None:
    """No node named, none that answers, none in the own region, a bad name, another class, another program's version: one sentence each."""
    await opening.create_keyspace(config, {config.region: 1})
    await opening.migrate(config, "node-1")
    region = config.region
    for bad, names in (
        (changed(config, contact_points={}), "no node of Cassandra is named; set cassandra.contact_points"),
        (changed(config, contact_points={region: ("127.0.22.250:9",)}), "Cassandra at 127.0.22.250:9 cannot be used"),
        (changed(config, contact_points={region: ("nowhere",)}), "is not host:port"),
        (structs.replace(config, region="mars"), "names no node of this node's own region, mars"),
        (changed(config, keyspace="no-name"), "'no-name' cannot be a keyspace's name"),
        (changed(config, durability="geo"), "class geo needs three replicas at least"),
        (changed(config, durability="geo", accept=("replicas",)), "the keyspace was made for durability class local, not geo"),
    ):
        with pytest.raises(StoreUnusable, match=names):
            await start(bad)


async def test_the_contract_is_checked(config: Config) -> None:
    """The start-up check passes on this server, and fails where an answer is otherwise."""
    await opening.create_keyspace(config, {config.region: 1})
    await opening.migrate(config, "node-1")
    driver = opening.connecting(config)
    await driver.connect()
    await contract.check(driver, LOCAL, 2.0)
    for lie, names in (
        (Applied(True, {}), "a partition was made twice"),
        (Applied(False, {}), "a new partition was refused"),
    ):
        with pytest.raises(StoreUnusable, match=f"this Cassandra does not do what wallets rest on: {names}"):
            await contract.check(LyingDriver(driver, lie), LOCAL, 2.0)
    driver.close()


def test_the_command_line(config: Config, tmp_path: Path) -> None:
    """`croupier migrate` shows a keyspace's version, makes it only when asked to, and brings it up to date."""
    file = tmp_path / "node.toml"
    points = {region: list(points) for region, points in config.cassandra.contact_points.items()}
    settings = {"contact_points": points, "keyspace": config.cassandra.keyspace, "durability": "local"}
    file.write_text(toml({"store": "cassandra", "region": config.region, "cassandra": settings}))

    def migrate(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(croupier, ["migrate", "--config", str(file), *arguments])
        return done.exit_code, done.output

    assert migrate()[0] != 0 and "there is no keyspace" in migrate("--apply")[1]
    assert migrate("--create-keyspace")[0] == 2
    code, output = migrate("--apply", "--create-keyspace", "--replicas", f"{config.region}=1", "--json")
    assert code == 0 and json.loads(output)["version"] == json.loads(output)["newest"] == NEWEST
    assert json.loads(migrate("--json")[1]) | {"keyspace": ""} == {
        "keyspace": "",
        "version": NEWEST,
        "was": NEWEST,
        "newest": NEWEST,
        "pending": 0,
        "begun_by": "",
        "durability": "local",
    }
