"""When the Python client sends a call again, on a clock that the test turns."""

from __future__ import annotations

import random

import grpc
import pytest

from croupier_client.errors import Conflict, CroupierError, OutcomeUnknown, Overloaded, RequestInvalid, Unavailable
from croupier_client.retry import Attempts, Nodes, RetryPolicy, is_retried

POLICY = RetryPolicy(deadline_s=10, attempt_timeout_s=2, attempts_max=5, backoff_first_s=0.1, backoff_max_s=1, ejected_s=30)
UNREACHABLE = grpc.StatusCode.UNAVAILABLE
TIMED_OUT = grpc.StatusCode.DEADLINE_EXCEEDED


def _attempts(*addresses: str, nodes: Nodes | None = None, deadline: float = 10) -> Attempts:
    return Attempts(nodes or Nodes(addresses or ("a",), POLICY), POLICY, deadline, random.Random(1))


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


def test_a_node_that_cannot_be_reached_is_left_for_the_next() -> None:
    """The next attempt goes elsewhere, and later calls stay there."""
    nodes = Nodes(("a", "b"), POLICY)
    attempts = _attempts(nodes=nodes)
    attempts.start(0)
    attempts.failed(Unavailable("x", code=UNREACHABLE), 0)
    attempts.start(0.1)
    assert attempts.address == "b"
    attempts.answered()
    assert nodes.choose(1) == "b"


def test_a_node_that_hangs_twice_is_ejected_for_a_while() -> None:
    """Two time-outs in a row take a node out; after its time a single further one does."""
    nodes = Nodes(("a", "b"), POLICY)
    nodes.failed("a", 0, timed_out=True)
    nodes.failed("b", 1, timed_out=False)
    assert nodes.choose(1) == "a"
    nodes.failed("a", 2, timed_out=True)
    nodes.failed("b", 3, timed_out=False)
    assert nodes.choose(3) == "b"
    nodes.failed("b", 31, timed_out=False)
    assert nodes.choose(31.9) == "b"
    nodes.failed("b", 32, timed_out=False)
    assert nodes.choose(32.1) == "a"
    nodes.failed("a", 33, timed_out=True)
    nodes.failed("b", 34, timed_out=False)
    assert nodes.choose(35) == "b"


def test_an_answer_clears_the_count_of_timeouts() -> None:
    """Two time-outs with an answer between them eject nobody."""
    nodes = Nodes(("a",), POLICY)
    nodes.failed("a", 0, timed_out=True)
    nodes.answered("a")
    nodes.failed("a", 1, timed_out=True)
    nodes.failed("a", 1, timed_out=False)
    assert nodes.choose(2) == "a"


def test_if_all_are_ejected_the_first_to_return_is_tried() -> None:
    """A client is never left without a node to ask."""
    nodes = Nodes(("a", "b"), POLICY)
    for at, address in ((0, "a"), (1, "a"), (2, "b"), (3, "b")):
        nodes.failed(address, at, timed_out=True)
    assert nodes.choose(4) == "a"
