"""The owner thread: order, backpressure, draining, and what it does when the store fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from croupier.errors import NodeUnavailable, OutcomeUnknown, Overloaded, StoreFailed
from croupier.model import TransferKind, WalletWrite
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.runners.embedded import Call
from croupier.runners.owner import Owner
from croupier.stores.memory import MemoryStore
from croupier.stores.store import CommitResult, Document, Reads, Store
from tests.casino import EUR, NOW_MS, WALLET, Desk, dice_bet


class Gate(MemoryStore):
    """Commits wait until the gate is opened; commits and documents fail once `error` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.error = ""
        self.surprise: Callable[[], None] = lambda: None

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        self.entered.set()
        self.surprise()
        assert self.gate.wait(20)
        if self.error:
            raise StoreFailed(self.error)
        return await super().commit(writes)

    async def put_document(self, document: Document) -> bool:
        if self.error:
            raise StoreFailed(self.error)
        return await super().put_document(document)


@asynccontextmanager
async def owned(desk: Desk, max_queue: int = 100, failures: list[str] | None = None) -> AsyncIterator[Owner]:
    owner = Owner(desk.runner, max_queue=max_queue, on_failure=(failures if failures is not None else []).append)
    owner.start()
    yield owner
    await owner.stop()


def deposit(desk: Desk) -> MakeTransfer:
    return MakeTransfer(WALLET, desk.id(), TransferKind.DEPOSIT, EUR, "")


async def put(store: Store) -> bool:
    return await store.put_document(Document("kind", "a", 1, b""))


async def documents(reads: Reads) -> list[Document]:
    return await reads.documents("kind")


async def test_order_of_calls_is_order_of_decisions() -> None:
    """Rounds that are called one after another, without waiting, are numbered in that order."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    async with owned(desk, max_queue=1_000) as owner:
        futures = [owner.call_many([Call(PlayRound(WALLET, session, desk.id(), dice_bet()))]) for _ in range(90)]
        views = [(await future)[0] for future in futures]
    assert [view.round.number for view in views if isinstance(view, RoundView)] == list(range(1, 91))


async def test_a_full_queue_refuses() -> None:
    """Calls beyond the queue's bound are refused at once with a time to wait, and cost the store nothing; room that is freed is used again."""
    store = Gate()
    desk = Desk(store)
    async with owned(desk, max_queue=3) as owner:
        waiting = owner.call_many([Call(deposit(desk)) for _ in range(3)])
        with pytest.raises(Overloaded) as refused:
            owner.call_many([Call(deposit(desk))])
        assert refused.value.retry_after_s > 0
        store.gate.set()
        assert len(await waiting) == 3
        await owner.call(deposit(desk))
    assert len(desk.entries()) == 4


async def test_calls_gather_behind_a_commit() -> None:
    """What arrives while a commit is on its way shares the next one."""
    store = Gate()
    desk = Desk(store)
    async with owned(desk) as owner:
        first = owner.call_many([Call(deposit(desk))])
        await asyncio.to_thread(store.entered.wait)
        others = [owner.call_many([Call(deposit(desk))]) for _ in range(20)]
        await asyncio.sleep(0)
        store.gate.set()
        await asyncio.gather(first, *others)
    assert desk.runner.counts.writes == 2


async def test_a_deadline_that_passes_in_the_queue() -> None:
    """A call whose deadline passes behind a commit is dropped, and the one beside it is not."""
    store = Gate()
    desk = Desk(store)
    async with owned(desk) as owner:
        first = owner.call_many([Call(deposit(desk))])
        await asyncio.to_thread(store.entered.wait)
        late = owner.call_many([Call(deposit(desk), NOW_MS + 5), Call(deposit(desk), NOW_MS + 50)])
        await asyncio.sleep(0)
        desk.now_ms += 10
        store.gate.set()
        await first
        results = await late
    assert [getattr(one, "reason", "") for one in results] == ["DEADLINE_EXCEEDED", ""]
    assert len(desk.entries()) == 2


