"""Membership on real etcd: who is there, who no longer is, and what is known while etcd is away."""

from __future__ import annotations

import asyncio
import time
import uuid

import pytest

from croupier.cluster.membership import Member
from croupier.config import Etcd
from tests.cluster.electing import Fences, Node, compact, gateway, leader, nodes, text, until
from tests.cluster.gate import Gate
from tests.cluster.machines import Members


@pytest.fixture
def settings(etcd: Members) -> Etcd:
    """A prefix of the test's own."""
    return Etcd(endpoints=tuple(etcd.endpoints), prefix=f"/test/{uuid.uuid4().hex}", ttl_s=3)


async def test_members_see_each_other(settings: Etcd) -> None:
    """What a node says of itself reaches the others at once; one that leaves is gone at once."""
    async with nodes(settings, "b", "a") as (b, a):
        await until(lambda: a.sees == b.sees == ["a", "b"])
        heard: list[tuple[Member, ...]] = []
        b.membership.subscribe(heard.append)
        await a.membership.update(state="serving", load_permille=250, address="10.9.9.9:1")
        await until(lambda: said_by(b, "a") == ("serving", 250, "10.9.9.9:1"), within_s=0.5)
        assert heard[-1] == b.membership.members
        await a.membership.update(load_permille=400)
        await until(lambda: said_by(b, "a")[1] == 400, within_s=2)
        await a.membership.update(load_permille=410)
        await a.membership.update(load_permille=380)
        await asyncio.sleep(1.2)
        assert said_by(b, "a")[1] == 400, "loads that are nearly the same are not worth a revision of etcd's"
        await a.stop()
        await until(lambda: b.sees == ["b"], within_s=0.5)


async def test_a_restarted_node_takes_its_name_over(settings: Etcd) -> None:
    """A node that comes back within its old lease's time is known at once; if the old process lives still, that one says so and stands back."""
    fences = Fences()
    async with nodes(settings, "a", fences=fences) as (older,):
        younger = await Node("a", settings, fences).start()
        await until(lambda: not older.membership.healthy)
        assert older.membership.problem == "another process is running as node a: each node needs a name of its own"
        assert younger.membership.healthy
        await younger.stop()
        await until(lambda: older.membership.healthy)


async def test_one_member_of_etcd_dies(settings: Etcd, etcd: Members) -> None:
    """Etcd's leader is killed, then a follower: no member vanishes, no term ends, and changes get through."""
    async with nodes(settings, "a", "b", singletons=["meter"]) as (a, b):
        await until(lambda: a.holds and a.sees == b.sees == ["a", "b"])
        heard: list[tuple[Member, ...]] = []
        b.membership.subscribe(heard.append)
        for load, victim in zip((100, 200), (leader(etcd.endpoints), leader(etcd.endpoints) % 3 + 1), strict=True):
            etcd.cluster.kill(f"etcd-{victim}")
            await a.membership.update(load_permille=load)
            await until(lambda load=load: said_by(b, "a")[1] == load, within_s=4)
            etcd.cluster.restart(f"etcd-{victim}")
        assert all([member.node for member in members] == ["a", "b"] for members in heard)
        assert len(a.began) == 1 and a.holds and not b.began


async def test_the_leader_of_etcd_hangs(settings: Etcd, etcd: Members) -> None:
    """SIGSTOP, for longer than a lease, of the member that leads etcd, to which one node talks and the other does not: nothing is lost, changes get through."""
    number = leader(etcd.endpoints)
    there = Etcd(settings.endpoints[number - 1 :] + settings.endpoints[: number - 1], settings.prefix, ttl_s=3)
    elsewhere = Etcd(there.endpoints[1:] + there.endpoints[:1], settings.prefix, ttl_s=3)
    fences = Fences()
    async with nodes(there, "a", fences=fences, singletons=["meter"]) as (a,), nodes(elsewhere, "b", fences=fences) as (b,):
        await until(lambda: a.holds and a.sees == b.sees == ["a", "b"])
        etcd.cluster.pause(f"etcd-{number}")
        await asyncio.sleep(settings.ttl_s + 1)
        await a.membership.update(load_permille=700)
        await until(lambda: said_by(b, "a")[1] == 700, within_s=3)
        assert len(a.began) == 1 and a.holds and a.sees == b.sees == ["a", "b"]


