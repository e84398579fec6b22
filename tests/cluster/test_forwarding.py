"""Calls go to the node that is preferred for their wallet, wherever they arrive; and are served where they arrived when it does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from croupier.access import make_key
from croupier.pb import admin_service_pb2 as admin
from croupier.server import clock_ms
from croupier.stores.cassandra.opening import CassandraStore
from tests.cluster.crew import Crew, crew
from tests.cluster.machines import Members, Ring
from tests.integration.calling import Caller, dice, new_id, refused

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def pair(cassandra: Ring, etcd: Members, tmp_path: Path) -> AsyncIterator[Crew]:
    """Two nodes of one region."""
    async with crew(cassandra, etcd, tmp_path) as running:
        yield running


def play_some(caller: Caller, wallet: str, rounds: int) -> None:
    """Opens a wallet and a session, and plays."""
    caller.call("WalletService.Deposit", wallet=wallet, transfer_id=new_id(), amount_micros=10**9)
    session = caller.call("SessionService.OpenSession", wallet=wallet, session_id=new_id(), game="games/dice-10000").session.name
    for _ in range(rounds):
        caller.call("RoundService.Play", session=session, round_id=new_id(), bet=dice())


async def test_a_call_is_served_by_its_wallets_preferred_node(pair: Crew) -> None:
    """Hot and other calls, at either node: only the preferred one writes. A refusal comes back as it was said there."""
    wallet = pair.wallet_of(1)
    await asyncio.to_thread(play_some, pair.caller(0), wallet, 5)
    assert pair.metric(0, "croupier_store_writes_total") == 0
    assert pair.metric(1, "croupier_rounds_total") == 5
    assert pair.metric(0, "croupier_peer_calls_total") == 7
    said = await asyncio.to_thread(
        refused, pair.caller(0).call, "WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=10**12
    )
    assert said.reason == "INSUFFICIENT_FUNDS"
    assert said.metadata.keys() == {"balance_micros"}


async def test_a_node_that_hangs_costs_one_second_and_then_nothing(pair: Crew) -> None:
    """What it does not answer is served where it arrived, under the same id; for a while it is not asked again."""
    wallet = pair.wallet_of(1)
    await asyncio.to_thread(play_some, pair.caller(0), wallet, 1)
    pair.nodes[1].send(signal.SIGSTOP)
    began = time.monotonic()
    await asyncio.to_thread(play_some, pair.caller(0), pair.wallet_of(1), 1)
    assert time.monotonic() - began < 5
    assert pair.metric(0, "croupier_peer_calls_total") >= 3
    assert pair.metric(0, "croupier_rounds_total") == 1
    pair.nodes[1].send(signal.SIGCONT)


async def test_a_node_that_drains_gets_no_more_calls(pair: Crew) -> None:
    """Its wallets move to the other one before it stops to listen; nobody is refused."""
    wallet = pair.wallet_of(1)
    caller = pair.caller(0)
    await asyncio.to_thread(play_some, caller, wallet, 1)
    draining = asyncio.create_task(pair.nodes[1].drain())
    played = 0
    while not draining.done():
        await asyncio.to_thread(play_some, caller, pair.wallet_of(1), 2)
        played += 2
    assert await draining == 0
    await asyncio.to_thread(play_some, caller, wallet, 1)
    await pair.know_each_other([admin.NODE_STATE_SERVING])
    assert pair.metric(0, "croupier_rounds_total") >= 1


async def test_a_key_that_the_other_node_has_not_heard_of_is_good_here(cassandra: Ring, etcd: Members, tmp_path: Path) -> None:
    """Keys reach each node by themselves, in their own time: a call that was let in here is not refused for that."""
    async with crew(cassandra, etcd, tmp_path, settings={"key_poll_s": 3600.0}) as running:
        store = CassandraStore(running.nodes[0].config())
        await store.open()
        text, document = make_key("demo", "late", clock_ms(), os.urandom(40))
        assert await store.put_document(document)
        store.close()
        node = running.nodes[0]
        node.kill()
        await node.ended()
        await node.start()
        await running.know_each_other()
        caller = Caller(node.address, text)
        await asyncio.to_thread(play_some, caller, running.wallet_of(1), 2)
        assert running.metric(0, "croupier_rounds_total") == 2
