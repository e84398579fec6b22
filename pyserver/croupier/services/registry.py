"""Connects proto services with the objects that serve them: every method of a descriptor gets its handler, its roles and its guard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from croupier.pb import options_pb2
from croupier.services.guard import Guard


def generic_handler(
    service: ServiceDescriptor, servicer: object, guard: Guard, roles: frozenset[int] | None = None
) -> grpc.GenericRpcHandler:
    """All methods of `service`, served by the methods of `servicer` with the names in snake case. `roles` replaces the proto option,
    for services of other packages.
    """
    handlers = {
        method.name: _handler(service, method, getattr(servicer, snake_case(method.name)), guard, roles) for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def allowed_roles(method: MethodDescriptor) -> frozenset[int]:
    """The roles that a method's proto option names; empty admits nobody."""
    return frozenset(method.GetOptions().Extensions[options_pb2.roles])


def snake_case(name: str) -> str:
    """PlayBatch -> play_batch."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _handler(
    service: ServiceDescriptor, method: MethodDescriptor, behaviour: Callable[..., Any], guard: Guard, roles: frozenset[int] | None
) -> grpc.RpcMethodHandler[Any, Any]:
    path = f"/{service.full_name}/{method.name}"
    admitted = allowed_roles(method) if roles is None else roles
    request = message_factory.GetMessageClass(method.input_type).FromString
    response = message_factory.GetMessageClass(method.output_type).SerializeToString
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour), request, response)  # type: ignore[arg-type]
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(guard.streaming(path, admitted, behaviour), request, response)  # type: ignore[arg-type]
    return grpc.unary_unary_rpc_method_handler(guard.unary(path, admitted, behaviour), request, response)  # type: ignore[arg-type]
