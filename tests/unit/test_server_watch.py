"""A node looks now and then how far clocks are apart, says so, and stays in service."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from croupier.stores.cassandra.checks import Look, ahead_ms
from croupier.stores.cassandra.watch import EVERY_S, ServerWatch
from tests.unit.test_checks import Node

APART = "clocks are 7.5 s apart between this node, a:1 and b:1, more than 5 s"


class Servers:
    """What they say, and the time between the looks at them."""

    def __init__(self, *ahead_ms: float) -> None:
        self.looks = [Look(f"{name}:1", ahead) for name, ahead in zip("abc", ahead_ms, strict=False)]
        self.now_s = 100.0
        self.asked = 0

    async def ask(self) -> Sequence[Look]:
        self.asked += 1
        return self.looks

    def watch(self, *accept: str) -> ServerWatch:
        return ServerWatch(self.ask, accept, lambda: self.now_s)

    async def later(self, watch: ServerWatch) -> str:
        """What it says once it is time for another look."""
        self.now_s += EVERY_S
        return await watch.problem()


async def test_it_looks_now_and_then_and_says_the_greatest_distance() -> None:
    """Between any two servers, or one and the node; not at every question, and no longer than it lasts."""
    servers = Servers(-2_500, 5_000, 0)
    watch = servers.watch()
    assert watch.apart_s is None
    assert await watch.problem() == await watch.problem() == APART
    assert (servers.asked, watch.apart_s) == (1, 7.5)
    servers.looks = [Look("a:1", -300)]
    assert await servers.later(watch) == ""
    assert watch.apart_s == 0.3
    servers.looks = [Look("a:1", 6_000)]
    assert await servers.later(watch) == "clocks are 6.0 s apart between this node and a:1, more than 5 s"


async def test_where_no_server_answers_what_was_found_stands() -> None:
    """That the store is out of reach is told elsewhere, and says nothing about clocks."""
    servers = Servers(-2_500, 5_000)
    watch = servers.watch()
    assert await watch.problem() == APART
    servers.looks = []
    assert (await servers.later(watch), watch.apart_s) == (APART, 7.5)


async def test_accepted_is_no_problem_but_is_measured() -> None:
    """The operator who let the node start with it knows."""
    watch = Servers(-2_500, 5_000).watch("clocks")
    assert (await watch.problem(), watch.apart_s) == ("", 7.5)


async def test_a_node_warns_once_and_serves_on(caplog: pytest.LogCaptureFixture) -> None:
    """One sentence when it begins, one when it ends; health goes on saying SERVING."""
    servers, node = Servers(-2_500, 5_000), Node()
    node.checks._servers = servers.watch()
    with caplog.at_level(logging.WARNING, "croupier.checks"):
        for _ in range(3):
            await node.checks.look()
        assert (node.said, node.checks.problems) == ([], {"clocks": APART})
        servers.looks, servers.now_s = [], servers.now_s + EVERY_S
        await node.checks.look()
        servers.looks, servers.now_s = [Look("a:1", 10)], servers.now_s + EVERY_S
        await node.checks.look()
    assert (node.said, node.checks.problems) == ([], {})
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"clocks: {APART}"),
        ("WARNING", "clocks: well again"),
    ]


@pytest.mark.parametrize(
    ("before", "then", "after", "ahead"), [(100, 150, 200, 0), (100, 100, 100, 0), (100, 230, 200, 30), (100, 60, 200, -40)]
)
def test_a_slow_answer_is_no_distance(before: float, then: float, after: float, ahead: float) -> None:
    """What a clock told between question and answer may have been right; beyond them it was off by so much at least."""
    assert ahead_ms(before, then, after) == ahead


async def test_the_size_of_each_servers_paxos_state_is_known_as_it_was_told_last() -> None:
    """A server that does not answer keeps its last one; one whose login may not look has none."""
    servers = Servers()
    servers.looks = [Look("a:1", 0, 7), Look("b:1", 0)]
    watch = servers.watch()
    await watch.problem()
    assert watch.paxos_mib == {"a:1": 7}
    servers.looks = [Look("b:1", 0, 0)]
    await servers.later(watch)
    assert watch.paxos_mib == {"a:1": 7, "b:1": 0}
