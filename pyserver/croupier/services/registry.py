"""Connects proto services with the objects that serve them: every method of a descriptor gets its handler, its roles and its guard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from croupier.pb import options_pb2
from croupier.services.guard import Guard


def generic_handler(service: str, servicer: object, guard: Guard, roles: frozenset[int] | None = None) -> grpc.GenericRpcHandler:
    """All methods of the proto service of that name, served by the methods of `servicer` with the same names in snake case.
    `roles` replaces the proto option, for services of other packages.
    """
    methods = descriptor_pool.Default().FindServiceByName(service).methods
    handlers = {method.name: _handler(method, getattr(servicer, snake_case(method.name)), guard, roles) for method in methods}
    return grpc.method_handlers_generic_handler(service, handlers)


def allowed_roles(method: MethodDescriptor) -> frozenset[int]:
    """The roles that a method's proto option names; empty admits nobody."""
    roles: Any = options_pb2.roles  # Two type packages describe descriptors, and do not know each other's.
    return frozenset(method.GetOptions().Extensions[roles])


def snake_case(name: str) -> str:
    """PlayBatch -> play_batch."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _handler(
    method: MethodDescriptor, behaviour: Callable[..., Any], guard: Guard, roles: frozenset[int] | None
) -> grpc.RpcMethodHandler[Any, Any]:
    path = f"/{method.containing_service.full_name}/{method.name}"
    admitted = allowed_roles(method) if roles is None else roles
    request = message_factory.GetMessageClass(method.input_type).FromString
    response = _encoded
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour, request), None, response)  # type: ignore[arg-type]
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour, request), None, response)  # type: ignore[arg-type]
    return grpc.unary_unary_rpc_method_handler(guard.unary(path, admitted, behaviour, request), None, response)  # type: ignore[arg-type]


def _encoded(answer: Message | bytes) -> bytes:
    """An answer on the wire; what a method has encoded itself goes out as it is."""
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
