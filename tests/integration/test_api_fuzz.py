"""Whatever bytes or values a caller sends, the answer is a defined status, nothing is logged as a server error, and the node serves on."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from grpc import StatusCode
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import EUR, METHODS, Caller, dice, failure, new_id, new_wallet, refused
from tests.integration.places import message, place
from tests.integration.serving import Serving
from tests.integration.serving import settings as server_settings

DEFINED = {
    StatusCode.OK,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.PERMISSION_DENIED,
    StatusCode.NOT_FOUND,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.ALREADY_EXISTS,
    StatusCode.ABORTED,
    StatusCode.OUT_OF_RANGE,
    StatusCode.RESOURCE_EXHAUSTED,
}
LEFT_OUT = {"AdminService.DrainNode", "AdminService.DisableGame"}
"""Valid as they are, these would end the test."""
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.function_scoped_fixture]
FUZZED = sorted(METHODS.keys() - LEFT_OUT)
EDGES_64 = [0, 1, -1, 9_999, 10_000, EUR, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]
EDGES_32 = [0, 1, -1, 100, 1_000, 1_001, 2**31 - 1, -(2**31)]
ODD = [
    "",
    "\x00",
    "/",
    "operators/acme",
    "games/-",
    "games/dice-10000",
    "../..",
    "%2F",
    "\u202e",
    "\U0001f3b2" * 65,
    "a" * 5_000,
    ":",
    "0",
    "-1",
]


@pytest.fixture(scope="module")
def node(door: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server of its own: its log is read, and its games are switched."""
    with Serving(server_settings(tmp_path_factory.mktemp(f"fuzz-{door}"), store="memory", heartbeat_s=0.01)) as running:
        yield running


@pytest.fixture(scope="module")
def wallet(node: Serving) -> str:
    """A wallet with money."""
    name = new_wallet()
    node.caller().deposit(name)
    return name


@pytest.fixture(scope="module")
def session(node: Serving, wallet: str) -> str:
    """A dice session of that wallet."""
    return str(node.caller().open(wallet).session.name)


@pytest.fixture(autouse=True)
def _healthy(node: Serving, session: str, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING)
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    acme = node.caller()
    assert acme.play(session).number
    assert not node.caller("admin").call("AdminService.GetNode").node.disabled_games


def status(caller: Caller, method: str, data: bytes) -> StatusCode:
    """How a call with these bytes ended; a refusal carries its details."""
    descriptor = METHODS[method]
    try:
        answer: Any = caller.raw(method)(iter([data]) if descriptor.client_streaming else data, timeout=10, metadata=caller.metadata)
        if descriptor.server_streaming:
            stream, answer = answer, next(answer)
            stream.cancel()
    except grpc.RpcError as error:
        return failure(error).code
    if method in {"RoundService.PlayBatch", "RoundService.PlayStream"}:
        play = (
            pb.PlayBatchResponse.FromString(answer).results[0]
            if method.endswith("Batch")
            else pb.PlayStreamResponse.FromString(answer).result
        )
        assert play.refusal.code not in {StatusCode.INTERNAL.value[0], StatusCode.UNKNOWN.value[0]}, play
    return StatusCode.OK


def key_for(method: str) -> str:
    return "admin" if method.startswith("AdminService") else "acme"


def values(field: FieldDescriptor, names: list[str], depth: int) -> st.SearchStrategy[Any]:
    """Values of a field: edges, and what is likely to get far."""
    kinds: dict[int, st.SearchStrategy[Any]] = {
        FieldDescriptor.CPPTYPE_INT64: st.sampled_from(EDGES_64) | st.integers(-(2**63), 2**63 - 1),
        FieldDescriptor.CPPTYPE_INT32: st.sampled_from(EDGES_32) | st.integers(-(2**31), 2**31 - 1),
        FieldDescriptor.CPPTYPE_UINT32: st.sampled_from([0, 1, 5_000, 9_999, 10_000, 2**32 - 1]),
        FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
        FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
        FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 20),
    }
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return st.sampled_from(names + ODD) | st.builds(new_id) | st.text(max_size=80)
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return messages(field.message_type, names, depth + 1)
    return kinds[field.cpp_type]


def messages(descriptor: Any, names: list[str], depth: int = 0) -> st.SearchStrategy[Any]:
    """Messages with any of their fields set."""
    class_ = message_factory.GetMessageClass(descriptor)
    fields = {
        field.name: st.lists(values(field, names, depth), max_size=3) if field.is_repeated else values(field, names, depth)
        for field in descriptor.fields
        if depth < 5
    }
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: class_(**given))


@pytest.mark.parametrize("method", FUZZED)
def test_random_values(node: Serving, wallet: str, session: str, method: str) -> None:
    """Requests of the right type with any values in any fields."""
    round_ = node.caller().play(session).name
    names = [wallet, session, round_, wallet.replace("acme", "zenith"), f"{wallet}/transfers/{new_id()}", "operators/acme"]
    caller = node.caller(key_for(method))

    @seed(7)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=SLOW)
    @given(messages(METHODS[method].input_type, names))
    def run(asked: Any) -> None:
        assert status(caller, method, asked.SerializeToString()) in DEFINED

    run()


