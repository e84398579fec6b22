"""Leaving service: NOT_SERVING first, calls in flight finish, streams end, exit code 0; by signal and by DrainNode alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from croupier.pb import admin_service_pb2
from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import Caller, dice, failure, health_watch, new_id, new_wallet
from tests.integration.serving import Serving, Spawned, eventually, settings

BY_SIGNAL, BY_CALL = "signal", "DrainNode"
NOTICE_S = 0.4


def begin(node: Spawned, how: str) -> None:
    if how == BY_SIGNAL:
        node.terminate()
    else:
        drained = node.caller("admin").call("AdminService.DrainNode").node
        assert drained.state == admin_service_pb2.NODE_STATE_DRAINING


@pytest.mark.parametrize("how", [BY_SIGNAL, BY_CALL])
def test_no_call_fails(tmp_path: Path, how: str) -> None:
    """Players who heed health play on until NOT_SERVING: none of their calls fails, every answer is there after a restart (S4)."""
    with Spawned(tmp_path, settings=f"drain_notice_s = {NOTICE_S}") as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        sessions = [acme.open(wallet).session.name for _ in range(4)]
        leaving = threading.Event()
        statuses = health_watch(acme.channel)
        assert next(statuses).status == health_pb2.HealthCheckResponse.SERVING
        rounds: list[pb.Round] = []
        failures: list[grpc.RpcError] = []
        players = [threading.Thread(target=_play_until, args=(leaving, acme, session, rounds, failures)) for session in sessions]
        for player in players:
            player.start()
        eventually(lambda: len(rounds) > 20)
        begin(node, how)
        assert next(statuses).status == health_pb2.HealthCheckResponse.NOT_SERVING
        leaving.set()
        for player in players:
            player.join()
        assert not failures
        assert node.exit_code() == 0
    with node.again() as again:
        acme = again.caller()
        for round_ in rounds:
            assert acme.call("RoundService.GetRound", name=round_.name).round == round_


@pytest.mark.parametrize("how", [BY_SIGNAL, BY_CALL])
def test_streams_end(tmp_path: Path, how: str) -> None:
    """Watches end without an error; plays that were sent are answered before their stream ends; watchers of health keep nobody waiting."""
    with Spawned(tmp_path) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        health = health_watch(acme.channel)
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        watch = acme.watch(wallet, "0")
        assert [entry.revision for entry in watch.entries(2)] == [1, 2]
        released = threading.Event()
        stream = acme.stream(_plays_then_wait(session, 10, released))
        answers = [pb.PlayStreamResponse.FromString(next(stream)).result.round.number for _ in range(10)]
        begin(node, how)
        assert [one.entry.revision for one in watch.rest() if one.HasField("entry")] == list(range(3, 13))
        assert answers == list(range(1, 11))
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        assert failure(caught.value).reason == "NODE_UNAVAILABLE"
        released.set()
        assert node.exit_code() == 0


def test_a_call_in_flight_finishes(tmp_path: Path) -> None:
    """A call that waits for its commit when the node begins to leave is still answered; a new one is told to go elsewhere."""
    with Serving(settings(tmp_path, store="memory", drain_notice_s=0.05)) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        with node.owner_held():
            asked = pb.PlayRequest(session=session, round_id=new_id(), bet=dice()).SerializeToString()
            waiting = acme.raw("RoundService.Play").future(asked, timeout=10, metadata=acme.metadata)
            eventually(lambda: node.server.owner.queued == 1)
            node.end()
            late = Caller(node.address, node.keys["acme"])
            eventually(lambda: _is_refused(late, wallet))
            assert not waiting.done()
        assert pb.PlayResponse.FromString(waiting.result()).round.number == 1


def test_a_door_that_ends_by_itself(tmp_path: Path) -> None:
    """With nothing left to listen the node leaves service, so that a supervisor starts it anew, instead of living on unseen."""
    with Serving(settings(tmp_path, store="memory", door="front")) as node:
        listener: Any = node.server._listener  # type: ignore[reportPrivateUsage]
        assert listener.front.stop(1.0)
        assert eventually(lambda: node.server.failure) == "what listens has ended by itself"


def test_a_second_signal_is_no_harm(tmp_path: Path) -> None:
    """SIGTERM twice, and again while it drains: it still drains and ends with 0."""
    with Spawned(tmp_path) as node:
        for _ in range(3):
            node.terminate()
        assert node.exit_code() == 0


def _play_until(leaving: threading.Event, acme: Caller, session: str, rounds: list[pb.Round], failures: list[grpc.RpcError]) -> None:
    while not leaving.is_set():
        try:
            rounds.append(acme.play(session, dice(100_000)))
        except grpc.RpcError as error:
            failures.append(error)
            return


def _plays_then_wait(session: str, count: int, released: threading.Event) -> Iterator[pb.PlayRequest]:
    for _ in range(count):
        yield pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000))
    released.wait(10)


def _is_refused(caller: Caller, wallet: str) -> bool:
    try:
        caller.head(wallet)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False
