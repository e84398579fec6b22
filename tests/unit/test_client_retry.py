"""When the Python client sends a call again, on a clock that the test turns."""

from __future__ import annotations

import random

import grpc
import pytest

from croupier_client.budget import BudgetRules
from croupier_client.errors import Conflict, CroupierError, OutcomeUnknown, Overloaded, RequestInvalid, Unavailable
from croupier_client.nodes import Nodes
from croupier_client.retry import Attempts, RetryPolicy, is_retried
from croupier_client.standing import Ejection

POLICY = RetryPolicy(deadline_s=10, attempt_timeout_s=2, attempts_max=5, backoff_first_s=0.1, backoff_max_s=1)
EJECTION = Ejection()
UNREACHABLE = grpc.StatusCode.UNAVAILABLE
TIMED_OUT = grpc.StatusCode.DEADLINE_EXCEEDED


def _attempts(*addresses: str, nodes: Nodes | None = None, deadline: float = 10) -> Attempts:
    return Attempts(nodes or Nodes(addresses or ("a",), EJECTION), POLICY, deadline, random.Random(1))


def test_pauses_grow_with_jitter_and_end_with_the_attempts() -> None:
    """Each pause lies between half and all of a bound that doubles; the last attempt's error says how many there were."""
    attempts = _attempts()
    for bound in (0.1, 0.2, 0.4, 0.8):
        attempts.start(0)
        assert bound / 2 <= attempts.failed(Unavailable("x", code=UNREACHABLE), 0) <= bound
    attempts.start(0)
    with pytest.raises(Unavailable) as caught:
        attempts.failed(Unavailable("x", code=UNREACHABLE), 0)
    assert caught.value.attempts == 5


def test_an_attempt_ends_before_the_deadline() -> None:
    """An attempt gets its own time-out, cut where the call's deadline comes first; no attempt starts after it."""
    attempts = _attempts(deadline=3)
    assert attempts.start(0) == 2
    assert attempts.failed(OutcomeUnknown("x", code=TIMED_OUT), 2) <= 0.1
    assert attempts.start(2.1) == pytest.approx(0.9)
    with pytest.raises(OutcomeUnknown):
        attempts.failed(OutcomeUnknown("x", code=TIMED_OUT), 3)


def test_the_server_says_how_long_to_wait() -> None:
    """RetryInfo is a lower bound of the pause, and a wait beyond the deadline is not begun."""
    attempts = _attempts()
    attempts.start(0)
    assert attempts.failed(Overloaded("x", reason="OVERLOADED", retry_after_s=4), 0) == 4
    attempts.start(4)
    with pytest.raises(Overloaded):
        attempts.failed(Overloaded("x", reason="OVERLOADED", retry_after_s=7), 4)


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (Unavailable("x", code=UNREACHABLE), True),
        (OutcomeUnknown("x", code=TIMED_OUT), True),
        (Unavailable("x", code=grpc.StatusCode.INTERNAL), True),
        (OutcomeUnknown("x", code=UNREACHABLE, reason="OUTCOME_UNKNOWN"), True),
        (Conflict("x", code=grpc.StatusCode.ABORTED, reason="WRITE_CONFLICT"), True),
        (Conflict("x", code=grpc.StatusCode.ABORTED, reason="STEP_STALE"), False),
        (RequestInvalid("x", code=grpc.StatusCode.RESOURCE_EXHAUSTED, reason="TOO_LARGE"), False),
        (CroupierError("x", code=grpc.StatusCode.INTERNAL, reason="INVARIANT_BROKEN"), False),
    ],
)
def test_only_what_may_pass_is_sent_again(error: CroupierError, retried: bool) -> None:  # noqa: FBT001
    """The reason decides; the code alone only where the transport failed."""
    assert is_retried(error) is retried


def test_a_call_leaves_a_broken_node_at_once_while_another_stands_ready() -> None:
    """No pause before the first try elsewhere; later calls stay there."""
    nodes = Nodes(("a", "b"), EJECTION)
    attempts = _attempts(nodes=nodes)
    attempts.start(0)
    assert attempts.failed(Unavailable("x", code=UNREACHABLE), 0) == 0
    attempts.start(0.1)
    assert attempts.address == "b"
    attempts.answered(0.1)
    assert nodes.choose("", [], 1).address == "b"


