"""What the official test service does, once as decisions of an owner thread and once as handlers of grpc.aio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.rpc.status_pb2 import Status

from tests.interop.messages import SERVICE, message

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"

Answer = tuple[int, bytes] | tuple[int, int, str, bytes]
"""What `Inbox.answer` takes."""


def payload(size: int) -> Any:
    """A payload of so many zeros, as the cases ask for."""
    return message("Payload")(body=bytes(size))


def decide_empty(ticket: int, _: bytes) -> Answer:
    """EmptyCall."""
    return ticket, b""


def decide_unary(ticket: int, data: bytes) -> Answer:
    """UnaryCall: the status that is asked for, or a payload of the size that is."""
    asked = message("SimpleRequest").FromString(data)
    if asked.response_status.code:
        return _status(ticket, asked.response_status)
    return ticket, message("SimpleResponse")(payload=payload(asked.response_size)).SerializeToString()


def decide_duplex(ticket: int, data: bytes) -> Answer | None:
    """One message of a FullDuplexCall, which is answered by one; None where none is asked for: the call's deadline answers then."""
    asked = message("StreamingOutputCallRequest").FromString(data)
    if asked.response_status.code:
        return _status(ticket, asked.response_status)
    if not asked.response_parameters:
        return None
    (one,) = asked.response_parameters
    return ticket, message("StreamingOutputCallResponse")(payload=payload(one.size)).SerializeToString()


def _status(ticket: int, echo: Any) -> Answer:
    return ticket, echo.code, echo.message, Status(code=echo.code, message=echo.message).SerializeToString()


async def _echo_metadata(context: Any) -> None:
    asked = dict(context.invocation_metadata() or ())
    if ECHO_INITIAL in asked:
        await context.send_initial_metadata(((ECHO_INITIAL, asked[ECHO_INITIAL]),))
    if ECHO_TRAILING in asked:
        context.set_trailing_metadata(((ECHO_TRAILING, asked[ECHO_TRAILING]),))


async def _echo_status(context: Any, status: Any) -> None:
    if status.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        await context.abort(code, status.message)


async def _empty_call(request: Any, _: Any) -> Any:
    return request


async def _unary_call(request: Any, context: Any) -> Any:
    await _echo_metadata(context)
    await _echo_status(context, request.response_status)
    return message("SimpleResponse")(payload=payload(request.response_size))


async def _streaming_output_call(request: Any, _: Any) -> AsyncIterator[Any]:
    for one in request.response_parameters:
        await asyncio.sleep(one.interval_us / 1e6)
        yield message("StreamingOutputCallResponse")(payload=payload(one.size))


async def _streaming_input_call(requests: AsyncIterator[Any], _: Any) -> Any:
    size = 0
    async for request in requests:
        size += len(request.payload.body)
    return message("StreamingInputCallResponse")(aggregated_payload_size=size)


async def _full_duplex_call(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
    await _echo_metadata(context)
    async for request in requests:
        await _echo_status(context, request.response_status)
        async for one in _streaming_output_call(request, context):
            yield one


def handlers() -> grpc.GenericRpcHandler:
    """The service for a grpc.aio server."""
    kinds: dict[str, tuple[Any, Any, str, str]] = {
        "EmptyCall": (grpc.unary_unary_rpc_method_handler, _empty_call, "Empty", "Empty"),
        "UnaryCall": (grpc.unary_unary_rpc_method_handler, _unary_call, "SimpleRequest", "SimpleResponse"),
        "StreamingOutputCall": (
            grpc.unary_stream_rpc_method_handler,
            _streaming_output_call,
            "StreamingOutputCallRequest",
            "StreamingOutputCallResponse",
        ),
        "StreamingInputCall": (
            grpc.stream_unary_rpc_method_handler,
            _streaming_input_call,
            "StreamingInputCallRequest",
            "StreamingInputCallResponse",
        ),
        "FullDuplexCall": (
            grpc.stream_stream_rpc_method_handler,
            _full_duplex_call,
            "StreamingOutputCallRequest",
            "StreamingOutputCallResponse",
        ),
    }
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            name: make(handler, message(asked).FromString, lambda answer: answer.SerializeToString())
            for name, (make, handler, asked, _) in kinds.items()
        },
    )
