"""The runner that awaits its store: order and independence of wallets, bounds, deadlines, callers that leave."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from croupier.errors import Overloaded
from croupier.model import WalletKey
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Call, Result
from croupier.stores.memory import Lies, MemoryStore
from croupier.stores.memory_late import LateMemoryStore
from croupier.stores.store import EntryQuery
from tests.casino import ALL_ENTRIES, DICE, EUR, NOW_MS, WALLET, Desk, dice_bet
from tests.unit.slow_store import BOB, awaiting, deposit, reasons, slow_desk, wallet


@pytest.mark.parametrize("answers", ["loop", "thread", "batches"])
@pytest.mark.parametrize("delay_ms", [0, 1])
async def test_rounds_are_played_over_a_store_that_answers_late(answers: Any, delay_ms: float) -> None:
    """Rounds of many wallets at once, whoever completes the store's requests: each wallet's are numbered in the order in which they were called."""
    store = LateMemoryStore(answers, delay_ms)
    desk = Desk(store)
    async with awaiting(desk) as runner:
        sessions: list[bytes] = []
        for number in range(10):
            await runner.call(deposit(desk, wallet(number), 100 * EUR))
            opened = await runner.call(OpenSession(wallet(number), desk.id(), DICE, "luck"))
            assert isinstance(opened, SessionView)
            sessions.append(opened.session.id)
        asked = [
            [runner.call_many([Call(PlayRound(wallet(number), session, desk.id(), dice_bet()))]) for _ in range(20)]
            for number, session in enumerate(sessions)
        ]
        for futures in asked:
            views = [(await future)[0] for future in futures]
            assert [view.round.number for view in views if isinstance(view, RoundView)] == list(range(1, 21))
    store.close()


async def test_calls_of_a_wallet_share_its_next_write() -> None:
    """What is called while a wallet's write is on its way goes into the next ones, no more than fit into each, and one is on its way at a time."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk, max_write_calls=8) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        others = [runner.call_many([Call(deposit(desk))]) for _ in range(20)]
        await asyncio.sleep(0.01)
        assert len(store.written) == 1
        store.let_go()
        await asyncio.gather(first, *others)
    assert [len(writes[0].entries) for writes in store.written] == [1, 8, 8, 4]
    assert all(len(writes) == 1 for writes in store.written)


async def test_what_is_too_much_for_one_write_is_written_one_by_one() -> None:
    """A store that takes no more than so much in one write gets the calls of a full one singly, in order; a single one that is too much is refused alone."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    store.max_entries = 3
    async with awaiting(desk) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        others = [runner.call_many([Call(deposit(desk))]) for _ in range(5)]
        store.let_go()
        views = [(await future)[0] for future in (first, *others)]
        assert [view.transfer.revision for view in views if isinstance(view, TransferView)] == list(range(1, 7))
        store.max_entries = 0
        assert reasons(await runner.call_many([Call(deposit(desk))])) == ["TOO_LARGE"]
        store.max_entries = 1
        view = await runner.call(deposit(desk))
        assert isinstance(view, TransferView) and view.transfer.revision == 7


async def test_no_wallet_waits_for_another() -> None:
    """A wallet whose store never answers stops nobody else, also not those that share a batch or a call with it."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk, stop_grace_s=0.01) as runner:
        stuck = runner.call_many([Call(deposit(desk))])
        mixed = runner.call_many([Call(deposit(desk, BOB)), Call(deposit(desk))])
        async with asyncio.timeout(5):
            for number in range(50):
                assert isinstance(await runner.call(deposit(desk, wallet(number))), TransferView)
            assert isinstance(await runner.call(deposit(desk, BOB)), TransferView)
        assert len(desk.entries(BOB)) == 2
        assert not stuck.done() and not mixed.done()
    assert reasons(await stuck) == ["OUTCOME_UNKNOWN"]


async def test_a_wallet_that_waits_for_another_is_noticed() -> None:
    """Negative control: where lanes share one write, a wallet whose store never answers does stop others."""

    class OneForAll(Awaiting):
        turn = asyncio.Lock()

        async def _step(self, batch: list[Any]) -> None:
            async with self.turn:
                await super()._step(batch)

    desk, store = slow_desk()
    store.held.add(WALLET)
    runner = OneForAll(desk.runner, lambda: desk.now_ms)
    runner.start()
    stuck = runner.call_many([Call(deposit(desk))])
    await store.event(WALLET).wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(runner.call(deposit(desk, BOB)), 0.1)
    store.let_go()
    await runner.stop()
    assert stuck.done()


