"""gRPC's interop cases (doc/interop-test-descriptions.md of the gRPC project) by grpcio."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from tests.interop.messages import SERVICE, message
from tests.interop.service import ECHO_INITIAL, ECHO_TRAILING, payload

ASKED = (27_182, 8, 1_828, 45_904)
SENT = (31_415, 9, 2_653, 58_979)
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP \U0001f608\t\n"
DEADLINE_S = 10.0


class Stub:
    """The test service over a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def unary(self, method: str = "UnaryCall", answers: str = "SimpleResponse", service: str = SERVICE) -> Any:
        """A callable of one request and one answer."""
        return self._channel.unary_unary(f"/{service}/{method}", _encoded, message(answers).FromString)

    def output(self) -> Any:
        """StreamingOutputCall."""
        return self._channel.unary_stream(f"/{SERVICE}/StreamingOutputCall", _encoded, message("StreamingOutputCallResponse").FromString)

    def input(self) -> Any:
        """StreamingInputCall."""
        return self._channel.stream_unary(f"/{SERVICE}/StreamingInputCall", _encoded, message("StreamingInputCallResponse").FromString)

    def duplex(self) -> Any:
        """FullDuplexCall."""
        return self._channel.stream_stream(f"/{SERVICE}/FullDuplexCall", _encoded, message("StreamingOutputCallResponse").FromString)


def _encoded(one: Any) -> bytes:
    return bytes(one.SerializeToString())


def _output(size: int | None, body: int = 0) -> Any:
    parameters = [] if size is None else [message("ResponseParameters")(size=size)]
    return message("StreamingOutputCallRequest")(response_parameters=parameters, payload=payload(body))


def _status(code: int, text: str) -> dict[str, Any]:
    return {"response_status": message("EchoStatus")(code=code, message=text)}


def _refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=DEADLINE_S, **named)
    return caught.value


def empty_unary(stub: Stub) -> None:
    """An empty request and answer."""
    assert stub.unary("EmptyCall", "Empty")(message("Empty")(), timeout=DEADLINE_S) == message("Empty")()


def large_unary(stub: Stub) -> None:
    """A large request and answer."""
    answer = stub.unary()(message("SimpleRequest")(response_size=314_159, payload=payload(271_828)), timeout=DEADLINE_S)
    assert answer.payload.body == bytes(314_159)


def client_streaming(stub: Stub) -> None:
    """Four messages, and one answer that adds up their sizes."""
    requests = (message("StreamingInputCallRequest")(payload=payload(size)) for size in ASKED)
    assert stub.input()(requests, timeout=DEADLINE_S).aggregated_payload_size == sum(ASKED)


def server_streaming(stub: Stub) -> None:
    """One message, and four answers of the sizes that it asks for."""
    parameters = [message("ResponseParameters")(size=size) for size in SENT]
    answers = stub.output()(message("StreamingOutputCallRequest")(response_parameters=parameters), timeout=DEADLINE_S)
    assert [len(answer.payload.body) for answer in answers] == list(SENT)


def ping_pong(stub: Stub) -> None:
    """Each message is sent once the one before it was answered."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    call = stub.duplex()(iter(requests.get, None), timeout=DEADLINE_S)
    for asked, sent in zip(ASKED, SENT, strict=True):
        requests.put(_output(sent, asked))
        assert len(next(call).payload.body) == sent
    requests.put(None)
    assert not list(call) and call.code() is StatusCode.OK


def empty_stream(stub: Stub) -> None:
    """A stream without a message ends without one."""
    call = stub.duplex()(iter(()), timeout=DEADLINE_S)
    assert not list(call) and call.code() is StatusCode.OK


def custom_metadata(stub: Stub) -> None:
    """What is sent under the two agreed names comes back, in headers and in trailers, of a unary call and of a stream."""
    metadata = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))

    def assert_echoed(call: Any) -> None:
        assert (ECHO_INITIAL, "test_initial_metadata_value") in call.initial_metadata()
        assert (ECHO_TRAILING, b"\xab\xab\xab") in call.trailing_metadata()

    _, call = stub.unary().with_call(message("SimpleRequest")(response_size=1), timeout=DEADLINE_S, metadata=metadata)
    assert_echoed(call)
    stream = stub.duplex()(iter([_output(1)]), timeout=DEADLINE_S, metadata=metadata)
    assert len(list(stream)) == 1
    assert_echoed(stream)


def status_code_and_message(stub: Stub) -> None:
    """The status that the server gives arrives, of a unary call and of a stream."""
    error = _refused(stub.unary(), message("SimpleRequest")(**_status(2, "test status message")))
    assert (error.code(), error.details()) == (StatusCode.UNKNOWN, "test status message")
    stream = stub.duplex()(iter([message("StreamingOutputCallRequest")(**_status(2, "test status message"))]), timeout=DEADLINE_S)
    with pytest.raises(grpc.RpcError):
        next(stream)
    assert (stream.code(), stream.details()) == (StatusCode.UNKNOWN, "test status message")


def special_status_message(stub: Stub) -> None:
    """White space and characters beyond ASCII survive in a status message."""
    error = _refused(stub.unary(), message("SimpleRequest")(**_status(2, SPECIAL)))
    assert (error.code(), error.details()) == (StatusCode.UNKNOWN, SPECIAL)


def unimplemented_method(stub: Stub) -> None:
    """A method that its service doesn't implement."""
    assert _refused(stub.unary("UnimplementedCall", "Empty"), message("Empty")()).code() is StatusCode.UNIMPLEMENTED


def unimplemented_service(stub: Stub) -> None:
    """A service that nobody serves."""
    call = stub.unary("UnimplementedCall", "Empty", "grpc.testing.UnimplementedService")
    assert _refused(call, message("Empty")()).code() is StatusCode.UNIMPLEMENTED


def cancel_after_begin(stub: Stub) -> None:
    """A caller that gives up before it has sent a message."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    call = stub.input().future(iter(requests.get, None), timeout=DEADLINE_S)
    call.cancel()
    requests.put(None)
    assert call.cancelled() and call.code() is StatusCode.CANCELLED


def cancel_after_first_response(stub: Stub) -> None:
    """A caller that gives up between two messages."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    call = stub.duplex()(iter(requests.get, None), timeout=DEADLINE_S)
    requests.put(_output(SENT[0], ASKED[0]))
    assert len(next(call).payload.body) == SENT[0]
    call.cancel()
    requests.put(None)
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() is StatusCode.CANCELLED


def timeout_on_sleeping_server(stub: Stub) -> None:
    """A server that doesn't answer in time."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    requests.put(_output(None, ASKED[0]))
    call = stub.duplex()(iter(requests.get, None), timeout=0.001)
    with pytest.raises(grpc.RpcError):
        next(call)
    requests.put(None)
    assert call.code() is StatusCode.DEADLINE_EXCEEDED


CASES: dict[str, Callable[[Stub], None]] = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        client_streaming,
        server_streaming,
        ping_pong,
        empty_stream,
        custom_metadata,
        status_code_and_message,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
    )
}
