"""A node's load, and where it sends callers that it turns away."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from croupier.cluster.membership import Member, MemberState
from croupier.cluster.spilling import elsewhere
from croupier.errors import Overloaded
from croupier.runners.embedded import Call
from croupier.runners.load import LoadMeter
from tests.unit.slow_store import awaiting, deposit, slow_desk, wallet
from tests.unit.test_shedding import LIMIT, fill, shedding_of


def member(node: str, load_permille: int = 0, region: str = "eu", state: MemberState = "serving") -> Member:
    return Member(node, region, f"{node}.example:7400", "1", state, load_permille)


class Machine:
    """Two clocks, set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.used_s = 0.0

    def tick(self, used_s: float = 0.0) -> None:
        self.now_s += 1.0
        self.used_s += used_s


async def test_an_idle_node_has_no_load_and_one_that_turns_away_is_full() -> None:
    """Writes under way as a part of the limit; 1000 after a second in which a call was turned away; it falls again afterwards."""
    desk, store = slow_desk()
    machine = Machine()
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        meter = LoadMeter(runner, 4_096, lambda: machine.now_s, lambda: machine.used_s)
        machine.tick()
        assert meter.permille() == 0
        filling = await fill(desk, store, runner, LIMIT // 2)
        for _ in range(20):
            machine.tick()
            meter.permille()
        assert meter.permille() == 500
        filling += [runner.call_many([Call(deposit(desk, wallet(number)))]) for number in range(10, 10 + LIMIT // 2)]
        for _ in range(20):
            with contextlib.suppress(Overloaded):
                runner.call_many([Call(deposit(desk))])
            machine.tick()
            meter.permille()
        assert meter.permille() > 990
        store.let_go()
        await asyncio.gather(*filling)
        for _ in range(20):
            machine.tick()
            meter.permille()
        assert meter.permille() == 0


async def test_a_busy_event_loop_is_load() -> None:
    """Nine tenths of a CPU are 900, however little waits."""
    desk, _ = slow_desk()
    machine = Machine()
    async with awaiting(desk) as runner:
        meter = LoadMeter(runner, 4_096, lambda: machine.now_s, lambda: machine.used_s)
        for _ in range(20):
            machine.tick(0.9)
            meter.permille()
        machine.tick(0.9)
        assert meter.permille() == 900


def test_where_there_is_nobody_nobody_is_named() -> None:
    """Not oneself, not one that leaves or is out of service."""
    members = [member("n1"), member("n3", state="draining"), member("n4", state="out_of_service")]
    assert elsewhere(members, "n1", 0.5) == {}
    assert elsewhere([], "n1", 0.5) == {}


def test_the_own_region_first() -> None:
    """As much as it has room; the rest goes to other regions."""
    members = [member("n1"), member("n2", 700), member("n3", 0, "us")]
    assert elsewhere(members, "n1", 0.0) == {"node": "n2", "address": "n2.example:7400", "region": "eu"}
    named = Counter(elsewhere(members, "n1", number / 100)["node"] for number in range(100))
    assert named == {"n2": 30, "n3": 70}
    assert elsewhere([member("n1"), member("n2"), member("n3", 0, "us")], "n1", 0.999)["node"] == "n2"


def test_where_all_are_full_few_are_sent_on() -> None:
    """A twentieth to each: who has room by now is found, and the others' own callers are left their place."""
    members = [member("n1"), member("n2", 1_000, "us"), member("n3", 1_000, "asia")]
    named = Counter(elsewhere(members, "n1", number / 100).get("node") for number in range(100))
    assert named == {"n2": 5, "n3": 5, None: 90}


def test_more_callers_go_where_there_is_more_room() -> None:
    """A member with half the room gets half as many."""
    members = [member("n1"), member("n2", 500), member("n3", 0)]
    named = Counter(elsewhere(members, "n1", number / 300)["node"] for number in range(300))
    assert named == {"n2": 100, "n3": 200}


@given(loads=st.lists(st.integers(0, 1_000), max_size=8), chance=st.floats(0, 1, exclude_max=True))
def test_whoever_is_named_has_room(loads: list[int], chance: float) -> None:
    """For any loads and any chance: another one, and somebody for everybody where there is room enough."""
    members = [member(f"n{number}", load) for number, load in enumerate(loads)]
    named = elsewhere(members, "n0", chance)
    others = [other.node for other in members[1:]]
    assert named == {} or named["node"] in others
    if sum(1_000 - other.load_permille for other in members[1:]) >= 1_000:
        assert named
