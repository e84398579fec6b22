"""What goes wrong behind the door costs the calls that it concerns a defined status, and no others anything: a decision that fails, and one that hangs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from croupier.operations.play_round import PlayRound
from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import Caller, dice, failure, new_id, new_wallet, refused
from tests.integration.serving import Serving, eventually, settings

ROOM = 64
CALLERS = 16


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Serving]:
    """A server with the front door, and room for 64 hot calls."""
    with Serving(settings(tmp_path, store="memory", max_queue_calls=ROOM)) as running:
        yield running


@pytest.fixture
def acme(node: Serving) -> Caller:
    """The operator."""
    return node.caller()


def seat(acme: Caller) -> tuple[str, str]:
    """A wallet with money, and a dice session."""
    wallet = new_wallet()
    acme.deposit(wallet)
    return wallet, acme.open(wallet).session.name


def play(session: str) -> bytes:
    return bytes(pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)).SerializeToString())


@pytest.fixture
def unlucky(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Players whose plays fail in a way that nobody thought of."""
    players: set[str] = set()
    decide = PlayRound.decide

    def failing(self: PlayRound, *arguments: Any) -> Any:
        if self.wallet.player in players:
            raise ZeroDivisionError("a defect")
        return decide(self, *arguments)

    monkeypatch.setattr(PlayRound, "decide", failing)
    return players


def test_a_decision_that_fails(node: Serving, acme: Caller, unlucky: set[str], caplog: pytest.LogCaptureFixture) -> None:
    """An exception in one call's decision is INTERNAL for that call, which tells nothing of it; the others of its batch are decided."""
    wallet, session = seat(acme)
    bad_wallet, bad_session = seat(acme)
    unlucky.add(bad_wallet.split("/")[3])
    raw = acme.raw("RoundService.Play")
    with caplog.at_level(logging.CRITICAL + 1):
        with node.owner_held():
            good = [raw.future(play(session), timeout=10, metadata=acme.metadata) for _ in range(CALLERS)]
            bad = raw.future(play(bad_session), timeout=10, metadata=acme.metadata)
            eventually(lambda: node.server.owner.queued == CALLERS + 1)
        assert sorted(pb.PlayResponse.FromString(one.result()).round.number for one in good) == list(range(1, CALLERS + 1))
        said = failure(bad.exception())
    assert said.code is StatusCode.INTERNAL
    assert "defect" not in said.message and "Zero" not in said.message
    unlucky.clear()
    # A game whose decision fails is switched off, until somebody has looked.
    admin = node.caller("admin")
    eventually(lambda: admin.call("AdminService.GetNode").node.disabled_games)
    admin.call("AdminService.EnableGame", game="games/dice-10000")
    assert acme.play(bad_session).number == 1
    assert (acme.head(bad_wallet).revision, acme.head(wallet).revision) == (3, 2 + CALLERS)


def test_a_decision_that_hangs(node: Serving, acme: Caller) -> None:
    """While nothing is decided, each caller is answered at its deadline by the door itself, and none of those calls is decided afterwards."""
    wallet, session = seat(acme)
    raw = acme.raw("RoundService.Play")
    with node.owner_held():
        begun = time.monotonic()
        waiting = [raw.future(play(session), timeout=0.3, metadata=acme.metadata) for _ in range(CALLERS)]
        assert {one.exception().code() for one in waiting} == {StatusCode.DEADLINE_EXCEEDED}
        assert time.monotonic() - begun < 3
        eventually(lambda: node.server.owner.queued == 0)
    assert acme.play(session).number == 1
    assert acme.head(wallet).revision == 3


def test_a_queue_that_is_full_sheds(node: Serving, acme: Caller) -> None:
    """While nothing is decided, calls beyond the bound are refused at once, with the time to wait; those within it are all answered."""
    wallet, session = seat(acme)
    raw = acme.raw("RoundService.Play")
    with node.owner_held():
        asked = [raw.future(play(session), timeout=30, metadata=acme.metadata) for _ in range(2 * ROOM)]
        eventually(lambda: sum(one.done() for one in asked) == ROOM)
        assert node.server.owner.queued == ROOM
        shed = [failure(one.exception()) for one in asked if one.done()]
        assert {(said.code, said.reason) for said in shed} == {(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")}
        assert all(0 < said.retry_s < 5 for said in shed)
        assert acme.call("CatalogService.ListGames").games
        kept = [one for one in asked if not one.done()]
    assert sorted(pb.PlayResponse.FromString(one.result()).round.number for one in kept) == list(range(1, ROOM + 1))
    assert acme.head(wallet).revision == 2 + ROOM


def test_plays_of_a_stream_after_one_that_fails(acme: Caller, unlucky: set[str], caplog: pytest.LogCaptureFixture) -> None:
    """An exception within a stream is that play's refusal; the stream goes on, as it does after any refusal."""
    wallet, session = seat(acme)
    bad_wallet, bad_session = seat(acme)
    unlucky.add(bad_wallet.split("/")[3])
    plays = [pb.PlayRequest(session=one, round_id=new_id(), bet=dice(100_000)) for one in (session, bad_session, session)]
    with caplog.at_level(logging.CRITICAL + 1):
        results = [pb.PlayStreamResponse.FromString(one).result for one in acme.stream(plays)]
    assert [result.refusal.code for result in results[:2]] == [0, StatusCode.INTERNAL.value[0]]
    assert len(results) == 3
    assert acme.head(bad_wallet).revision == 2 < acme.head(wallet).revision


def test_a_caller_that_goes_away_is_not_decided_for(node: Serving, acme: Caller) -> None:
    """Calls that were cancelled while they waited change nothing, and free their room."""
    wallet, session = seat(acme)
    raw = acme.raw("RoundService.Play")
    with node.owner_held():
        for _ in range(3):
            waiting = [raw.future(play(session), timeout=30, metadata=acme.metadata) for _ in range(ROOM)]
            eventually(lambda: node.server.owner.queued == ROOM)
            assert refused(acme.play, session).reason == "OVERLOADED"
            for one in waiting:
                one.cancel()
            eventually(lambda: node.server.owner.queued == 0)
    assert acme.head(wallet).revision == 2


def test_calls_that_nobody_waits_for_take_no_memory(tmp_path: Path) -> None:
    """While the owner hangs, messages of calls that have expired are let go of, and those that wait are bounded in bytes."""
    room, size = 2_000, 500_000
    with Serving(settings(tmp_path, store="memory", max_queue_calls=room)) as node:
        acme = node.caller()
        raw, large = acme.raw("RoundService.Play"), bytes(size)
        with node.owner_held():
            before = memory_bytes()
            for _ in range(5):
                waiting = [raw.future(large, timeout=0.5, metadata=acme.metadata) for _ in range(100)]
                assert {one.exception().code() for one in waiting} <= {StatusCode.DEADLINE_EXCEEDED, StatusCode.RESOURCE_EXHAUSTED}
                del waiting
            eventually(lambda: node.server.owner.queued == 0)
            assert memory_bytes() - before < 200 * size
        assert refused(acme.play, "nonsense").code is StatusCode.INVALID_ARGUMENT


def memory_bytes() -> int:
    """What this process holds, client and server together."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