@pytest.mark.parametrize("seed", range(5))
async def test_order_within_each_wallet_whatever_the_store_does(seed: int) -> None:
    """Calls of a few wallets in any mixture, over a store that lies and answers late: each wallet's ledger has them in the order in which they were called."""
    chance = random.Random(seed)
    store = LateMemoryStore("batches", 0, Lies(unknown_applied=0.2, unknown_late=0.2, refused=0), chance.random)
    desk = Desk(store, seed=seed)
    async with awaiting(desk, max_write_calls=chance.randint(1, 5)) as runner:
        called: dict[WalletKey, list[MakeTransfer]] = {wallet(number): [] for number in range(4)}
        futures: list[asyncio.Future[list[Result]]] = []
        for _ in range(200):
            command = deposit(desk, wallet(chance.randrange(4)))
            called[command.wallet].append(command)
            futures.append(runner.call_many([Call(command)]))
            if chance.random() < 0.2:
                await asyncio.sleep(0)
        await asyncio.gather(*futures)
        assert not runner.queued
    assert not runner._lanes, "a wallet that waits for nothing costs nothing"
    store.close()
    for key, commands in called.items():
        ids = [command.transfer_id for command in commands]
        there = [entry.reference for entry in await MemoryStore.entries(store, EntryQuery(key, ALL_ENTRIES, oldest_first=True))]
        assert there == [id_ for id_ in ids if id_ in there]
        assert len(set(there)) == len(there)


async def test_answers_of_a_turn_are_handed_over_together() -> None:
    """A batch of calls of many wallets that the store answers together is one hand-over; so is what it refuses."""
    store = LateMemoryStore("batches")
    desk = Desk(store)
    handed: list[list[tuple[Any, list[Result]]]] = []
    has_all = asyncio.Event()

    def sink(answers: list[tuple[Any, list[Result]]]) -> None:
        handed.append(answers)
        if sum(map(len, handed)) == 60:
            has_all.set()

    async with awaiting(desk) as runner:
        for number in range(60):
            runner.submit([Call(deposit(desk, wallet(number)))], sink, number)
        runner.begin()
        await has_all.wait()
    store.close()
    assert sorted(tag for answers in handed for tag, _ in answers) == list(range(60))
    assert len(handed) < 15


async def test_a_full_queue_refuses() -> None:
    """Calls beyond the queue's bound, or beyond what one wallet may have waiting, are refused with a time to wait; room that is freed is used again."""
    desk, store = slow_desk()
    store.held |= {WALLET, BOB}
    async with awaiting(desk, max_queue=8, max_wallet_queue=4) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        waiting = runner.call_many([Call(deposit(desk)) for _ in range(4)])
        with pytest.raises(Overloaded, match="this wallet") as refused:
            runner.call_many([Call(deposit(desk))])
        assert refused.value.retry_after_s > 0
        others = runner.call_many([Call(deposit(desk, BOB)) for _ in range(3)])
        with pytest.raises(Overloaded, match="8 calls"):
            runner.call_many([Call(deposit(desk, wallet(1)))])
        store.let_go()
        await asyncio.gather(first, waiting, others)
        assert runner.queued == 0
        await runner.call(deposit(desk))
    assert len(desk.entries()) == 6


async def test_a_deadline_that_passes_behind_a_write() -> None:
    """A call whose deadline passes while it waits is answered and forgotten, though the write before it is never answered; nothing of it is done."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        late = runner.call_many([Call(deposit(desk), NOW_MS + 5)])
        in_time = runner.call_many([Call(deposit(desk), NOW_MS + 50)])
        desk.now_ms += 10
        assert reasons(await late) == ["DEADLINE_EXCEEDED"]
        assert runner.queued == 2
        store.let_go()
        assert reasons([*await first, *await in_time]) == ["", ""]
    assert len(desk.entries()) == 2


async def test_a_caller_that_went_away_before_the_decision() -> None:
    """A call that nobody waits for any more is not decided, and gives its room back; its neighbours are answered."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        gone, stays = runner.call_many([Call(deposit(desk))]), runner.call_many([Call(deposit(desk))])
        gone.cancel()
        store.let_go()
        await asyncio.gather(first, stays)
        assert runner.queued == 0
        alone = runner.call_many([Call(deposit(desk))])
        alone.cancel()
        await runner.call(deposit(desk, BOB))
        assert runner.queued == 0
    assert len(desk.entries()) == 2
    assert not desk.runner.failure


async def test_a_caller_that_went_away_during_the_write() -> None:
    """A call that is cancelled once it is on its way is finished: what the store was asked for is never left half known."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk) as runner:
        gone = asyncio.ensure_future(runner.call(deposit(desk)))
        await store.event(WALLET).wait()
        gone.cancel()
        store.let_go()
        await runner.call(deposit(desk))
    assert len(desk.entries()) == 2
