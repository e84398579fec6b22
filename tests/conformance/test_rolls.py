"""An epoch that ends closes its partition of Cassandra and opens the next: cut off at each step, and by nodes that do not know what became of a batch."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from croupier.config import Config
from croupier.errors import StoreUnreachable, TooLarge
from croupier.model import Key, Row, Transfer, TransferKind, Wallet, WalletKey, WalletWrite, epoch_key
from croupier.operations import ledger
from croupier.operations.command import wallet_key
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult, EntryQuery
from tests.conformance.rings import Death, Killed, Node
from tests.conformance.writes import transfer_row, write_on

APPLIED, REFUSED, UNKNOWN = CommitResult.APPLIED, CommitResult.REFUSED, CommitResult.UNKNOWN
STEPS = {
    "the batch that closes": statements.UPDATE_HEAD,
    "reading the last ids": statements.READ_LAST_ID,
    "opening the next": statements.OPEN_PARTITION,
    "moving the hint": statements.INDEX_WALLET,
}
pytestmark = pytest.mark.timeout(60, func_only=True)
_number = iter(range(1_000_000))


@pytest.fixture
def wallet() -> WalletKey:
    """One that no other test has."""
    return WalletKey("rolls", f"player {next(_number)}", "EUR")


async def opened(keyspace: Config, death: Death | None = None, unsure: tuple[random.Random, float] | None = None) -> Node:
    store = Node(keyspace, death, unsure)
    await store.open()
    return store


async def head_of(store: CassandraStore, key: WalletKey) -> Wallet | None:
    head = (await store.load([wallet_key(key)]))[wallet_key(key)]
    assert head is None or isinstance(head, Wallet)
    return head


async def settle(store: CassandraStore, write: WalletWrite) -> CommitResult:
    """What a runner makes of a write: sent again until its fate is known."""
    result = UNKNOWN
    while result is UNKNOWN:
        result = (await store.commit([write]))[0]
    if result is REFUSED:
        last = write.entries[-1]
        found = await store.entries(EntryQuery(write.key, limit=1, before_revision=last.revision + 1))
        return APPLIED if found and found[0].chain_hash == last.chain_hash else REFUSED
    return result


async def check(store: CassandraStore, key: WalletKey, rows: dict[Key, Row]) -> None:
    """The ledger is whole: revisions without gaps, the chain unbroken, every epoch closed, every row there, and the index knows the wallet."""
    head = await head_of(store, key)
    assert head is not None
    entries = await store.entries(EntryQuery(key, head.revision + 10, oldest_first=True))
    assert [entry.revision for entry in entries] == list(range(1, head.revision + 1))
    assert entries[::-1] == await store.entries(EntryQuery(key, head.revision + 10))
    chain = ledger.new_wallet(key, 0).chain_hash
    for entry in entries:
        assert entry.chain_hash == ledger.chain(chain, entry)
        chain = entry.chain_hash
    assert head.chain_hash == chain and head.balance_micros == 5 * len(entries)
    epochs = [epoch_key(key, number) for number in range(1, head.epoch)]
    assert all((await store.load(epochs)).values())
    assert await store.load(list(rows)) == rows


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_roll_is_finished_by_whoever_comes_next(keyspace: Config, wallet: WalletKey, step: str, *, is_sent: bool) -> None:
    """A node that ends at any step of a roll leaves nothing half done that the next node does not finish; the write has one effect."""
    first = write_on(wallet, None, count=2, creates=[transfer_row(wallet, 1)])
    dying = await opened(
        keyspace, Death(STEPS[step], is_sent, 2 if STEPS[step] in (statements.OPEN_PARTITION, statements.INDEX_WALLET) else 1)
    )
    assert await dying.commit([first]) == [APPLIED]
    write = write_on(wallet, first.wallet, count=2, creates=[transfer_row(wallet, 2)], rolls=1)
    with pytest.raises(Killed):
        await dying.commit([write])
    assert dying.dying and dying.dying.happened
    store = await opened(keyspace)
    assert await settle(store, write) is APPLIED
    assert await store.commit([write]) == [REFUSED]
    later = write_on(wallet, write.wallet, creates=[transfer_row(wallet, 9)])
    assert await store.commit([later]) == [APPLIED]
    await check(store, wallet, dict([*first.creates, *write.creates, *later.creates]))
    store.close()
    dying.close()


async def test_readers_finish_a_roll_too(keyspace: Config, wallet: WalletKey) -> None:
    """A look-up that meets a closed partition opens the next one and answers; several at once do no harm."""
    first = write_on(wallet, None)
    dying = await opened(keyspace, Death(statements.OPEN_PARTITION, is_sent=False, passing=2))
    await dying.commit([first])
    write = write_on(wallet, first.wallet, rolls=1)
    with pytest.raises(Killed):
        await dying.commit([write])
    stores = [await opened(keyspace) for _ in range(4)]
    assert await asyncio.gather(*(head_of(store, wallet) for store in stores)) == [write.wallet] * 4
    assert sum(store.counts.opened for store in stores) == 1
    for store in (*stores, dying):
        store.close()


async def test_ids_stay_known_over_epochs(node: CassandraStore, keyspace: Config, wallet: WalletKey) -> None:
    """S4: an id that was used in an earlier epoch is refused in a later one, by a node that rolled and by one that comes anew."""
    write = write_on(wallet, None, creates=[transfer_row(wallet, 50), transfer_row(wallet, 7)])
    await node.commit([write])
    rows = dict(write.creates)
    for number in (60, 55, 70):
        write = write_on(wallet, write.wallet, creates=[transfer_row(wallet, number)], updates=[transfer_row(wallet, 7, number)], rolls=1)
        assert await node.commit([write]) == [APPLIED]
        rows.update([*write.creates, *write.updates])
    assert node.counts.rolls == 3
    fresh = await opened(keyspace)
    for store in (node, fresh):
        for number in (7, 50, 55, 60, 70):
            assert await store.commit([write_on(wallet, write.wallet, creates=[transfer_row(wallet, number)])]) == [REFUSED]
        assert await store.load(list(rows)) == rows
    await check(fresh, wallet, rows)
    fresh.close()


async def test_a_new_id_costs_one_read(node: CassandraStore, wallet: WalletKey) -> None:
    """An id made after the last epoch's ids is looked for in no earlier partition."""
    write = write_on(wallet, None, creates=[transfer_row(wallet, 1)])
    await node.commit([write])
    for number in (2, 3):
        write = write_on(wallet, write.wallet, creates=[transfer_row(wallet, number)], rolls=1)
        await node.commit([write])
    place = node._places.of(wallet).place
    assert place is not None and place.number == write.wallet.epoch and place.ids_until_ms == 3
    asked = count_reads(node)
    assert await node.load([wallet_key(wallet), transfer_row(wallet, 4)[0]]) == {
        wallet_key(wallet): write.wallet,
        transfer_row(wallet, 4)[0]: None,
    }
    assert await node.commit([write_on(wallet, write.wallet, creates=[transfer_row(wallet, 4)])]) == [APPLIED]
    assert asked == [1]
    assert (await node.load([transfer_row(wallet, 1)[0]]))[transfer_row(wallet, 1)[0]] is not None
    assert asked == [4]


