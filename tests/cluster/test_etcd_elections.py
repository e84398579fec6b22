"""Elections on real etcd: one holder at a time, a new fence each time, and a stale holder's write refused by the store."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from croupier.cluster.etcd.control import Control, ControlRefused
from croupier.cluster.etcd.records import Pause
from croupier.cluster.membership import Term
from croupier.config import Etcd
from tests.cluster.contender import SINGLETON, Contender
from tests.cluster.electing import Fences, Node, nodes, until
from tests.cluster.fenced_store import FencedStore, Write
from tests.cluster.machines import Members


@pytest.fixture
def settings(etcd: Members) -> Etcd:
    """A prefix of the test's own."""
    return Etcd(endpoints=tuple(etcd.endpoints), prefix=f"/test/{uuid.uuid4().hex}", ttl_s=3)


@pytest.fixture
async def control(settings: Etcd) -> AsyncIterator[Control]:
    """What a person holds in the hand."""
    control = Control(settings)
    yield control
    await control.close()


@asynccontextmanager
async def contenders(settings: Etcd, folder: Path, *names: str) -> AsyncIterator[tuple[FencedStore, list[Contender]]]:
    """A store, and processes that stand for one singleton; the first one holds it."""
    store = await FencedStore(folder / "store").start()
    started = [Contender(name, settings.prefix, settings.ttl_s, store.path, settings.endpoints) for name in names]
    try:
        for holder in started:
            await holder.start()
            await started[0].until("APPLIED")
        yield store, started
    finally:
        for holder in started:
            await holder.stop()
        await store.stop()


async def test_one_holder_and_then_the_next(settings: Etcd, control: Control) -> None:
    """Whoever came first holds; when it leaves, the next one does at once, under a higher fence, and the history names both."""
    async with nodes(settings, "a", "b", "c", singletons=["meter", "sweeper"]) as (a, b, c):
        await until(lambda: a.holds == ["meter", "sweeper"] and len(b.sees) == 3)
        await a.stop()
        await until(lambda: len(b.holds + c.holds) == 2, within_s=1)
        await until(lambda: b.holds == ["meter", "sweeper"], within_s=1)
        view = await control.view()
    assert [(candidate.node, candidate.fence) for candidate in view.terms["meter"]] == [("b", 2), ("c", 0)]
    assert [(past.node, past.fence) for past in view.history["meter"]] == [("a", 1), ("b", 2)]
    assert view.history["meter"][0].since_ms <= view.history["meter"][1].since_ms
    assert [member.node for member in view.members] == ["b", "c"]


async def test_a_running_step_ends_before_the_next_holder_begins(settings: Etcd) -> None:
    """Leaving in order, a node lets its step finish and only then makes way."""
    order: list[str] = []

    async def slow(term: Term) -> None:
        order.append(f"began {term.fence}")
        await term.over.wait()
        await asyncio.sleep(0.3)
        order.append(f"ended {term.fence}")

    fences = Fences()
    async with nodes(settings, fences=fences):
        a = await Node("a", settings, fences).start("meter", run=slow)
        await until(lambda: order == ["began 1"])
        b = await Node("b", settings, fences).start("meter", run=slow)
        await a.stop()
        await until(lambda: order == ["began 1", "ended 1", "began 2"])
        await b.stop()


async def test_a_node_whose_store_is_away_leaves_it_to_others(settings: Etcd) -> None:
    """No fence, no term: whoever wins the election without reaching the store stands back."""
    fences = Fences()
    fences.broken.add("a")
    async with nodes(settings, "a", "b", fences=fences, singletons=["meter"]) as (a, b):
        await until(lambda: b.holds == ["meter"])
        assert not a.began
        fences.broken.clear()
        await b.stop()
        await until(lambda: a.holds == ["meter"])


async def test_a_job_that_fails_moves_on(settings: Etcd) -> None:
    """A run that ends by itself gives its term up, and the next node has it."""

    async def fail(_: Term) -> None:
        raise ValueError("this job fails here")

    fences = Fences()
    async with nodes(settings, "b", fences=fences) as (b,):
        a = await Node("a", settings, fences).start("meter", run=fail)
        b.elections.campaign("meter", b._run)  # pyright: ignore[reportPrivateUsage]
        await until(lambda: b.holds == ["meter"])
        await a.stop()


