"""When a coordinator is suspected, ejected and taken back."""

from __future__ import annotations

from croupier.stores.cassandra.health import SUSPECT_S, Health


def serving() -> Health:
    health = Health()
    health.connected = True
    return health


def test_silence_for_a_whole_request_ejects() -> None:
    """One request that ran into its time limit, and nothing was heard meanwhile."""
    health = serving()
    health.sent(10.0)
    assert health.silent(10.0)
    assert (health.usable, health.in_flight, health.time_outs, health.ejections) == (False, 0, 1, 1)


def test_one_lost_reply_among_others_does_not_eject() -> None:
    """Whoever answers others in the meantime is alive."""
    health = serving()
    health.sent(10.0)
    health.sent(10.5)
    health.answered(11.0)
    assert not health.silent(10.0)
    assert health.usable


def test_all_that_wait_for_a_hung_one_eject_it_once() -> None:
    """Sixty-four time-outs at once are one ejection."""
    health = serving()
    for _ in range(64):
        health.sent(10.0)
    assert [health.silent(10.0) for _ in range(64)].count(True) == 1
    assert (health.time_outs, health.ejections, health.in_flight) == (64, 1, 0)


def test_silence_makes_suspect_and_an_answer_clears() -> None:
    """New requests go elsewhere before the time limit is reached; nobody is suspected who has nothing to answer."""
    health = serving()
    assert not health.suspected(1_000.0)
    health.sent(10.0)
    assert not health.suspected(10.0 + SUSPECT_S / 2)
    assert health.suspected(10.1 + SUSPECT_S)
    health.sent(10.2 + SUSPECT_S)
    assert health.suspected(10.3 + SUSPECT_S), "a later request does not make it less silent"
    health.answered(11.0)
    assert not health.suspected(11.0 + SUSPECT_S / 2)
    health.answered(11.1)
    assert not health.suspected(1_000.0)


def test_a_probe_brings_it_back() -> None:
    """It is usable again, and what timed out before does not eject it anew."""
    health = serving()
    health.sent(10.0)
    health.sent(10.0)
    assert health.silent(10.0)
    health.back(12.0)
    assert health.usable
    assert not health.silent(10.0)
    assert health.usable


def test_a_cancelled_request_says_nothing() -> None:
    """Nobody waits for it any more, so it neither ejects nor counts."""
    health = serving()
    health.sent(10.0)
    health.abandoned()
    assert (health.usable, health.in_flight, health.time_outs) == (True, 0, 0)
