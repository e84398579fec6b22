"""The limit of writes under way: what moves it, and what does not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.runners.limiter import Bounds, Limiter

BOUNDS = Bounds(start=100, lowest=8, highest=1_000)
Writes = list[tuple[float, int]]


def feed(limiter: Limiter, latency_s: float, in_flight: int, seconds: float, now_s: float = 0.0) -> float:
    """Writes of one latency, one each 2 ms; the time afterwards."""
    end_s = now_s + seconds
    while now_s < end_s:
        now_s += 0.002
        limiter.observe(latency_s, in_flight, now_s)
    return now_s


def change(limiter: Limiter, latency_s: float, now_s: float) -> float:
    """Writes of one latency, all under way at once, until the limit changes; the time afterwards."""
    before, now_s = limiter.limit, now_s + latency_s
    while limiter.limit == before:
        now_s += 0.002
        limiter.observe(latency_s, limiter.limit, now_s)
    return now_s


def test_quick_answers_raise_a_limit_that_is_in_use() -> None:
    """By half of it and its root each window, up to the highest."""
    limiter = Limiter(BOUNDS)
    now_s = change(limiter, 0.002, 0.0)
    assert limiter.limit == 160
    for _ in range(20):
        now_s = feed(limiter, 0.002, limiter.limit, 1.0, now_s)
    assert limiter.limit == BOUNDS.highest


def test_an_unused_limit_stays() -> None:
    """Where less than half of it is under way, neither quick nor slow answers say anything about the limit."""
    limiter = Limiter(BOUNDS)
    now_s = feed(limiter, 0.002, 40, 2.0)
    feed(limiter, 2.0, 40, 5.0, now_s + 2.0)
    assert limiter.limit == 100


def test_slow_answers_shrink_it() -> None:
    """In proportion to how late they are, by half at most in a window, to the lowest."""
    limiter = Limiter(BOUNDS)
    now_s = change(limiter, 0.125, feed(limiter, 0.002, 10, 0.2))
    before = limiter.limit
    now_s = change(limiter, 0.125, now_s)
    assert limiter.limit == int(before * 0.1 / 0.125 + before**0.5)
    before = limiter.limit
    now_s = change(limiter, 5.0, now_s)
    assert abs(limiter.limit - (before / 2 + before**0.5)) <= 1


def test_what_was_under_way_before_a_change_says_nothing() -> None:
    """Calls that came in under a larger limit are late whatever the limit is now."""
    limiter = Limiter(BOUNDS)
    now_s = change(limiter, 0.5, feed(limiter, 0.002, 10, 0.2))
    shrunk = limiter.limit
    feed(limiter, 0.5, 100, 0.4, now_s)
    assert limiter.limit == shrunk


def test_one_slow_write_is_no_reason() -> None:
    """A tenth of the writes hangs for seconds, as at one frozen coordinator of many: the median, and so the limit, stays."""
    limiter = Limiter(BOUNDS)
    now_s = 0.0
    for number in range(5_000):
        now_s += 0.002
        limiter.observe(2.5 if number % 10 == 0 else 0.002, limiter.limit, now_s)
    assert limiter.limit > 100


def test_far_regions_are_no_overload() -> None:
    """What takes long without load may take twice as long before less is let in."""
    limiter = Limiter(BOUNDS)
    now_s = feed(limiter, 0.15, 10, 4.0)
    assert limiter.tolerated_s == 0.3
    feed(limiter, 0.25, 80, 4.0, now_s + 0.25)
    assert limiter.limit > 100


def test_queueing_is_nought_without_load_and_one_at_the_limit() -> None:
    """What it adds to a node's load."""
    limiter = Limiter(BOUNDS)
    assert limiter.queueing == 0
    now_s = feed(limiter, 0.002, 10, 4.0)
    assert limiter.queueing == 0
    now_s = feed(limiter, 0.2, 40, 0.5, now_s + 0.2)
    assert limiter.queueing == 1


@settings(max_examples=200)
@given(
    writes=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 2_000), st.floats(0, 3)), max_size=300),
    lowest=st.integers(1, 50),
    more=st.integers(0, 2_000),
)
def test_bounds_hold_whatever_happens(writes: list[tuple[float, int, float]], lowest: int, more: int) -> None:
    """Any latencies in any order: the limit stays between its bounds, halves at most in a step, and all figures stay finite."""
    limiter = Limiter(Bounds(start=lowest + more // 2, lowest=lowest, highest=lowest + more))
    now_s, before = 1.0, limiter.limit
    for latency_s, in_flight, pause_s in writes:
        now_s += pause_s
        limiter.observe(latency_s, in_flight, now_s)
        assert lowest <= limiter.limit <= lowest + more
        assert before // 2 <= limiter.limit <= before * 1.5 + before**0.5 + 2
        assert 0 <= limiter.queueing <= 1
        before = limiter.limit
