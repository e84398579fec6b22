"""The Python client while the server freezes, dies and comes back: deadlines hold, the same id has one effect, streams go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from croupier_client import Client, RetryPolicy, bets, errors, micros, new_id, verify_ledger
from croupier_client.demo.tour import choose
from croupier_client.pb import round_service_pb2 as rounds
from tests.integration.live import LiveServer

DICE = bets.dice_over(micros("0.10"), 5_050)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path) as server:
        yield server


def test_a_deadline_holds_and_the_id_tells_the_fate(server: LiveServer) -> None:
    """A frozen server: the outcome is unknown in about the deadline; once it thaws, the same id gives one effect."""
    policy = RetryPolicy(deadline_s=1.5, attempt_timeout_s=0.5)
    with server.client() as client, server.client(policy=policy) as hasty:
        wallet, id_ = client.wallet_name(new_id(), "EUR"), new_id()
        client.deposit(wallet, micros(1))
        server.freeze()
        started = time.monotonic()
        with pytest.raises(errors.OutcomeUnknown) as caught:
            hasty.deposit(wallet, micros(7), transfer_id=id_)
        assert 1.0 < time.monotonic() - started < 8
        assert (caught.value.id, caught.value.attempts > 1) == (id_, True)
        server.thaw()
        assert client.deposit(wallet, micros(7), transfer_id=id_).balance_micros == micros(8)
        assert client.get_wallet(wallet).revision == 2


def test_a_call_outlives_a_crash(server: LiveServer) -> None:
    """Kill -9 between two calls, restarted a second later on the same address: the client's retries bridge it, and nothing is lost."""
    with server.client(policy=RetryPolicy(deadline_s=20, attempts_max=100, backoff_max_s=0.2)) as client:
        wallet = client.wallet_name(new_id(), "EUR")
        client.deposit(wallet, micros(10))
        session = client.open_session(wallet, "games/dice-10001")
        before = session.play(DICE)
        server.kill()
        back = threading.Timer(1, server.start)
        back.start()
        after = session.play(DICE)
        back.join()
        assert after.number == 2
        assert client.get_round(before.name) == before
        assert verify_ledger(client.get_wallet(wallet), list(client.entries(wallet))[::-1]) == []


def test_an_open_round_is_taken_up_after_a_crash(server: LiveServer) -> None:
    """G6: an interrupted round waits in its exact state; the client finds it by its session, finishes and verifies it."""
    with server.client() as client:
        wallet = client.wallet_name(new_id(), "EUR")
        client.deposit(wallet, micros(100))
        session = client.open_session(wallet, "games/blackjack-classic")
        while (waiting := session.play(bets.blackjack(micros(1)))).state != rounds.ROUND_STATE_OPEN:
            pass
        server.kill()
        server.start()
        resumed = client.session(session.name)
        round_ = resumed.open_round()
        assert round_ is not None
        assert round_ == waiting
        while round_.state == rounds.ROUND_STATE_OPEN:
            round_ = resumed.act(round_, choose(round_.outcome.blackjack))
        resumed.close()
        assert resumed.verify(round_).matches


def test_streams_go_on_over_a_crash(server: LiveServer) -> None:
    """300 plays are streamed and watched while the server is killed and started again: each play counts once, the watch has no gap."""
    policy = RetryPolicy(deadline_s=20, attempts_max=200, backoff_max_s=0.2)
    with server.client(policy=policy) as client, server.client(policy=policy) as watcher:
        wallet = client.wallet_name(new_id(), "EUR")
        client.deposit(wallet, micros(100))
        session = client.open_session(wallet, "games/dice-10001")
        watch = watcher.watch_wallet(wallet)
        first = next(watch)
        assert not first.HasField("entry")
        answers = []
        for number, answer in enumerate(session.play_stream([DICE] * 300, window=16), start=1):
            answers.append(answer.get())
            if number == 100:
                server.kill()
                server.start()
        # A play that was committed, but whose answer the crash took, is answered from the store: every number appears once.
        assert sorted(round_.number for round_ in answers) == list(range(1, 301))
        assert client.get_wallet(wallet).revision == 302
        entries = islice((message.entry for message in watch if message.HasField("entry")), 300)
        assert [entry.revision for entry in entries] == list(range(3, 303))
        session.rotate_seed()
        assert all(session.verify(round_).matches for round_ in answers[90:110])


def test_a_second_address_takes_over(server: LiveServer, tmp_path: Path) -> None:
    """Two nodes of which the first hangs: calls go to the second after one attempt, and stay there."""
    (tmp_path / "other").mkdir()
    with LiveServer(tmp_path / "other") as other:
        policy = RetryPolicy(deadline_s=20, attempt_timeout_s=2)
        key = other.facts["operator_key"]
        with Client([server.address, other.address], key, operator="demo", policy=policy) as client:
            server.freeze()
            started = time.monotonic()
            assert len(list(client.games())) > 5
            assert time.monotonic() - started < 9
            started = time.monotonic()
            assert len(list(client.games())) > 5
            assert time.monotonic() - started < 1.9
        server.thaw()
