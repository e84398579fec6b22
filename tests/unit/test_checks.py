"""What a node looks after while it serves."""

from __future__ import annotations

from croupier.checks import Checks
from croupier.cluster.membership import Member
from croupier.cluster.single import SingleMembership
from croupier.errors import NodeUnavailable, StoreUnreachable


class Node:
    """What checks look at, and what they say."""

    def __init__(self) -> None:
        self.busy_s = 0.0
        self.failures: list[Exception] = []
        self.said: list[bool] = []
        self.membership = SingleMembership(Member("node-1", "eu", "node-1:7400", "0"))
        self.checks = Checks(self, self.membership, 10.0, self.refresh, self.say)  # type: ignore[arg-type]

    async def refresh(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    async def say(self, serves: bool) -> None:  # noqa: FBT001
        self.said.append(serves)


async def test_a_store_out_of_reach_takes_the_node_out_until_it_is_back() -> None:
    """One failed look may be a single lost node of the store; two say NOT_SERVING, one good one says SERVING again."""
    node = Node()
    node.failures = [StoreUnreachable("no quorum")] * 3
    await node.checks.look()
    assert (node.said, node.checks.problems) == ([], {})
    await node.checks.look()
    await node.checks.look()
    assert (node.said, node.checks.problems) == ([False], {"store": "no quorum"})
    await node.checks.look()
    assert (node.said, node.checks.problems) == ([False, True], {})


async def test_a_batch_that_hangs_is_told_and_the_store_is_not_asked_behind_it() -> None:
    """A read would only wait behind the batch."""
    node = Node()
    node.busy_s = 11
    node.failures = [StoreUnreachable("not asked")]
    await node.checks.look()
    assert node.said == [False]
    assert node.checks.problems.keys() == {"batch"}
    assert node.failures
    node.busy_s = 0
    await node.checks.look()
    assert node.said == [False, True]


async def test_a_cluster_that_does_not_answer_is_told_and_serving_goes_on() -> None:
    """Rounds don't rest on it."""
    node = Node()
    node.membership.problem = "etcd does not answer"
    await node.checks.look()
    assert (node.said, node.checks.problems) == ([], {"cluster": "etcd does not answer"})


async def test_other_failures_leave_the_node_in_service() -> None:
    """What was known stays in force."""
    node = Node()
    node.failures = [NodeUnavailable("draining"), RuntimeError("whatever")]
    await node.checks.look()
    await node.checks.look()
    assert (node.said, node.checks.problems) == ([], {})
