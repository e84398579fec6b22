"""What the clients ask in the background: who serves, by ListNodes, and whether a node that is out serves again, by the health service."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .calls import list_nodes
from .nodes import Listed, Nodes
from .pb import admin_service_pb2 as admin
from .pb import cluster_service_pb2 as cluster

LIST_NODES = list_nodes().method
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
HEALTH_QUESTION = b""
"""An empty HealthCheckRequest: the server as a whole."""
_IS_SERVING = b"\x08\x01"
"""HealthCheckResponse with status SERVING."""
ASK_TIMEOUT_S = 1.0
HURRIED_S = 1.0
"""Seconds between two questions for the list while calls fail."""
UNANSWERED_S = 0.25
"""Seconds until another node is asked that a question was not answered; each further time twice as long, up to the usual interval."""
TICK_S = 0.25
"""Seconds between two looks at which nodes are due for a probe."""


@dataclass(frozen=True)
class Reach:
    """Which nodes a client knows and may learn of."""

    addresses: tuple[str, ...]
    region: str = ""
    discover: bool | None = None

    @property
    def asks_for_list(self) -> bool:
        """Whether it asks for the list of nodes: where it is not said, with more than one address."""
        return len(self.addresses) > 1 if self.discover is None else self.discover

    @property
    def watches(self) -> bool:
        """Whether there is anything to ask in the background."""
        return self.asks_for_list or len(self.addresses) > 1


class Schedule:
    """When the list is asked for: every `interval_s` or so, soon after a call failed, and less and less often while nobody answers."""

    def __init__(self, interval_s: float, chance: random.Random) -> None:
        self._interval_s = interval_s
        self._chance = chance
        self._is_hurried = False
        self._asked = float("-inf")
        self._pause_s = 0.0
        self._unanswered = 0

    def hurry(self) -> None:
        """A call failed."""
        self._is_hurried = True

    def is_due(self, now: float) -> bool:
        """Whether to ask now."""
        pause_s = min(self._pause_s, HURRIED_S) if self._is_hurried and not self._unanswered else self._pause_s
        return now >= self._asked + pause_s

    def asked(self, now: float, *, is_answered: bool) -> None:
        """A question was answered, or it was not."""
        self._is_hurried, self._asked = False, now
        self._unanswered = 0 if is_answered else self._unanswered + 1
        # Clients that began together do not go on asking together.
        usual_s = self._interval_s * self._chance.uniform(0.8, 1.2)
        self._pause_s = usual_s if is_answered else min(usual_s, UNANSWERED_S * 2.0 ** min(self._unanswered - 1, 10))


def take_over(nodes: Nodes, response: cluster.ListNodesResponse) -> None:
    """Tells the nodes what ListNodes answered."""
    nodes.listed([_listed(node) for node in response.nodes if node.address], _id(response.answered_by))


def says_serving(answer: bytes) -> bool:
    """Whether an answer of the health service means that calls are taken."""
    return answer == _IS_SERVING


def gone(open_: Sequence[str], nodes: Nodes, since: dict[str, float], now: float) -> list[str]:
    """Addresses of open channels that no call has been able to use for a minute: time to close them. `since` is kept by the caller."""
    known = set(nodes.addresses())
    for address in open_:
        if address in known:
            since.pop(address, None)
        else:
            since.setdefault(address, now)
    left = [address for address, at in since.items() if now - at > 60.0]
    for address in left:
        del since[address]
    return left


def _listed(node: cluster.ClusterNode) -> Listed:
    return Listed(_id(node.name), node.address, node.region, node.state == admin.NODE_STATE_SERVING)


def _id(name: str) -> str:
    return name.removeprefix("nodes/")
