"""`croupier cluster region` on three real regions of class home: a planned move loses nothing, and a lost region is given up only once its loss was told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import structs

from croupier.cli import exits
from croupier.config import Config, load
from croupier.dev.engine import toml
from croupier.model import WalletKey
from croupier.stores.cassandra import opening
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult
from tests.cluster.commands import croupier
from tests.cluster.machines import REGIONS, Ring
from tests.conformance.writes import transfer_row, write_on

pytestmark = pytest.mark.timeout(180)
WALLETS = [WalletKey("moves", f"player {number}", "EUR") for number in range(4)]


@pytest.fixture
def file(three_regions: Ring, tmp_path: Path) -> Path:
    """Settings of a node in `eu`, in a keyspace of class home with one replica a region, which is enough to try who decides."""
    points = {
        region: [f"{address}:{three_regions.port}" for address in addresses] for region, addresses in three_regions.contact_points.items()
    }
    keyspace = {"keyspace": f"region_{os.getpid()}", "durability": "home", "accept": ["replicas"], "contact_points": points}
    path = tmp_path / "settings.toml"
    path.write_text(toml({"store": "cassandra", "region": "eu", "cassandra": keyspace}))
    asyncio.run(_make(load(path)))
    return path


@asynccontextmanager
async def store_in(config: Config, region: str) -> AsyncIterator[CassandraStore]:
    store = CassandraStore(structs.replace(config, region=region))
    await store.open()
    yield store
    store.close()


async def _make(config: Config) -> None:
    await opening.create_keyspace(config, dict.fromkeys(REGIONS, 1))
    await opening.migrate(config, "test")


async def homes(config: Config) -> list[str]:
    """Where each wallet has its home, by the word of a region that takes part in nothing."""
    async with store_in(config, "asia") as store:
        return [await store.home_of(wallet) for wallet in WALLETS]


async def test_homes_move_and_a_lost_region_is_given_up(three_regions: Ring, file: Path) -> None:
    """One wallet, then all of them, from eu to us and back; then eu dies, nothing moves by itself, and with --accept-loss its wallets go on in us."""
    config = load(file)
    async with store_in(config, "eu") as store:
        made = [write_on(wallet, None, count=2, creates=[transfer_row(wallet, 1)]) for wallet in WALLETS]
        assert await store.commit(made) == [CommitResult.APPLIED] * 4
    one = await croupier("cluster", "region", "move", "eu", "--to", "us", "--wallet", str(WALLETS[0]), "--json", "--config", file)
    assert one.value["moved"] == 1
    assert await homes(config) == ["us", "eu", "eu", "eu"]
    rest = await croupier("cluster", "region", "move", "eu", "--to", "us", "--config", file)
    assert rest.out == "3 wallets of eu have their home in us now\n"
    back = await croupier("cluster", "region", "move", "us", "--to", "eu", "--json", "--config", file)
    assert back.value["moved"] == 4
    await asyncio.sleep(1)  # What the other regions get, they get after the answer.
    three_regions.cluster.kill("cassandra-1")
    waits = await croupier("cluster", "region", "move", "eu", "--to", "us", "--config", file)
    assert waits.exit_code == exits.UNUSABLE and "--accept-loss gives it up" in waits.err, waits
    asked = await croupier("cluster", "region", "move", "eu", "--to", "us", "--accept-loss", "--config", file)
    assert asked.exit_code == exits.INTERRUPTED
    assert asked.err.startswith("us has 4 wallets of eu, which hold ")
    assert "all that eu has acknowledged since then is lost" in asked.err
    given = await croupier("cluster", "region", "move", "eu", "--to", "us", "--accept-loss", "--yes", "--json", "--config", file)
    assert (given.value["given_up"], given.value["wallets"]) == (True, 4)
    assert await homes(config) == ["us"] * 4
    assert (await croupier("cluster", "list", "--json", "--config", file)).value["given_up"] == {"eu": "us"}
    three_regions.cluster.mend()
    again = await croupier("cluster", "region", "take-back", "eu", "--json", "--config", file)
    assert (again.exit_code, again.value) == (0, {"region": "eu", "taken_back": True, "wallets": []})


@pytest.mark.parametrize(
    ("words", "durability", "said"),
    [
        (["move", "eu", "--to", "us"], "geo", "only in durability class home do wallets have a home region"),
        (["move", "eu", "--to", "mars"], "home", "the settings know no region mars; there are eu, us"),
        (["move", "eu", "--to", "eu"], "home", "eu is the home of its wallets already"),
        (["move", "eu", "--to", "us", "--wallet", "ann"], "home", "--wallet is operators/{operator}/players/{player}/wallets/{currency}, not 'ann'"),
    ],
    ids=["no homes", "no such region", "the same", "no wallet"],
)  # fmt: skip
async def test_a_wrong_move_is_one_sentence(tmp_path: Path, words: list[str], durability: str, said: str) -> None:
    """Nothing is asked of any server before."""
    path = tmp_path / "settings.toml"
    points = {"eu": ["127.0.0.1:1"], "us": ["127.0.0.1:2"]}
    path.write_text(toml({"store": "cassandra", "region": "eu", "cassandra": {"durability": durability, "contact_points": points}}))
    result = await croupier("cluster", "region", *words, "--config", path)
    assert result.exit_code != 0
    assert said in result.err and result.err.count("\n") == 1
