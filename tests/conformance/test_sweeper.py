"""The sweeper goes after what dead nodes left, in order, under its fence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import structs

from croupier.cluster.membership import Member, Term, TermLost
from croupier.config import Config
from croupier.jobs.sweep import SINGLETON, Sweeper
from croupier.model import Wallet, WalletKey, WalletWrite
from croupier.operations import ledger
from croupier.server import clock_ms
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult, FencedRecord
from tests.conformance.rings import Death, Killed, Node
from tests.conformance.writes import NOW_MS, write_on

pytestmark = pytest.mark.timeout(60, func_only=True)
WALLET = WalletKey("sweeps", "ann", "EUR")


async def test_what_a_dead_node_left_is_finished_and_told(keyspace: Config, node: CassandraStore) -> None:
    """A node dies between closing a partition and opening the next: the sweeper opens it, tells of the wallet, and moves its mark; once."""
    dying = Node(structs.replace(keyspace, node="dead"), Death(statements.OPEN_PARTITION, False, 2))
    await dying.open()
    first = write_on(WALLET, None)
    assert await dying.commit([first]) == [CommitResult.APPLIED]
    with pytest.raises(Killed):
        await dying.commit([rolling(WALLET, first.wallet)])
    later_ms = (clock_ms() // node.dirty_bucket_ms + 1) * node.dirty_bucket_ms
    await node.put_fenced(FencedRecord(SINGLETON, "bucket", str(later_ms // node.dirty_bucket_ms - 3).encode()), await fence(node))
    told: set[WalletKey] = set()
    job = sweeper(node, [Member("alive", "eu", "alive:1", "0", start_ms=0)], later_ms, told)
    term = Term(SINGLETON, await fence(node), "alive")
    await job.step(term)
    assert WALLET in told
    assert await node._partitions.read(WALLET, 2) is not None
    told.clear()
    await job.step(term)
    assert not told


async def test_living_nodes_are_left_alone(keyspace: Config, node: CassandraStore) -> None:
    """Notes of a node that has lived since before they were written are its own business; those of an earlier life of it are not."""
    await node.commit([write_on(wallet_of("bob"), None)])
    later_ms = (clock_ms() // node.dirty_bucket_ms + 1) * node.dirty_bucket_ms
    for start_ms, expected in ((0, False), (later_ms, True)):
        told: set[WalletKey] = set()
        current = await fence(node)
        await node.put_fenced(FencedRecord(SINGLETON, "bucket", str(later_ms // node.dirty_bucket_ms - 3).encode()), current)
        await sweeper(node, [Member(keyspace.node, "eu", "here:1", "0", start_ms=start_ms)], later_ms, told).step(
            Term(SINGLETON, current, "alive")
        )
        assert (wallet_of("bob") in told) is expected


async def test_a_leader_that_was_replaced_cannot_move_the_mark(node: CassandraStore) -> None:
    """The store refuses its write, and it gives up its term."""
    old = Term(SINGLETON, await fence(node), "old")
    await fence(node)
    later_ms = clock_ms() + 100 * node.dirty_bucket_ms
    with pytest.raises(TermLost, match="later term"):
        await sweeper(node, [], later_ms, set()).step(old)


def sweeper(store: CassandraStore, members: Sequence[Member], now_ms: int, told: set[WalletKey]) -> Sweeper:
    """The job at some time, with these nodes alive."""
    return Sweeper(store, lambda: members, lambda: now_ms, lambda wallet, _: told.add(wallet))


async def fence(store: CassandraStore) -> int:
    return await store.raise_fence(SINGLETON, "a node")


def wallet_of(player: str) -> WalletKey:
    return WalletKey("sweeps", player, "EUR")


def rolling(wallet: WalletKey, head: Wallet) -> WalletWrite:
    """A write that ends an epoch."""
    rolled, epochs = ledger.roll_epoch(wallet, head, 1, NOW_MS)
    return write_on(wallet, rolled, updates=epochs)
