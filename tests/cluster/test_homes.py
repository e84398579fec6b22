"""Class home on three real regions: who decides for a wallet, how that moves, cut off at each step, and what is left when a region is given up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from croupier.config import Config
from croupier.errors import StoreUnreachable, StoreUnusable
from croupier.model import Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.command import wallet_key
from croupier.stores.cassandra import opening, statements
from croupier.stores.cassandra.driver import LOCAL
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult, EntryQuery
from tests.cluster.machines import REGIONS, Ring
from tests.conformance.candidates import config_on
from tests.conformance.rings import Death, Killed, Node
from tests.conformance.writes import transfer_row, write_on

APPLIED, REFUSED = CommitResult.APPLIED, CommitResult.REFUSED
pytestmark = pytest.mark.timeout(120, func_only=True)
_number = iter(range(1_000))


@pytest.fixture(scope="module")
def config(three_regions: Ring) -> Config:
    """A keyspace of class home with one replica in each region, which is enough to try who decides."""
    config = config_on(three_regions, f"homes_{os.getpid()}")
    config = structs.replace(
        config, cassandra=structs.replace(config.cassandra, durability="home", accept=("replicas",), request_timeout_s=3.0)
    )
    asyncio.run(_make(config))
    return config


@pytest.fixture
async def nodes(config: Config) -> AsyncIterator[dict[str, CassandraStore]]:
    """One store for each region."""
    stores = {region: CassandraStore(structs.replace(config, region=region)) for region in REGIONS}
    for store in stores.values():
        await store.open()
    yield stores
    for store in stores.values():
        store.close()


@pytest.fixture
def wallet() -> WalletKey:
    return WalletKey("homes", f"player {next(_number)}", "EUR")


async def _make(config: Config) -> None:
    await opening.create_keyspace(config, dict.fromkeys(REGIONS, 1))
    await opening.migrate(config, "test")


async def head_of(store: CassandraStore, key: WalletKey) -> Wallet | None:
    head = (await store.load([wallet_key(key)]))[wallet_key(key)]
    assert head is None or isinstance(head, Wallet)
    return head


async def check(store: CassandraStore, key: WalletKey, revision: int) -> None:
    """The ledger as `store` sees it is whole and ends where it should."""
    entries = await store.entries(EntryQuery(key, 1_000, oldest_first=True))
    assert [entry.revision for entry in entries] == list(range(1, revision + 1))
    chain = ledger.new_wallet(key, 0).chain_hash
    for entry in entries:
        assert entry.chain_hash == ledger.chain(chain, entry)
        chain = entry.chain_hash


async def test_a_wallet_has_the_home_of_who_made_it(nodes: dict[str, CassandraStore], wallet: WalletKey) -> None:
    """Every region reads and writes a wallet where its home is; two that make it at once agree on one home."""
    made = write_on(wallet, None, creates=[transfer_row(wallet, 1)])
    results = await asyncio.gather(nodes["us"].commit([made]), nodes["asia"].commit([made]))
    assert sorted(result.value for (result,) in results) == ["applied", "refused"]
    known = {await store.home_of(wallet) for store in nodes.values()}
    assert len(known) == 1 and known < {"us", "asia"}
    head = made.wallet
    for number, store in enumerate([*nodes.values(), *nodes.values()], start=2):
        write = write_on(wallet, head, creates=[transfer_row(wallet, number)])
        assert await store.commit([write]) == [APPLIED]
        head = write.wallet
    for store in nodes.values():
        assert await head_of(store, wallet) == head
        await check(store, wallet, 7)


async def test_a_home_moves_while_it_is_played_at(nodes: dict[str, CassandraStore], wallet: WalletKey) -> None:
    """Writers in two regions and a home that goes round: every write has one effect, and the ledger is whole."""
    first = write_on(wallet, None)
    await nodes["eu"].commit([first])

    async def write(store: CassandraStore, numbers: range) -> None:
        for number in numbers:
            while True:
                made = write_on(wallet, await head_of(store, wallet), creates=[transfer_row(wallet, number)])
                if await store.commit([made]) == [APPLIED]:
                    break

    async def go_round() -> None:
        for region in ("us", "asia", "eu", "us"):
            assert await nodes["asia"].move_home(wallet, region)

    await asyncio.gather(write(nodes["eu"], range(10, 20)), write(nodes["us"], range(30, 40)), go_round())
    assert {await store.home_of(wallet) for store in nodes.values() if await head_of(store, wallet)} == {"us"}
    for store in nodes.values():
        await check(store, wallet, 21)
    assert await nodes["eu"].commit([write_on(wallet, await head_of(nodes["eu"], wallet), creates=[transfer_row(wallet, 15)])]) == [REFUSED]


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [statements.CLOSE_FOR_MOVE, statements.OPEN_PARTITION], ids=["close", "open"])
async def test_a_move_that_was_cut_off_is_finished(
    config: Config, nodes: dict[str, CassandraStore], wallet: WalletKey, step: object, *, is_sent: bool
) -> None:
    """A program that ends at any step of a move leaves a wallet that the next one plays on, and a move that may be made again."""
    first = write_on(wallet, None)
    await nodes["eu"].commit([first])
    dying = Node(config, Death(step, is_sent))  # type: ignore[arg-type]
    await dying.open()
    with pytest.raises(Killed):
        await dying.move_home(wallet, "us")
    head = await head_of(nodes["asia"], wallet)
    assert head is not None and head.revision == 1
    write = write_on(wallet, head)
    assert await nodes["asia"].commit([write]) == [APPLIED]
    assert await nodes["eu"].move_home(wallet, "us")
    assert await nodes["us"].home_of(wallet) == "us"
    await check(nodes["us"], wallet, 2)
    dying.close()


async def test_a_region_that_is_given_up(three_regions: Ring, config: Config, nodes: dict[str, CassandraStore]) -> None:
    """Where a home is lost, its wallets stop until the operator gives the region up; then another one goes on from what its replicas have, and says so."""
    wallets = [WalletKey("lost", f"player {number}", "EUR") for number in range(5)]
    made = [write_on(wallet, None, count=3, creates=[transfer_row(wallet, 1)]) for wallet in wallets]
    assert await nodes["eu"].commit(made) == [APPLIED] * 5
    await asyncio.sleep(1)  # What the other regions get, they get after the answer.
    three_regions.cluster.kill("cassandra-1")
    with pytest.raises(StoreUnreachable):
        await head_of(nodes["us"], wallets[0])
    await nodes["us"].give_up("eu", "us", "operator")
    heads = [await head_of(nodes["us"], wallet) for wallet in wallets]
    assert [head and (head.revision, head.balance_micros) for head in heads] == [(3, 15)] * 5
    assert await nodes["us"].home_of(wallets[0]) == "us"
    for store, wallet in zip((nodes["us"], nodes["asia"], nodes["us"]), wallets, strict=False):
        write = write_on(wallet, await head_of(store, wallet), creates=[transfer_row(wallet, 2)])
        assert await store.commit([write]) == [APPLIED]
        assert await store.commit([write_on(wallet, write.wallet, creates=[transfer_row(wallet, 1)])]) == [REFUSED]
        await check(nodes["us"], wallet, 4)
    three_regions.cluster.mend()
    back = CassandraStore(structs.replace(config, region="eu"))
    with pytest.raises(StoreUnusable, match="region eu was given up for us: rebuild its data from the others' and take it back first"):
        await back.open()
    stray = await strayed(config, wallets[4])
    assert await nodes["us"].take_back("eu", "operator") == [wallets[4]]
    with pytest.raises(StoreUnusable, match="region eu was given up"):
        await back.open()
    await undo(config, wallets[4], stray)
    assert await nodes["us"].take_back("eu", "operator") == []
    await back.open()
    assert [await back.home_of(wallet) for wallet in wallets] == ["us"] * 5
    assert await nodes["asia"].move_home(wallets[0], "eu")
    for store in (*nodes.values(), back):
        write = write_on(wallets[0], await head_of(store, wallets[0]))
        assert await store.home_of(wallets[0]) == "eu"
        assert await store.commit([write]) == [APPLIED]
    await check(back, wallets[0], 8)
    back.close()


async def strayed(config: Config, wallet: WalletKey) -> int:
    """What a node of the lost region does that nobody stopped: one more write to the partition that the heir went on from; the revision before."""
    return await _set_revision(config, wallet, "revision + 1")


async def undo(config: Config, wallet: WalletKey, revision: int) -> None:
    """The region's data is made anew."""
    await _set_revision(config, wallet, str(revision))


async def _set_revision(config: Config, wallet: WalletKey, to: str) -> int:
    driver = opening.connecting(structs.replace(config, region="eu"))
    await driver.connect()
    where = f"operator = '{wallet.operator}' AND player = '{wallet.player}' AND currency = '{wallet.currency}' AND epoch = 1"
    ((before,),) = await driver.run(f"SELECT revision FROM wallet WHERE {where} LIMIT 1", 5)
    after = before + 1 if to == "revision + 1" else int(to)
    await driver.conditional([(await driver.prepare(f"UPDATE wallet SET revision = ? WHERE {where} IF closed = false"), [after])], LOCAL, 5)
    driver.close()
    return before
