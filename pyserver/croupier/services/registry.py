"""Connects proto services with the objects that serve them: every method of a descriptor gets its handler, its roles and its guard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from msgspec import Struct

from croupier.errors import Refusal
from croupier.pb import options_pb2
from croupier.services.guard import Decode, Guard
from croupier.services.hot import OnEventLoop, Translate
from croupier.services.methods import HOT


class HotMethod(Struct, frozen=True):
    """A hot method, as the front door serves it."""

    path: str
    roles: frozenset[int]
    decode: Decode
    translate: Translate
    refused: Callable[[Refusal], bytes] | None = None
    """Given where each message of a stream is a call of its own: the encoded answer to one that is refused, for that does not end the stream."""
    canned: Callable[[Refusal], bytes] | None = None
    """The same for the door to give and to count by itself."""


def generic_handler(
    service: str, servicer: object, guard: Guard, hot: OnEventLoop | None = None, *, roles: frozenset[int] | None = None
) -> grpc.GenericRpcHandler:
    """All methods of the proto service of that name, served by the methods of `servicer` with the same names in snake case; the hot ones run by `hot`, or left
    out where the front door takes them. `roles` replaces the proto option, for services of other packages.
    """
    methods = [method for method in _methods(service) if hot or _path(method) not in HOT]
    handlers = {method.name: _handler(method, servicer, guard, hot, roles) for method in methods}
    return grpc.method_handlers_generic_handler(service, handlers)


def hot_methods(service: str, servicer: object) -> list[HotMethod]:
    """The hot methods of the proto service of that name."""
    return [
        HotMethod(
            _path(method),
            allowed_roles(method),
            _decode(method),
            getattr(servicer, snake_case(method.name)),
            getattr(servicer, f"{snake_case(method.name)}_refused") if method.client_streaming else None,
            getattr(servicer, f"{snake_case(method.name)}_canned") if method.client_streaming else None,
        )
        for method in _methods(service)
        if _path(method) in HOT
    ]


def allowed_roles(method: MethodDescriptor) -> frozenset[int]:
    """The roles that a method's proto option names; empty admits nobody."""
    roles: Any = options_pb2.roles  # Two type packages describe descriptors, and do not know each other's.
    return frozenset(method.GetOptions().Extensions[roles])


def snake_case(name: str) -> str:
    """PlayBatch -> play_batch."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _methods(service: str) -> list[MethodDescriptor]:
    return list(descriptor_pool.Default().FindServiceByName(service).methods)


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _decode(method: MethodDescriptor) -> Decode:
    return message_factory.GetMessageClass(method.input_type).FromString


def _handler(
    method: MethodDescriptor, servicer: object, guard: Guard, hot: OnEventLoop | None, roles: frozenset[int] | None
) -> grpc.RpcMethodHandler[Any, Any]:
    path, request = _path(method), _decode(method)
    behaviour: Callable[..., Any] = getattr(servicer, snake_case(method.name))
    admitted = allowed_roles(method) if roles is None else roles
    if path in HOT:
        assert hot is not None, f"{path} is hot"
        refused = getattr(servicer, f"{snake_case(method.name)}_refused", None)
        behaviour = hot.stream(behaviour, refused) if refused else hot.unary(behaviour)
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour, request), None, _encoded)  # type: ignore[arg-type]
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour, request), None, _encoded)  # type: ignore[arg-type]
    return grpc.unary_unary_rpc_method_handler(guard.unary(path, admitted, behaviour, request), None, _encoded)  # type: ignore[arg-type]


def _encoded(answer: Message | bytes) -> bytes:
    """An answer on the wire; what a method has encoded itself goes out as it is."""
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
