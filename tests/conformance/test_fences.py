"""Fences of singletons, the same for every store: what a later term has overtaken is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from croupier.stores.store import NO_FENCE, CommitResult, Fence, FencedRecord, Store
from tests.conformance.candidates import CANDIDATES, Candidate

APPLIED, REFUSED = CommitResult.APPLIED, CommitResult.REFUSED
METER = FencedRecord("jackpot", "meter", b"1")


async def test_a_fence_grows_with_each_term(store: Store) -> None:
    """Each raise gives a higher number, in the name of its holder; singletons have fences of their own."""
    assert await store.fenced("jackpot") == (NO_FENCE, [])
    first = await store.raise_fence("jackpot", "node-1")
    second = await store.raise_fence("jackpot", "node-2")
    assert 0 < first < second
    assert await store.fenced("jackpot") == (Fence(second, "node-2"), [])
    assert await store.fenced("sweeper") == (NO_FENCE, [])


async def test_records_are_written_under_the_fence_in_force(store: Store) -> None:
    """A record is written and replaced under its singleton's fence, and refused under any other number."""
    assert await store.put_fenced(METER, 0) is REFUSED
    fence = await store.raise_fence("jackpot", "node-1")
    await store.raise_fence("sweeper", "node-1")
    assert await store.put_fenced(METER, fence) is APPLIED
    assert await store.put_fenced(FencedRecord("jackpot", "award", b"\x00"), fence) is APPLIED
    assert await store.put_fenced(FencedRecord("jackpot", "meter", b"2"), fence) is APPLIED
    for other in (0, fence - 1, fence + 1):
        assert await store.put_fenced(FencedRecord("jackpot", "meter", b"3"), other) is REFUSED
    records = [FencedRecord("jackpot", "award", b"\x00"), FencedRecord("jackpot", "meter", b"2")]
    assert (await store.fenced("jackpot"))[1] == (await store.reads().fenced("jackpot"))[1] == records
    assert (await store.fenced("sweeper"))[1] == []


async def test_an_old_term_cannot_write(store: Store) -> None:
    """A holder that was overtaken is refused, and what the new one wrote stays."""
    old = await store.raise_fence("jackpot", "node-1")
    await store.put_fenced(METER, old)
    new = await store.raise_fence("jackpot", "node-2")
    assert await store.put_fenced(FencedRecord("jackpot", "meter", b"old"), old) is REFUSED
    assert await store.put_fenced(FencedRecord("jackpot", "meter", b"new"), new) is APPLIED
    assert await store.put_fenced(FencedRecord("jackpot", "meter", b"older"), old) is REFUSED
    assert await store.fenced("jackpot") == (Fence(new, "node-2"), [FencedRecord("jackpot", "meter", b"new")])


async def test_no_two_terms_have_one_fence(store: Store) -> None:
    """Of many who raise it at once, each gets a number of its own."""
    raised = await asyncio.gather(*(store.raise_fence("jackpot", f"node-{number}") for number in range(6)))
    assert len(set(raised)) == 6
    assert (await store.fenced("jackpot"))[0].number == max(raised)


@pytest.mark.parametrize("candidate", [one for one in CANDIDATES if one.durable], ids=lambda one: one.name, indirect=True)
async def test_fences_outlive_the_store(candidate: Candidate, tmp_path: Path) -> None:
    """A durable store that is opened again knows the fence, so that a term from before stays harmless."""
    store = await candidate.open(tmp_path)
    fence = await store.raise_fence("jackpot", "node-1")
    await store.put_fenced(METER, fence)
    store.close()
    again = await candidate.open(tmp_path)
    assert await again.fenced("jackpot") == (Fence(fence, "node-1"), [METER])
    assert await again.raise_fence("jackpot", "node-2") > fence
    assert await again.put_fenced(METER, fence) is REFUSED
    again.close()
