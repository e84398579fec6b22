"""The runner that awaits its store: order and independence of wallets, bounds, deadlines, callers that leave, draining, a store that fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from croupier.errors import NodeUnavailable, OutcomeUnknown, Overloaded, StoreFailed
from croupier.model import State, TransferKind, WalletKey, WalletWrite
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Call, Result
from croupier.stores.memory import Lies, MemoryStore
from croupier.stores.memory_late import LateMemoryStore
from croupier.stores.store import CommitResult, Document, EntryQuery, Reads, Store
from tests.casino import ALL_ENTRIES, DICE, EUR, NOW_MS, WALLET, Desk, dice_bet

BOB = WalletKey("acme", "bob", "EUR")


class Slow(MemoryStore):
    """Commits of wallets in `held` are answered once they are let go; every other request at the next turn."""

    inline = False

    def __init__(self) -> None:
        super().__init__()
        self.held: set[WalletKey] = set()
        self.error = ""
        self.surprise: BaseException | None = None
        self.written: list[list[WalletWrite]] = []
        self.asked: dict[WalletKey, asyncio.Event] = {}
        self._waiting: list[asyncio.Future[None]] = []

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        self.written.append(list(writes))
        for write in writes:
            self.event(write.key).set()
            if write.key in self.held:
                self._waiting.append(asyncio.get_running_loop().create_future())
                await self._waiting[-1]
        await asyncio.sleep(0)
        if self.surprise:
            raise self.surprise
        if self.error:
            raise StoreFailed(self.error)
        return await super().commit(writes)

    async def put_document(self, document: Document) -> bool:
        await asyncio.sleep(0)
        if self.error:
            raise StoreFailed(self.error)
        return await super().put_document(document)

    def event(self, wallet: WalletKey) -> asyncio.Event:
        """Set once a commit of `wallet` was asked for."""
        return self.asked.setdefault(wallet, asyncio.Event())

    def let_go(self) -> None:
        """Everything that is held is answered, and nothing more is held."""
        self.held.clear()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def awaiting(desk: Desk, failures: list[str] | None = None, **bounds: Any) -> AsyncGenerator[Awaiting]:
    runner = Awaiting(desk.runner, lambda: desk.now_ms, on_failure=(failures if failures is not None else []).append, **bounds)
    runner.start()
    yield runner
    await runner.stop()


def slow_desk(seed: int = 0) -> tuple[Desk, Slow]:
    store = Slow()
    return Desk(store, seed=seed), store


def deposit(desk: Desk, wallet: WalletKey = WALLET, amount_micros: int = EUR) -> MakeTransfer:
    return MakeTransfer(wallet, desk.id(), TransferKind.DEPOSIT, amount_micros, "")


def wallet(number: int) -> WalletKey:
    return WalletKey("acme", f"player-{number}", "EUR")


async def put(store: Store) -> bool:
    return await store.put_document(Document("kind", "a", 1, b""))


async def documents(reads: Reads) -> list[Document]:
    return await reads.documents("kind")


def reasons(results: Sequence[Result]) -> list[str]:
    return [getattr(one, "reason", "") for one in results]


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
    assert len(desk.entries()) == 2


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


async def test_draining_answers_what_is_queued() -> None:
    """Stopping answers everything that was called before, and refuses what comes later."""
    desk, _ = slow_desk()
    async with awaiting(desk) as runner:
        called = [runner.call_many([Call(deposit(desk, wallet(number % 3)))]) for number in range(10)]
        await runner.stop()
        assert [type((await future)[0]) for future in called] == [TransferView] * 10
        for refused in (runner.call(deposit(desk)), runner.write(put)):
            with pytest.raises(NodeUnavailable, match="draining"):
                await refused


async def test_stopping_does_not_wait_for_ever() -> None:
    """Callers whose write the store leaves open are told that its outcome is unknown, those behind it that nothing was done."""
    desk, store = slow_desk()
    store.held.add(WALLET)
    async with awaiting(desk, stop_grace_s=0.01) as runner:
        first = runner.call_many([Call(deposit(desk))])
        await store.event(WALLET).wait()
        behind = runner.call_many([Call(deposit(desk))])
        await runner.stop()
        assert reasons([*await first, *await behind]) == ["OUTCOME_UNKNOWN", "NODE_UNAVAILABLE"]


async def test_a_failed_commit_ends_service_once() -> None:
    """S4: the server is told of a failed store once; calls, reads and writes are refused from then on, and those behind the failed write too."""
    desk, store = slow_desk()
    failures: list[str] = []
    async with awaiting(desk, failures) as runner:
        await runner.call(deposit(desk))
        store.held.add(WALLET)
        first = runner.call_many([Call(deposit(desk))])
        behind = runner.call_many([Call(deposit(desk))])
        store.asked.clear()
        await store.event(WALLET).wait()
        later = runner.call_many([Call(deposit(desk))])
        store.error = "no space left"
        store.let_go()
        assert reasons([*await first, *await behind, *await later]) == ["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", "NODE_UNAVAILABLE"]
        refusals: tuple[Coroutine[Any, Any, object], ...] = (runner.call(deposit(desk)), runner.read(documents), runner.write(put))
        for refused in refusals:
            with pytest.raises(NodeUnavailable, match="no space left"):
                await refused
    assert failures == ["no space left"]


@pytest.mark.parametrize("surprise", [ValueError("surprise"), asyncio.CancelledError("surprise")])
async def test_a_surprise_ends_service(surprise: BaseException) -> None:
    """S4: an error that nobody foresaw, a driver that cancels its request included, ends service; it neither hangs callers nor passes for a failure."""
    desk, store = slow_desk()
    store.surprise = surprise
    failures: list[str] = []
    async with awaiting(desk, failures) as runner:
        with pytest.raises(OutcomeUnknown):
            await runner.call(deposit(desk))
        with pytest.raises(NodeUnavailable, match="surprise"):
            await runner.call(deposit(desk))
    assert len(failures) == 1


async def test_a_failed_document_ends_service() -> None:
    """S4: a failed write beside the wallets is as bad as a failed round: the node leaves service."""
    desk, store = slow_desk()
    store.error = "input/output error"
    failures: list[str] = []
    async with awaiting(desk, failures) as runner:
        with pytest.raises(OutcomeUnknown):
            await runner.write(put)
    assert failures == ["input/output error"]


async def test_a_document_is_written_though_its_caller_left() -> None:
    """A write that has begun is finished, so that nobody wonders whether it was."""
    desk, _ = slow_desk()
    async with awaiting(desk) as runner:
        gone = asyncio.ensure_future(runner.write(put))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.01)
        assert [document.id for document in await runner.read(documents)] == ["a"]


async def test_a_failed_read_ends_service() -> None:
    """S4: a store that cannot be read is not answered from."""

    async def broken(_reads: Reads) -> State:
        raise StoreFailed("disk image is malformed")

    desk, _ = slow_desk()
    failures: list[str] = []
    async with awaiting(desk, failures) as runner:
        with pytest.raises(NodeUnavailable, match="malformed"):
            await runner.read(broken)
    assert failures == ["disk image is malformed"]


async def test_reads_are_bounded() -> None:
    """Reads beyond the bound are refused; those that wait don't keep calls from being answered."""
    desk, _ = slow_desk()
    never = asyncio.Event()

    async def waits(_reads: Reads) -> bool:
        return await never.wait()

    async with awaiting(desk, max_queue=2) as runner:
        reading = [asyncio.ensure_future(runner.read(waits)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await runner.read(documents)
        await runner.call(deposit(desk))
        never.set()
        assert all(await asyncio.gather(*reading))
