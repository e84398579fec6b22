"""The Python client's decisions through simulated minutes of a cluster: nodes die, hang, drain and shed in turn, many calls run at once, time is virtual."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import count

import grpc
import pytest

from croupier_client.errors import CroupierError, OutcomeUnknown, Overloaded, Unavailable
from croupier_client.nodes import Listed, Nodes
from croupier_client.retry import Attempts, RetryPolicy
from croupier_client.standing import Ejection

POLICY = RetryPolicy()
LEASE_S = 6.0
"""How long the list goes on naming a node that is gone."""
ANSWER_S = 0.01
COUNT, WALLETS = 5, 60
COURSES = ("dead", "hung", "draining", "shedding")


@dataclass
class World:
    """Five nodes in two regions. At any time at most one of them is in trouble, for 2 to 40 s."""

    chance: random.Random
    regions: tuple[str, ...] = ("here", "here", "here", "there", "there")
    trouble: list[tuple[float, float, int, str]] = field(default_factory=list[tuple[float, float, int, str]])

    def __post_init__(self) -> None:
        at = 5.0
        while at < 300:
            until = at + self.chance.uniform(2, 40)
            self.trouble.append((at, until, self.chance.randrange(COUNT), self.chance.choice(COURSES)))
            at = until + self.chance.uniform(0, 10)

    def state(self, node: int, now: float) -> str:
        """What is wrong with a node; "" where nothing is."""
        return next((what for since, until, whose, what in self.trouble if whose == node and since <= now < until), "")

    def listed(self, now: float) -> list[Listed]:
        """What ListNodes says: the dead and the hung are named until their lease ends."""
        found = []
        for node, region in enumerate(self.regions):
            if self.state(node, now) in ("dead", "hung") and self.state(node, now - LEASE_S) in ("dead", "hung"):
                continue
            found.append(Listed(f"n{node}", f"n{node}:1", region, self.state(node, now) != "draining"))
        return found


@dataclass
class Course:
    """One client in that world."""

    seed: int
    policy: RetryPolicy = POLICY
    took_s: list[float] = field(default_factory=list[float])
    sent: Counter[str] = field(default_factory=Counter[str])
    """Attempts by what was wrong with the node that they went to."""
    failures: list[CroupierError] = field(default_factory=list[CroupierError])

    def run(self, calls_per_s: float = 50) -> None:
        """Five minutes."""
        chance = random.Random(self.seed)
        self.world, self.chance = World(chance), chance
        self.nodes = Nodes(("n0:1", "n3:1"), self.policy.ejection, region="here", chance=chance)
        queue: list[tuple[float, int, Generator[float, float, None]]] = []
        order = count()
        heapq.heappush(queue, (0.0, next(order), self._background()))
        at = 0.0
        while at < 300:
            heapq.heappush(queue, (at, next(order), self._call(f"operators/o/players/{chance.randrange(WALLETS)}/wallets/EUR", at)))
            at += chance.expovariate(calls_per_s)
        started: set[int] = set()
        while queue:
            now, number, task = heapq.heappop(queue)
            if now > 320:
                break
            try:
                wait_s = task.send(now) if number in started else next(task)
            except StopIteration:
                continue
            started.add(number)
            heapq.heappush(queue, (now + wait_s, number, task))

    def _background(self) -> Generator[float, float, None]:
        """Lists and probes, as the watchers do."""
        now, relist = 0.0, 0.0
        while True:
            if now >= relist:
                self.nodes.listed(self.world.listed(now), "n0")
                relist = now + self.policy.list_interval_s
            for address in self.nodes.to_probe(now):
                self.nodes.probed(address, now, serving=self.world.state(int(address[1]), now) in ("", "shedding"))
            now = yield 0.25

    def _call(self, wallet: str, now: float) -> Generator[float, float, None]:
        began = now
        attempts = Attempts(self.nodes, self.policy, now + self.policy.deadline_s, self.chance, wallet)
        while True:
            timeout_s = attempts.start(now)
            state = self.world.state(int(attempts.address[1]), now)
            self.sent[state] += 1
            if state in ("", "draining") or (state == "shedding" and self.chance.random() < 0.4):
                now = yield ANSWER_S
                attempts.answered(now)
                self.took_s.append(now - began)
                return
            now = yield timeout_s if state == "hung" else 0.001
            error = _error(state)
            try:
                wait_s = attempts.failed(error, now)
                if wait_s:
                    now = yield wait_s
                while wait_s := attempts.waits(error, now):
                    now = yield wait_s
            except CroupierError as final:
                self.failures.append(final)
                return


def _error(state: str) -> CroupierError:
    if state == "hung":
        return OutcomeUnknown("no answer", code=grpc.StatusCode.DEADLINE_EXCEEDED)
    if state == "shedding":
        facts = {"node": "n4", "region": "there"}
        return Overloaded("no room", code=grpc.StatusCode.RESOURCE_EXHAUSTED, reason="OVERLOADED", metadata=facts, retry_after_s=0.1)
    return Unavailable("refused", code=grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("seed", range(4))
def test_no_call_fails_while_a_node_is_in_trouble(seed: int) -> None:
    """15,000 calls through a dozen troubles: none fails, few wait, and a node in trouble is not asked again and again."""
    course = Course(seed)
    course.run()
    took = sorted(course.took_s)
    assert course.failures == []
    assert len(took) > 12_000
    assert took[-1] < POLICY.failover_timeout_s + 0.5
    assert took[int(len(took) * 0.99)] < 0.2
    troubles = Counter(what for _, _, _, what in course.world.trouble)
    # A hung node holds what is sent to it for the second until the first two of these have timed out: 50 calls/s, a third of them its own.
    assert course.sent["hung"] <= 40 * troubles["hung"]
    assert course.sent["dead"] <= 6 * troubles["dead"]
    # Calls go there until the list has said so.
    assert course.sent["draining"] <= POLICY.list_interval_s * 50 * 0.6 * troubles["draining"]


def test_the_course_tells_a_client_that_never_leaves_a_node() -> None:
    """Control: without ejection hung nodes are asked far more often in the same course."""
    lax, usual = Course(0, RetryPolicy(ejection=Ejection(failures=1_000_000))), Course(0)
    lax.run()
    usual.run()
    assert lax.sent["hung"] > 3 * usual.sent["hung"] > 0