async def test_one_write_may_close_several_epochs(node: CassandraStore, keyspace: Config, wallet: WalletKey) -> None:
    """What many calls decided together may begin more than one epoch, even in the write that makes the wallet."""
    first = write_on(wallet, None, count=4, rolls=4, creates=[transfer_row(wallet, 1)])
    second = write_on(wallet, first.wallet, count=3, rolls=2, creates=[transfer_row(wallet, 2)])
    third = write_on(wallet, second.wallet)
    for write in (first, second, third):
        assert await node.commit([write]) == [APPLIED]
    fresh = await opened(keyspace)
    await check(fresh, wallet, dict([*first.creates, *second.creates]))
    fresh.close()


async def test_a_write_that_is_too_large_is_refused_and_changes_nothing(node: CassandraStore, wallet: WalletKey) -> None:
    """What the servers could not take is refused before it is sent, in a sentence; nothing of it is there."""
    write = write_on(wallet, None)
    await node.commit([write])
    row = Transfer(bytes(16), TransferKind.DEPOSIT, 5, "x" * node.max_write_bytes, 5, 1, 0)
    with pytest.raises(TooLarge, match="takes more than 1048576 bytes to store; nothing was done"):
        await node.commit([write_on(wallet, write.wallet, updates=[(Key(wallet, "transfer", row.id), row)])])
    assert await head_of(node, wallet) == write.wallet


@pytest.mark.parametrize("seed", range(6))
async def test_nodes_that_do_not_know_what_became_of_a_batch(keyspace: Config, wallet: WalletKey, seed: int) -> None:
    """Two nodes write to one wallet with rolls; a third of their batches are lost, applied or held back, and told as unknown, openings too."""
    chance = random.Random(seed)
    nodes = [await opened(keyspace, unsure=(chance, 0.33)) for _ in range(2)]
    rows: dict[Key, Row] = {}
    for number in range(1, 16):
        store = chance.choice(nodes)
        while True:
            head = await certain_head(store, wallet)
            write = write_on(
                wallet, head, count=chance.randint(1, 3), creates=[transfer_row(wallet, number)], rolls=chance.choice([0, 0, 1, 2])
            )
            if await settle(store, write) is APPLIED:
                break
        rows.update(write.creates)
    fresh = await opened(keyspace)
    await check(fresh, wallet, rows)
    for store in (*nodes, fresh):
        store.close()


async def certain_head(store: CassandraStore, key: WalletKey) -> Wallet | None:
    """The head, asked for until the store can answer."""
    while True:
        with suppress(StoreUnreachable):
            return await head_of(store, key)


def count_reads(store: CassandraStore) -> list[int]:
    """Counts the serial reads from now on."""
    counted = [0]
    link = store._links.world
    read = link.read

    async def counting(statement: object, values: object) -> object:
        counted[0] += 1
        return await read(statement, values)  # type: ignore[arg-type]

    link.read = counting  # type: ignore[method-assign,assignment]
    return counted