async def test_all_of_etcd_hangs_for_a_moment(settings: Etcd, etcd: Members) -> None:
    """All members stopped for less than a lease lasts: nobody notices."""
    longer = Etcd(settings.endpoints, settings.prefix, ttl_s=8)
    async with nodes(longer, "a", "b", singletons=["meter"]) as (a, b):
        await until(lambda: a.holds and a.sees == b.sees == ["a", "b"])
        for number in (1, 2, 3):
            etcd.cluster.pause(f"etcd-{number}")
        await asyncio.sleep(2.5)
        for number in (1, 2, 3):
            etcd.cluster.resume(f"etcd-{number}")
        await a.membership.update(load_permille=700)
        await until(lambda: said_by(b, "a")[1] == 700, within_s=4)
        assert len(a.began) == 1 and a.holds and not b.began


async def test_all_of_etcd_hangs_for_long(settings: Etcd, etcd: Members) -> None:
    """Stopped for longer than a lease: terms end in time, members stay known, the reason is said; afterwards all is as before, under a new fence."""
    async with nodes(settings, "a", "b", singletons=["meter"]) as (a, b):
        await until(lambda: a.holds and a.sees == b.sees == ["a", "b"])
        seen: list[list[str]] = []
        b.membership.subscribe(lambda members: seen.append([member.node for member in members]))
        stopped_at = time.monotonic()
        for number in (1, 2, 3):
            etcd.cluster.pause(f"etcd-{number}")
        await until(lambda: not a.holds, within_s=settings.ttl_s)
        assert a.lost_at - stopped_at <= settings.ttl_s - 1 + 0.1
        await until(lambda: a.membership.problem.endswith("no answer in time"), within_s=settings.ttl_s + 2)
        assert a.membership.problem.startswith(f"etcd cannot be reached at {', '.join(settings.endpoints)}")
        await asyncio.sleep(stopped_at + settings.ttl_s + 1 - time.monotonic())
        assert a.sees == b.sees == ["a", "b"]
        for number in (1, 2, 3):
            etcd.cluster.resume(f"etcd-{number}")
        await until(lambda: a.membership.healthy and b.membership.healthy and a.holds + b.holds)
        assert a.sees == b.sees == ["a", "b"] and all(sees == ["a", "b"] for sees in seen)
        assert max(term.fence for term in a.began + b.began) == len(a.began + b.began) == 2
        await b.stop()
        await until(lambda: a.sees == ["a"], within_s=settings.ttl_s + 0.5)


async def test_changes_are_not_missed_while_cut_off(settings: Etcd) -> None:
    """Cut off while members come and go: the watch is resumed after the last change taken, and no change is missed."""
    await behind_a_gate(settings, forget=False)


async def test_changes_are_not_missed_after_a_compaction(settings: Etcd) -> None:
    """The same where etcd has forgotten the changes meanwhile: everything is listed again."""
    await behind_a_gate(settings, forget=True)


async def behind_a_gate(settings: Etcd, *, forget: bool) -> None:
    gate = await Gate(settings.endpoints[0]).open()
    behind = Etcd((gate.address,), settings.prefix, ttl_s=settings.ttl_s)
    fences = Fences()
    async with nodes(settings, "goes", "stays", fences=fences) as (goes, stays), nodes(behind, "cut", fences=fences) as (cut,):
        await until(lambda: cut.sees == stays.sees == ["cut", "goes", "stays"])
        await gate.shut()
        await goes.stop()
        await stays.membership.update(state="draining")
        async with nodes(settings, "comes", fences=fences):
            if forget:
                compact(settings.endpoints[1], f"{settings.prefix}/x")
            assert cut.sees == ["cut", "goes", "stays"]
            await gate.open()
            await until(lambda: cut.sees == ["comes", "cut", "stays"] and said_by(cut, "stays")[0] == "draining")
            await until(lambda: cut.membership.healthy)
    await gate.shut()


async def test_unreadable_entries_are_left_out(settings: Etcd) -> None:
    """What another version or a person has put under the prefix harms nobody."""
    gateway(settings.endpoints[0], "kv/put", key=text(f"{settings.prefix}/members/odd"), value=text("not JSON"))
    newer = '{"node":"newer","region":"eu","address":"h:1","version":"9","state":"serving","colour":"blue"}'
    gateway(settings.endpoints[0], "kv/put", key=text(f"{settings.prefix}/members/newer"), value=text(newer))
    async with nodes(settings, "a") as (a,):
        await until(lambda: a.sees == ["a", "newer"])
        assert a.membership.healthy


def said_by(node: Node, other: str) -> tuple[str, int, str]:
    """What `node` knows of another one."""
    return next(((m.state, m.load_permille, m.address) for m in node.membership.members if m.node == other), ("", 0, ""))