@pytest.mark.parametrize("method", FUZZED)
def test_one_field_off(node: Serving, method: str) -> None:
    """A request that would succeed, but for one field, however deep, that is missing or has another value."""
    mine = place(node.caller(), new_wallet())
    caller = node.caller(key_for(method))
    names = [*mine[:-1], mine.wallet.replace("acme", "zenith"), f"{mine.wallet}/transfers/{new_id()}"]

    @seed(13)
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=SLOW)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        asked = message(method, mine)
        part, field = data.draw(st.sampled_from(places_in(asked))) if places_in(asked) else (asked, None)
        if field is not None:
            part.ClearField(field.name)
            if data.draw(st.booleans()):
                value = data.draw(values(field, names, 0))
                other = type(part)(**{field.name: [value] if field.is_repeated else value})
                part.MergeFrom(other)
        assert status(caller, method, asked.SerializeToString()) in DEFINED

    run()


def places_in(part: Any) -> list[tuple[Any, FieldDescriptor]]:
    """Every field of a message and of the messages in it, with the message that it lies in."""
    found: list[tuple[Any, FieldDescriptor]] = [(part, field) for field in part.DESCRIPTOR.fields]
    for field, value in part.ListFields():
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                found += places_in(inner)
    return found


@pytest.mark.parametrize("method", FUZZED)
def test_random_bytes(node: Serving, method: str) -> None:
    """Bytes that may be no message at all: INVALID_ARGUMENT, or what the fields in them deserve."""
    caller = node.caller(key_for(method))

    @seed(11)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=SLOW)
    @given(st.binary(min_size=1, max_size=200))
    def run(data: bytes) -> None:
        assert status(caller, method, data) in DEFINED

    run()


@pytest.mark.parametrize("method", FUZZED)
def test_broken_messages(node: Serving, method: str) -> None:
    """Truncated fields, text that is no UTF-8, nesting without end: FIELD_INVALID, for every method alike."""
    caller = node.caller(key_for(method))
    broken = [b"\x0a\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0b" * 200, b"\x0a\x80\x80\x80\x80\x08"]
    if METHODS[method].input_type.fields and METHODS[method].input_type.fields[0].cpp_type == FieldDescriptor.CPPTYPE_STRING:
        broken.append(b"\x0a\x02\xc3\x28")
    for data in broken:
        assert status(caller, method, data) is StatusCode.INVALID_ARGUMENT, data


def test_a_message_that_is_too_large(node: Serving) -> None:
    """More than the node accepts in one message is RESOURCE_EXHAUSTED, before it is read whole; just below it is a field that is too long."""
    acme = node.caller()
    over = b"\x0a" + _varint(node.config.max_message_bytes) + b"x" * node.config.max_message_bytes
    with pytest.raises(grpc.RpcError) as caught:
        acme.bytes("WalletService.GetWallet", over)
    assert caught.value.code() is StatusCode.RESOURCE_EXHAUSTED
    said = refused(acme.head, "x" * (node.config.max_message_bytes - 100))
    assert (said.code, said.field) == (StatusCode.INVALID_ARGUMENT, "name")
    assert len(said.message) < 400


def test_metadata_that_is_too_large(node: Serving) -> None:
    """Headers beyond the bound are refused by the transport; large ones below it are credentials that nobody knows."""
    caller = node.caller()
    for size, expected in ((7_000, {StatusCode.UNAUTHENTICATED}), (100_000, {StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE})):
        with pytest.raises(grpc.RpcError) as caught:
            caller.as_("ck_" + "x" * size).head(new_wallet())
        assert caught.value.code() in expected


def test_unknown_methods_and_services(node: Serving) -> None:
    """What is not served is UNIMPLEMENTED, with and without credentials."""
    for caller in (node.caller(), Caller(node.address)):
        for path in ("/croupier.v1.RoundService/Cheat", "/croupier.v2.RoundService/Play", "/x/y", "/croupier.v1.RoundService/play"):
            with pytest.raises(grpc.RpcError) as caught:
                caller.channel.unary_unary(path)(b"", timeout=10, metadata=caller.metadata)
            assert caught.value.code() is StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\xff" * 50,
        b"\x00" * 4_096,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 999,
    ],
)
def test_other_protocols(node: Serving, data: bytes) -> None:
    """HTTP/1, a TLS greeting and noise on the port end that connection and no other."""
    host, _, port = node.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection, suppress(OSError):  # The node may be the first to hang up.
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4_096):
            pass


def test_a_bet_keeps_nothing_that_nobody_knows(node: Serving, session: str) -> None:
    """Fields that no version knows, sent inside a bet or an action, are bounded: the store keeps what it was given."""
    bet = dice().SerializeToString()
    unknown = b"\xfa\x3e" + _varint(5_000) + b"x" * 5_000
    asked = pb.PlayRequest(session=session, round_id=new_id())
    asked.bet.MergeFromString(bet + unknown)
    said = refused(node.caller().bytes, "RoundService.Play", asked.SerializeToString())
    assert (said.code, said.reason, said.field) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "bet")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
