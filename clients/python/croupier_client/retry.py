"""When a call is sent again, where and how long after: pure decisions, told the time, shared by the blocking and the asyncio client.

No other layer retries: gRPC's own retries are switched off. Every attempt repeats the same request with the same id, so however often
it is sent it has one effect at most. Writes are never hedged: an attempt starts only after the one before has failed or timed out.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

import grpc

from .errors import CroupierError

_RETRIED_REASONS = frozenset({"WRITE_CONFLICT", "OVERLOADED", "NODE_UNAVAILABLE", "OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED"})
# A code alone counts only where no reason is given: then the transport failed, not the engine. grpc.aio calls some streams that
# broke while it was writing INTERNAL.
_RETRIED_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL})


@dataclass(frozen=True)
class RetryPolicy:
    """How long and how often a call is tried."""

    deadline_s: float = 10.0
    """For the whole call, attempts and pauses together."""
    attempt_timeout_s: float = 2.0
    """For one attempt, so that a hung node costs only a part of the deadline."""
    attempts_max: int = 8
    backoff_first_s: float = 0.05
    """Upper end of the first pause; each further one may be twice as long. The pause is uniform between half and all of it."""
    backoff_max_s: float = 2.0
    timeouts_until_ejected: int = 2
    """Time-outs in a row after which a node is left alone for a while."""
    ejected_s: float = 30.0


@dataclass
class _Node:
    address: str
    timeouts: int = 0
    ejected_until: float = 0.0


class Nodes:
    """The addresses of one cluster. Calls stay with one node until it fails, then move to the next that is not ejected. Thread-safe."""

    def __init__(self, addresses: tuple[str, ...], policy: RetryPolicy) -> None:
        if not addresses:
            raise ValueError("at least one address is needed")
        self._nodes = [_Node(address) for address in addresses]
        self._policy = policy
        self._at = 0
        self._lock = threading.Lock()

    def choose(self, now: float) -> str:
        """The node for the next attempt: the one in use unless it is ejected; if all are, the one that has waited longest."""
        with self._lock:
            order = self._nodes[self._at :] + self._nodes[: self._at]
            chosen = next((node for node in order if node.ejected_until <= now), None) or min(order, key=lambda node: node.ejected_until)
            self._at = self._nodes.index(chosen)
            return chosen.address

    def answered(self, address: str) -> None:
        """The node answered, be it with an error of the engine's."""
        with self._lock:
            self._find(address).timeouts = 0

    def failed(self, address: str, now: float, *, timed_out: bool) -> None:
        """The node could not be reached or did not answer in time: calls move on, and a node that keeps hanging is ejected."""
        with self._lock:
            node = self._find(address)
            if timed_out:
                node.timeouts += 1
                if node.timeouts >= self._policy.timeouts_until_ejected:
                    node.ejected_until = now + self._policy.ejected_s
                    # After its time outside, a single time-out sends it out again.
                    node.timeouts = self._policy.timeouts_until_ejected - 1
            if self._nodes[self._at] is node:
                self._at = (self._at + 1) % len(self._nodes)

    def _find(self, address: str) -> _Node:
        return next(node for node in self._nodes if node.address == address)


@dataclass
class Attempts:
    """The attempts of one call. The caller sends each, and tells what became of it."""

    nodes: Nodes
    policy: RetryPolicy
    deadline: float
    """On the caller's monotonic clock, in seconds."""
    jitter: random.Random
    made: int = 0
    address: str = ""

    def start(self, now: float) -> float:
        """Begins an attempt at `self.address`, and gives its time-out in seconds."""
        self.made += 1
        self.address = self.nodes.choose(now)
        return max(0.001, min(self.policy.attempt_timeout_s, self.deadline - now))

    def answered(self) -> None:
        """The attempt was answered."""
        self.nodes.answered(self.address)

    def renew(self, now: float) -> None:
        """A stream that had made progress broke: its deadline and its count of attempts begin again."""
        self.nodes.answered(self.address)
        self.made = 1
        self.deadline = now + self.policy.deadline_s

    def failed(self, error: CroupierError, now: float) -> float:
        """Seconds to pause before the next attempt.

        Raises:
            CroupierError: `error` itself, if it is final or neither time nor attempts are left.
        """
        error.attempts = self.made
        self._note(error, now)
        pause = self._pause(error)
        if not is_retried(error) or self.made >= self.policy.attempts_max or now + pause >= self.deadline:
            raise error from None
        return pause

    def _note(self, error: CroupierError, now: float) -> None:
        if not error.reason and error.code in _RETRIED_CODES:
            self.nodes.failed(self.address, now, timed_out=error.code is grpc.StatusCode.DEADLINE_EXCEEDED)
        elif error.reason in ("NODE_UNAVAILABLE", "OVERLOADED"):
            self.nodes.failed(self.address, now, timed_out=False)
        else:
            self.nodes.answered(self.address)

    def _pause(self, error: CroupierError) -> float:
        longest = min(self.policy.backoff_max_s, self.policy.backoff_first_s * 2 ** (self.made - 1))
        jittered = longest * self.jitter.uniform(0.5, 1.0)
        return max(jittered, error.retry_after_s or 0.0)


def is_retried(error: CroupierError) -> bool:
    """Whether the same request may be sent again as it is."""
    return error.reason in _RETRIED_REASONS or (not error.reason and error.code in _RETRIED_CODES)
