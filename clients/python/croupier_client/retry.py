"""When a call is sent again and how long after: pure decisions, told the time, shared by the blocking and the asyncio client.

No other layer retries: gRPC's own retries are switched off. Every attempt repeats the same request with the same id, so however often
it is sent it has one effect at most. Writes are never hedged: an attempt starts only after the one before has failed or timed out.
Where an attempt goes is decided by nodes.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import grpc

from .budget import BudgetRules
from .errors import CroupierError
from .nodes import Choice, Nodes, Report
from .standing import Ejection

_OF_THE_WALLET = frozenset({"WRITE_CONFLICT", "OUTCOME_UNKNOWN"})
_RETRIED_REASONS = _OF_THE_WALLET | {"OVERLOADED", "NODE_UNAVAILABLE", "STORE_UNREACHABLE", "DEADLINE_EXCEEDED"}
# A code alone counts only where no reason is given: then the transport failed, not the engine. grpc.aio calls some streams that
# broke while it was writing INTERNAL, and a server of grpcio that ends cancels what it was doing.
_RETRIED_CODES = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED}
)


@dataclass(frozen=True)
class RetryPolicy:
    """How long and how often a call is tried."""

    deadline_s: float = 10.0
    """For the whole call, attempts and pauses together."""
    attempt_timeout_s: float = 2.0
    """For one attempt, so that a hung node costs only a part of the deadline."""
    failover_timeout_s: float = 1.0
    """The same while another node stands ready, for a call of which no attempt has timed out yet. It is longer while answers take long anyhow: leaving
    nodes for others does not make a slow store quicker."""
    attempts_max: int = 8
    backoff_first_s: float = 0.05
    """Upper end of the first pause; each further one may be twice as long. The pause is uniform between half and all of it."""
    backoff_max_s: float = 2.0
    list_interval_s: float = 3.0
    """Seconds between two questions for the list of nodes while no call fails."""
    ejection: Ejection = field(default_factory=Ejection)
    budget: BudgetRules = field(default_factory=BudgetRules)


@dataclass
class Attempts:
    """The attempts of one call or stream. The caller sends each, and tells what became of it."""

    nodes: Nodes
    policy: RetryPolicy
    deadline: float
    """On the caller's monotonic clock, in seconds."""
    jitter: random.Random
    wallet: str = ""
    """The wallet that the call is about."""
    patience: float = 1.0
    """How many times as long as usual an attempt may take."""
    fixed: str = ""
    """The only address that it may be sent to, for a call that is about the node that answers."""
    made: int = 0
    choice: Choice = field(default_factory=lambda: Choice(""))
    _tried: list[str] = field(default_factory=list[str])
    _toward: tuple[str, ...] = ()
    _started: float = 0.0
    _pauses: int = 0
    _has_timed_out: bool = False
    _is_free: bool = True
    """The next attempt takes nothing out of the budget."""

    @property
    def address(self) -> str:
        """Where the attempt goes."""
        return self.choice.address

    def start(self, now: float) -> float:
        """Begins an attempt at `self.choice`, and gives its time-out in seconds."""
        if not self.made:
            self.nodes.called(now)
        self.made += 1
        self.choice = Choice(self.fixed) if self.fixed else self.nodes.choose(self.wallet, self._tried, now, self._toward)
        self._started, self._is_free = now, False
        timeout_s = self.policy.attempt_timeout_s
        if self.choice.alternative and not self._has_timed_out:
            timeout_s = min(timeout_s, max(self.policy.failover_timeout_s, self.nodes.patience_s))
        return max(0.001, min(timeout_s * self.patience, self.deadline - now))

    def answered(self, now: float) -> None:
        """The attempt was answered."""
        self.nodes.took((now - self._started) / self.patience)
        self.nodes.answered(self._report(now))

    def renew(self, now: float) -> None:
        """A stream that had made progress broke: its deadline and its count of attempts begin again."""
        self.made, self._pauses, self._started = 1, 0, now
        self._tried.clear()
        self.nodes.answered(self._report(now))
        self.deadline = now + self.policy.deadline_s

    def failed(self, error: CroupierError, now: float) -> float:
        """Seconds to pause before the next attempt; then ask `waits`.

        Raises:
            CroupierError: `error` itself, if it is final or neither time nor attempts are left.
        """
        error.attempts = self.made
        self._note(error, now)
        pause = self._pause(error)
        if not is_retried(error) or self.made >= self.policy.attempts_max or now + pause >= self.deadline:
            raise error from None
        return pause

    def waits(self, error: CroupierError, now: float) -> float:
        """Seconds to wait on for the budget of retries; 0 once the next attempt may start.

        Raises:
            CroupierError: `error`, if the budget is empty until the deadline.
        """
        if self._is_free or self.nodes.may_retry(now):
            return 0.0
        pause = self._backoff()
        if now + pause >= self.deadline:
            raise error from None
        return pause

    def _note(self, error: CroupierError, now: float) -> None:
        """Tells the nodes, and decides where the next attempt may not go."""
        report = self._report(now)
        toward, self._toward = self._toward, ()
        if error.reason in _OF_THE_WALLET and self.address not in self._tried:
            # Another node would have to compete for the wallet, so its own one is asked once more.
            self.nodes.answered(report)
            if self.made > 1:
                self._tried.append(self.address)
            return
        self._tried.append(self.address)
        if not error.reason and error.code in _RETRIED_CODES:
            hung = error.code is grpc.StatusCode.DEADLINE_EXCEEDED
            self._has_timed_out |= hung
            self.nodes.failed(report, hung=hung)
        elif error.reason == "STORE_UNREACHABLE":
            self.nodes.failed(report, hung=False)
        elif error.reason == "NODE_UNAVAILABLE":
            self.nodes.refused(report)
        elif error.reason == "OVERLOADED":
            told = tuple(error.metadata[fact].removeprefix("nodes/") for fact in ("node", "region") if error.metadata.get(fact))
            self.nodes.shed(report, told)
            # Whoever was sent on once already waits like all others.
            self._toward = () if toward else told
            self._is_free = bool(self._toward)
        else:
            self.nodes.answered(report)

    def _pause(self, error: CroupierError) -> float:
        if self._toward:
            return 0.0
        is_of_the_node = error.reason in ("", "NODE_UNAVAILABLE", "STORE_UNREACHABLE")
        if is_of_the_node and self.choice.alternative:
            return 0.0
        return max(self._backoff(), error.retry_after_s or 0.0)

    def _backoff(self) -> float:
        longest = min(self.policy.backoff_max_s, self.policy.backoff_first_s * 2**self._pauses)
        self._pauses += 1
        return longest * self.jitter.uniform(0.5, 1.0)

    def _report(self, now: float) -> Report:
        return Report(self.address, self._started, now)


def is_retried(error: CroupierError) -> bool:
    """Whether the same request may be sent again as it is."""
    return error.reason in _RETRIED_REASONS or (not error.reason and error.code in _RETRIED_CODES)
