"""The embedded node's cluster, and how a singleton's job lives and ends with its term."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest

from croupier.cluster import membership, running, singletons
from croupier.cluster.membership import Member, Term, TermLost
from croupier.cluster.running import run_term
from croupier.cluster.single import SingleElections, SingleMembership
from croupier.cluster.singletons import Singletons


class Fences:
    """Raises fences in memory; fails as often as it is told to first."""

    def __init__(self, failures: int = 0) -> None:
        self.raised: dict[str, int] = {}
        self.failures = failures

    async def raise_fence(self, singleton: str, holder: str) -> int:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the store is away")
        self.raised[singleton] = self.raised.get(singleton, 0) + 1
        return self.raised[singleton]


class Counting:
    """A job that counts its steps and fails in those that it is told to."""

    every_s = 0.0

    def __init__(self, fails: Iterable[int] = ()) -> None:
        self.fences: list[int] = []
        self.fails = set(fails)
        self.is_done = asyncio.Event()

    async def step(self, term: Term) -> None:
        self.fences.append(term.fence)
        if len(self.fences) == 20:
            self.is_done.set()
        if len(self.fences) in self.fails:
            raise ValueError("this step fails")
        await asyncio.sleep(0)


async def test_alone_means_leading() -> None:
    """The embedded node holds every singleton under a fence from the store, and gives all up when it stops."""
    elections = SingleElections("node-1", Fences())
    job = Counting()
    Singletons(elections).run("sweeper", job)
    await job.is_done.wait()
    assert [(term.singleton, term.fence, term.holder) for term in elections.terms] == [("sweeper", 1, "node-1")]
    (term,) = elections.terms
    await elections.stop()
    assert elections.terms == ()
    with pytest.raises(TermLost):
        term.check()


async def test_a_term_waits_for_its_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store cannot raise the fence nothing runs; once it can, the job does."""
    monkeypatch.setattr("croupier.cluster.single._RETRY_S", 0.01)
    elections = SingleElections("node-1", Fences(failures=3))
    job = Counting()
    Singletons(elections).run("sweeper", job)
    await job.is_done.wait()
    await elections.stop()
    assert set(job.fences) == {1}


async def test_failing_steps_give_the_term_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Single failures are retried under the same term; five in a row end it, and the next term has a higher fence."""
    monkeypatch.setattr("croupier.cluster.single._RETRY_S", 0.01)
    elections = SingleElections("node-1", Fences())
    job = Counting(fails={2, *range(5, 10)})
    Singletons(elections).run("sweeper", job)
    await job.is_done.wait()
    await elections.stop()
    assert job.fences[:10] == [1] * 9 + [2]


async def test_a_step_may_finish_after_its_term() -> None:
    """A step under way when the term is lost goes on to its end, and no other begins."""
    steps: list[str] = []

    class Slow:
        every_s = 0.0

        async def step(self, term: Term) -> None:
            steps.append("begun")
            await asyncio.sleep(0.15)
            steps.append("ended")

    until = time.monotonic() + 0.1
    term = Term("sweeper", 7, "node-1", lambda: until)
    await run_term(term, lambda term: singletons._steps(term, Slow()))  # pyright: ignore[reportPrivateUsage]
    assert steps == ["begun", "ended"]
    with pytest.raises(TermLost):
        term.check()


async def test_a_step_that_hangs_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not ended in time after the loss is cancelled, and the term's end is not held up by it."""
    monkeypatch.setattr(running, "FINISH_S", 0.1)
    was_cancelled = asyncio.Event()

    async def hang(_: Term) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    term = Term("sweeper", 7, "node-1")
    asyncio.get_running_loop().call_later(0.05, term.end)
    async with asyncio.timeout(1):
        await run_term(term, hang)
    assert was_cancelled.is_set()


async def test_a_refreshed_term_goes_on() -> None:
    """A term lasts as long as its lease is refreshed, and no longer."""
    started = time.monotonic()
    until = [started + 0.05]

    async def refresh(term: Term) -> None:
        for _ in range(4):
            await asyncio.sleep(0.03)
            term.check()
            until[0] = time.monotonic() + 0.05
        await term.over.wait()

    await run_term(Term("sweeper", 7, "node-1", lambda: until[0]), refresh)
    assert 0.15 < time.monotonic() - started < 0.5


async def test_the_only_member_is_this_node() -> None:
    """Members, updates and their subscribers, without a cluster."""
    seen: list[tuple[Member, ...]] = []
    alone: membership.Membership = SingleMembership(Member("node-1", "local", "127.0.0.1:7400", "0.1.0"))
    alone.subscribe(seen.append)
    await alone.start()
    await alone.update(state="serving", load_permille=120)
    await alone.update(state="serving")
    await alone.stop()
    assert alone.healthy and not alone.problem
    assert [(m.node, m.state, m.load_permille) for m in alone.members] == [("node-1", "serving", 120)]
    assert seen == [alone.members]