async def test_paused_nothing_moves(settings: Etcd, control: Control, tmp_path: Path) -> None:
    """While paused a holder keeps its term, and nobody takes over from one that is killed; resumed, somebody does at once."""
    async with contenders(settings, tmp_path, "a", "b") as (store, (a, b)):
        await control.pause(Pause("sam", "moving house", 1))
        with pytest.raises(ControlRefused, match="paused already"):
            await control.pause(Pause("sam", "again", 2))
        with pytest.raises(ControlRefused, match="the cluster is paused, so nothing moves"):
            await control.move(SINGLETON, "sam")
        await a.until("APPLIED", after=len(a.said))
        a.send(signal.SIGKILL)
        await asyncio.sleep(settings.ttl_s + 1)
        view = await control.view()
        assert view.paused == Pause("sam", "moving house", 1)
        assert [member.node for member in view.members] == ["b"]
        assert {write.fence for write in store.writes} == {1}
        await control.resume()
        async with asyncio.timeout(1):
            taken = await b.until("APPLIED")
        assert taken.fence == 2
        with pytest.raises(ControlRefused, match="not paused"):
            await control.resume()


async def test_a_singleton_moves_where_it_is_told(settings: Etcd, control: Control) -> None:
    """A person moves a singleton to a named node, or just away; what cannot be meant is refused in one sentence."""
    async with nodes(settings, "a", "b", "c", singletons=["meter"]) as (a, b, c):
        await until(lambda: a.holds and len(a.sees) == 3)
        moved = await control.move("meter", "sam", to="c")
        assert (moved.node, moved.fence) == ("c", 2) and c.holds and not a.holds
        moved = await control.move("meter", "sam")
        assert moved.fence == 3 and moved.node in {"a", "b"}
        await until(lambda: [node.name for node in (a, b, c) if node.holds] == [moved.node])
        for singleton, to, said in (
            ("metre", "", "nobody holds metre; known singletons: meter"),
            ("meter", moved.node, f"{moved.node} holds meter already"),
            ("meter", "d", "d is no member: a, b, c"),
        ):
            with pytest.raises(ControlRefused, match=said):
                await control.move(singleton, "sam", to=to)
        await until(lambda: all(node.membership.healthy for node in (a, b, c)))
    async with nodes(settings, "alone", singletons=["meter"]) as (alone,):
        await until(lambda: alone.holds)
        with pytest.raises(ControlRefused, match="no other node stands for meter"):
            await control.move("meter", "sam")


async def test_a_killed_node_is_followed(settings: Etcd, tmp_path: Path) -> None:
    """Kill -9 of a member that holds a singleton: within its lease's time and a second it is no member, and the next one holds."""
    async with contenders(settings, tmp_path, "a", "b") as (store, (a, b)), nodes(settings, "c") as (c,):
        await until(lambda: c.sees == ["a", "b", "c"])
        killed_at = a.send(signal.SIGKILL)
        taken = await b.until("APPLIED")
        assert taken.at - killed_at < settings.ttl_s + 1
        assert next(write.result for write in store.writes if write.node == "b") == "applied"
        await until(lambda: c.sees == ["b", "c"], within_s=0.5)


async def test_a_stale_holders_write_is_refused(settings: Etcd, tmp_path: Path) -> None:
    """A holder is stopped between looking at its term and writing, for longer than its lease, and continued: its write reaches the store, which refuses it."""
    async with contenders(settings, tmp_path, "a", "b") as (store, (a, b)):
        await stop_in_flight(a)
        taken = await b.until("APPLIED")
        count = len(store.writes)
        said = len(a.said)
        a.send(signal.SIGCONT)
        refused = await a.until("REFUSED", after=said)
        late = [write for write in store.writes[count:] if write.node == "a"]
        assert late == [Write("a", 1, "refused")] and refused.fence == 1
        assert taken.fence == 2 and (await store.store.fenced(SINGLETON))[0].number == 2
        await asyncio.sleep(0.5)
        assert [write for write in store.writes[count:] if write.node == "a"] == late, "it has noticed, and writes no more"


async def stop_in_flight(holder: Contender) -> None:
    """Stops a holder that has looked at its term and has not written yet."""
    while True:
        await holder.until("looked", after=len(holder.said))
        holder.send(signal.SIGSTOP)
        await asyncio.sleep(0.1)
        if holder.said[-1].what == "looked":
            return
        holder.send(signal.SIGCONT)