async def test_a_caller_that_went_away_changes_nothing_for_others() -> None:
    """A call that is cancelled while it waits is decided all the same, and its neighbours are answered."""
    store = Gate()
    desk = Desk(store)
    async with owned(desk) as owner:
        gone = asyncio.ensure_future(owner.call(deposit(desk)))
        stays = asyncio.ensure_future(owner.call(deposit(desk)))
        await asyncio.to_thread(store.entered.wait)
        gone.cancel()
        store.gate.set()
        assert isinstance(await stays, TransferView)
    assert len(desk.entries()) == 2


async def test_a_write_that_nobody_waits_for_any_more() -> None:
    """A document whose caller was cancelled before its turn is not written, and the thread lives on."""
    store = Gate()
    desk = Desk(store)
    async with owned(desk) as owner:
        first = owner.call_many([Call(deposit(desk))])
        await asyncio.to_thread(store.entered.wait)
        gone = asyncio.ensure_future(owner.write(put))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        store.gate.set()
        await first
        assert await owner.read(documents) == []
        assert await owner.write(put)


async def test_draining_answers_what_is_queued() -> None:
    """Stopping answers everything that was called before, and refuses what comes later."""
    desk = Desk()
    owner = Owner(desk.runner)
    owner.start()
    called = [owner.call_many([Call(deposit(desk))]) for _ in range(10)]
    await owner.stop()
    assert [type((await future)[0]) for future in called] == [TransferView] * 10
    with pytest.raises(NodeUnavailable, match="draining"):
        await owner.call(deposit(desk))
    with pytest.raises(NodeUnavailable, match="draining"):
        await owner.write(put)


async def test_a_failed_commit_ends_service_once() -> None:
    """S4: the server is told of a failed store once; calls, reads and writes are refused from then on."""
    store = Gate()
    store.gate.set()
    desk = Desk(store)
    failures: list[str] = []
    async with owned(desk, failures=failures) as owner:
        await owner.call(deposit(desk))
        store.error = "no space left"
        with pytest.raises(OutcomeUnknown):
            await owner.call(deposit(desk))
        for refused in (owner.call(deposit(desk)), owner.read(documents), owner.write(put)):
            with pytest.raises(NodeUnavailable, match="no space left"):
                await refused
    assert failures == ["no space left"]


@pytest.mark.parametrize("where", ["store", "on_commit"])
async def test_a_surprise_ends_service(where: str) -> None:
    """S4: an error that nobody foresaw ends service like a failed commit; it neither hangs callers nor lets the node go on in doubt."""

    def surprise(*_: object) -> None:
        raise ValueError("surprise")

    store = Gate()
    store.gate.set()
    desk = Desk(store)
    if where == "store":
        store.surprise = surprise
    else:
        desk.runner._on_commit = surprise
    failures: list[str] = []
    async with owned(desk, failures=failures) as owner:
        with pytest.raises(OutcomeUnknown):
            await owner.call(deposit(desk))
        with pytest.raises(NodeUnavailable, match="surprise"):
            await owner.call(deposit(desk))
    assert len(failures) == 1


async def test_a_failed_document_ends_service() -> None:
    """S4: a failed write beside the wallets is as bad as a failed round: the node leaves service."""
    store = Gate()
    store.gate.set()
    store.error = "input/output error"
    desk = Desk(store)
    failures: list[str] = []
    async with owned(desk, failures=failures) as owner:
        with pytest.raises(OutcomeUnknown):
            await owner.write(put)
    assert failures == ["input/output error"]


async def test_a_failed_read_ends_service() -> None:
    """S4: a store that cannot be read is not answered from."""

    async def broken(_reads: Reads) -> None:
        raise StoreFailed("disk image is malformed")

    desk = Desk()
    failures: list[str] = []
    async with owned(desk, failures=failures) as owner:
        with pytest.raises(NodeUnavailable, match="malformed"):
            await owner.read(broken)
    assert failures == ["disk image is malformed"]