def test_an_attempt_is_cut_shorter_while_another_node_stands_ready() -> None:
    """The first time-out comes after `failover_timeout_s`; a call that has seen one is as patient as with a single node."""
    attempts = _attempts("a", "b", "c", deadline=20)
    assert attempts.start(0) == POLICY.failover_timeout_s
    attempts.failed(OutcomeUnknown("x", code=TIMED_OUT), 1)
    assert (attempts.start(1), attempts.address) == (POLICY.attempt_timeout_s, "b")


def test_a_slow_store_is_no_reason_to_leave_a_node() -> None:
    """While answers take 0.6 s, give or take 0.3, an attempt may take longer than the usual second; never more than without another node."""
    nodes, chance = Nodes(("a", "b"), EJECTION), random.Random(1)
    for _ in range(100):
        nodes.took(chance.uniform(0.3, 0.9))
    assert 1.0 < _attempts(nodes=nodes).start(0) < POLICY.attempt_timeout_s
    for _ in range(100):
        nodes.took(chance.uniform(0.5, 3))
    assert _attempts(nodes=nodes).start(0) == POLICY.attempt_timeout_s
    for _ in range(100):
        nodes.took(0.02)
    assert _attempts(nodes=nodes).start(0) == POLICY.failover_timeout_s


def test_a_batch_has_more_patience() -> None:
    """The time-out of an attempt is as many times as long as the call says."""
    attempts = Attempts(Nodes(("a",), EJECTION), POLICY, 10, random.Random(1), patience=3)
    assert attempts.start(0) == 3 * POLICY.attempt_timeout_s


def test_a_wallets_own_node_is_asked_once_more() -> None:
    """A lost race or an unknown outcome is first tried again where the wallet is known best, then elsewhere."""
    attempts = _attempts("a", "b")
    asked = []
    for now in range(3):
        attempts.start(now)
        asked.append(attempts.address)
        assert attempts.failed(Conflict("x", code=grpc.StatusCode.ABORTED, reason="WRITE_CONFLICT"), now) > 0
    assert asked == ["a", "a", "b"]


def test_a_node_that_refuses_service_is_left_at_once() -> None:
    """NODE_UNAVAILABLE throws the node out: neither this call nor the next one goes there."""
    nodes = Nodes(("a", "b"), EJECTION)
    attempts = _attempts(nodes=nodes)
    attempts.start(0)
    assert attempts.failed(Unavailable("x", code=UNREACHABLE, reason="NODE_UNAVAILABLE"), 0) == 0
    attempts.start(0)
    assert (attempts.address, nodes.out()) == ("b", ["a"])


def test_a_call_about_one_node_stays_there() -> None:
    """Draining a node must never drain the next one because the first did not answer."""
    attempts = Attempts(Nodes(("a", "b"), EJECTION), POLICY, 10, random.Random(1), fixed="a")
    for now in range(3):
        attempts.start(now)
        assert attempts.address == "a"
        attempts.failed(Unavailable("x", code=UNREACHABLE), now)


def test_retries_wait_for_their_budget() -> None:
    """With the budget used up a call waits; if it stays empty until the deadline, the error is raised."""
    nodes = Nodes(("a",), EJECTION, budget=BudgetRules(share=0.0, floor_per_s=0.1, window_s=10))
    attempts, error = _attempts(nodes=nodes, deadline=1), Unavailable("x", code=UNREACHABLE)
    attempts.start(0)
    attempts.failed(error, 0)
    assert attempts.waits(error, 0.1) == 0
    attempts.start(0.1)
    attempts.failed(error, 0.1)
    assert 0 < attempts.waits(error, 0.2) <= 0.4
    with pytest.raises(Unavailable):
        attempts.waits(error, 0.95)


def test_a_stream_that_had_made_progress_begins_anew() -> None:
    """Its deadline and its attempts count from the break."""
    attempts = _attempts("a", "b", deadline=10)
    attempts.start(0)
    attempts.renew(500)
    assert attempts.failed(Unavailable("x", code=UNREACHABLE), 500) == 0
    attempts.start(500)
    assert (attempts.address, attempts.made, attempts.deadline) == ("b", 2, 510)
