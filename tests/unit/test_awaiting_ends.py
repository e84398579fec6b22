"""The runner that awaits its store: draining, and what it does when the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from croupier.errors import NodeUnavailable, OutcomeUnknown, Overloaded, StoreFailed
from croupier.model import State
from croupier.operations.transfer import TransferView
from croupier.runners.embedded import Call
from croupier.stores.store import Reads, Store
from tests.casino import WALLET
from tests.unit.slow_store import awaiting, deposit, documents, put, reasons, slow_desk, wallet


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


async def test_a_document_that_fails_after_its_caller_left() -> None:
    """S4: a failed write ends service also where nobody waits for it any more."""
    desk, store = slow_desk()
    store.error = "input/output error"
    failures: list[str] = []
    async with awaiting(desk, failures) as runner:
        gone = asyncio.ensure_future(runner.write(put))
        await asyncio.sleep(0)
        gone.cancel()
    assert failures == ["input/output error"]


async def test_stopping_during_a_document() -> None:
    """A write beside the wallets that the store does not answer is told as unknown at the end of a drain."""

    async def never(_store: Store) -> None:
        await asyncio.Event().wait()

    desk, _ = slow_desk()
    async with awaiting(desk, stop_grace_s=0.01) as runner:
        writing = asyncio.ensure_future(runner.write(never))
        await asyncio.sleep(0)
        await runner.stop()
        with pytest.raises(OutcomeUnknown):
            await writing


async def test_nothing_asked_is_answered() -> None:
    """No calls are answered with no results."""
    desk, _ = slow_desk()
    async with awaiting(desk) as runner:
        assert await runner.call_many([]) == []


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
