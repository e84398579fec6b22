"""Callers behind haproxy: nodes drain without a failed call, killed and hung ones are left out, streams and TLS pass."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from croupier.pb import round_service_pb2 as pb
from tests.cluster.balancer import CONFIGURATION, Callers, Haproxy, haproxy
from tests.integration.calling import Caller, dice, new_id, new_wallet
from tests.integration.certificates import Authority, written
from tests.integration.serving import Spawned, eventually

HOST = "127.0.26.1"
NODES = [f"127.0.26.{number}:7400" for number in (11, 12, 13)]
SETTINGS = "drain_notice_s = 1.0\ndrain_grace_s = 5.0"
RETRYING = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
"""A service config whose one layer of retries is gRPC's own, in the caller."""
EJECTED_S = 2.5
"""By when a hung node is left out: two checks of 0.5 s, 0.3 s and 0.1 s apart, and as much again for a busy machine."""


class House:
    """Three nodes, each with a store of its own and the same keys, behind haproxy."""

    def __init__(self, folder: Path, balancer: Haproxy, nodes: list[Spawned], authority: Authority) -> None:
        self.folder = folder
        self.balancer = balancer
        self.nodes = nodes
        self.authority = authority

    @property
    def key(self) -> str:
        return self.nodes[0].keys["acme"]

    def callers(self, **more: Any) -> Callers:
        return Callers(self.balancer.address, self.key, **more)

    def retrying(self) -> Callers:
        return self.callers(options=[("grpc.service_config", json.dumps(RETRYING))])

    def restart(self, number: int) -> None:
        """A new process in the place of a node that has ended, once haproxy has noticed that it had."""
        self.nodes[number].__exit__()
        self.nodes[number] = self.nodes[number].again().__enter__()
        self.wait_for(number, "UP")

    def wait_for(self, number: int, state: str) -> None:
        eventually(lambda: self.balancer.states()[f"n{number + 1}"] == state)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    haproxy()
    folder = tmp_path_factory.mktemp("haproxy")
    authority = Authority("Test CA")
    key, certificate = authority.issue("croupier.test")
    written(folder, "haproxy", key, certificate)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(certificate + key)
    first = Spawned(folder / "n1", "--listen", NODES[0], settings=SETTINGS)
    nodes = [first]
    for number, address in enumerate(NODES[1:], start=2):
        (folder / f"n{number}").mkdir()
        shutil.copy(folder / "n1" / "croupier.db", folder / f"n{number}")
        nodes.append(Spawned(folder / f"n{number}", "--listen", address, settings=SETTINGS, keys=first.keys))
    house = House(folder, Haproxy(folder, HOST, NODES, bundle), nodes, authority)
    try:
        for node in nodes:
            node.__enter__()
        with house.balancer:
            yield house
    finally:
        for node in house.nodes:
            node.__exit__()


def test_the_check_is_a_call_of_health() -> None:
    """The bytes in the configuration are HTTP/2 as RFC 9113 has it, of Health/Check with an empty request, and the answers that it tells apart."""
    sent = b"".join(bytes.fromhex(one) for one in re.findall(r"send-binary (\w+)", CONFIGURATION.read_text()))

    def frame(type_: int, flags: int, stream: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "big") + bytes([type_, flags]) + stream.to_bytes(4, "big") + payload

    def literal(name: bytes, value: bytes) -> bytes:
        return name + bytes([len(value)]) + value

    path, authority = literal(b"\x04", b"/grpc.health.v1.Health/Check"), literal(b"\x01", b"haproxy")
    headers = b"\x83\x86" + path + authority + literal(b"\x0f\x10", b"application/grpc") + b"\x00\x02te\x08trailers"
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    assert sent == preface + frame(4, 0, 0, b"") + frame(1, 4, 1, headers) + frame(0, 1, 1, bytes(5))


def test_every_node_drains_without_a_failed_call(house: House) -> None:
    """Each node in turn is told to go, ends with 0 and starts again, under load: no call fails, and none is tried twice by its caller."""
    with house.callers() as callers:
        before = house.balancer.calls()
        for number in range(len(NODES)):
            house.nodes[number].terminate()
            assert house.nodes[number].exit_code() == 0
            callers.go_on()
            house.restart(number)
            callers.go_on()
        served = {name: calls - before[name] for name, calls in house.balancer.calls().items()}
    assert not callers.failed
    assert min(served.values()) > 50


def test_a_killed_node_is_left_out(house: House) -> None:
    """Kill -9: calls that were under way there fail once at most and go through under their ids; haproxy itself re-sends none of them. Callers that retry by
    gRPC's own service config see no failure at all.
    """
    with house.callers() as callers, house.retrying() as retrying:
        killed_s = time.monotonic()
        house.nodes[0].process.kill()
        house.wait_for(0, "DOWN")
        assert time.monotonic() - killed_s < EJECTED_S
        callers.go_on()
        retrying.go_on()
        settled = len(callers.failed)
        callers.go_on()
        assert len(callers.failed) == settled <= 16
        house.restart(0)
    assert {one.code for one in callers.failed} <= {"UNAVAILABLE"}
    assert not retrying.failed
    assert retrying.slowest_s(killed_s) < EJECTED_S


def test_a_hung_node_is_left_out(house: House) -> None:
    """SIGSTOP: within the time of two checks the node is out, and the calls that wait there end; callers that retry by gRPC's own service config see no
    failure, and wait no longer than that. Once it goes on it is used again.
    """
    with house.retrying() as retrying:
        hung_s = time.monotonic()
        house.nodes[1].process.send_signal(signal.SIGSTOP)
        try:
            house.wait_for(1, "DOWN")
            ejected_s = time.monotonic() - hung_s
            retrying.go_on()
        finally:
            house.nodes[1].process.send_signal(signal.SIGCONT)
        house.wait_for(1, "UP")
        before = house.balancer.calls()["n2"]
        eventually(lambda: house.balancer.calls()["n2"] > before)
    assert ejected_s < EJECTED_S
    assert not retrying.failed
    assert retrying.slowest_s(hung_s) < EJECTED_S + 1.0


def test_streams_pass(house: House) -> None:
    """A watch that outlives the time that haproxy gives a plain call's node would be cut; here it stays, and plays in a stream are answered one by one."""
    with house.balancer.only("n2"):  # For each node has its own store here.
        acme, wallet = Caller(house.balancer.address, house.key), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        watch = acme.watch(wallet, "0")
        assert [entry.revision for entry in watch.entries(2)] == [1, 2]
        plays = (pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)) for _ in range(10))
        answers = [pb.PlayStreamResponse.FromString(one).result.round.number for one in acme.stream(plays)]
        assert answers == list(range(1, 11))
        assert [entry.revision for entry in watch.entries(10)] == list(range(3, 13))
        watch.stream.cancel()


def test_tls_to_haproxy(house: House) -> None:
    """Callers with TLS, whose nodes are spoken to in plain text; a caller that does not know the authority is refused."""
    options = (("grpc.ssl_target_name_override", "127.0.0.1"),)
    credentials = grpc.ssl_channel_credentials(house.authority.certificate)
    with grpc.secure_channel(house.balancer.tls_address, credentials, options) as channel:
        caller = Caller(house.balancer.tls_address, house.key)
        caller.channel = channel
        assert caller.deposit(new_wallet()).amount_micros > 0
    other = grpc.ssl_channel_credentials(Authority("Another CA").certificate)
    with grpc.secure_channel(house.balancer.tls_address, other, options) as channel:
        caller.channel = channel
        with pytest.raises(grpc.RpcError):
            caller.deposit(new_wallet())
