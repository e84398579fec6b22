"""A gRPC server that does what the test says: the other end of the wire for the client's retries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2  # pyright: ignore[reportMissingTypeStubs]
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from croupier_client.pb import admin_service_pb2, cluster_service_pb2

Answer = Callable[[bytes, grpc.ServicerContext], Message]
Stream = Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[Message]]


class ScriptedNode:
    """Answers unary calls by `script` in order, the last one for ever, or hangs without one; streams by `streams` likewise."""

    def __init__(self, *script: Answer, streams: tuple[Stream, ...] = ()) -> None:
        self.requests: list[bytes] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.opened = 0
        self.listing: list[ScriptedNode] | None = None
        """What it answers to ListNodes, each node named by its port and serving unless it drains; None: it knows no such method."""
        self.region = "here"
        self.drains = False
        self.is_frozen = threading.Event()
        """While set, nothing is answered, health and ListNodes included."""
        self._script, self._streams = list(script) or [self.hang], list(streams)
        self._released = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it at once, as a crash does."""
        self._released.set()
        self._server.stop(0).wait()

    def script(self, *script: Answer) -> None:
        """Another script from now on."""
        self._script = list(script)

    def answer(self, request: bytes, context: grpc.ServicerContext) -> Message:
        """The next answer of the script."""
        self._thaw()
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        act = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return act(request, context)

    def stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        """The next stream of the script."""
        self.opened += 1
        act = self._streams.pop(0) if len(self._streams) > 1 else self._streams[0]
        return act(requests, context)

    def list_nodes(self, _request: bytes, _context: grpc.ServicerContext) -> Message:
        """The nodes of `listing`."""
        self._thaw()
        return cluster_service_pb2.ListNodesResponse(nodes=[_told(node) for node in self.listing or ()])

    def health(self, _request: bytes, _context: grpc.ServicerContext) -> Message:
        """SERVING unless it drains."""
        self._thaw()
        return health_pb2.HealthCheckResponse(
            status=health_pb2.HealthCheckResponse.NOT_SERVING if self.drains else health_pb2.HealthCheckResponse.SERVING
        )

    def _thaw(self) -> None:
        while self.is_frozen.is_set() and not self._released.wait(0.02):
            pass

    def hang(self, _request: bytes, _context: grpc.ServicerContext) -> Message:
        """Answers nothing until the node is closed."""
        self._released.wait(30)
        raise ConnectionError("closed")


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, node: ScriptedNode) -> None:
        self._node = node

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        node = self._node
        if handler_call_details.method.endswith("/ListNodes"):
            return None if node.listing is None else grpc.unary_unary_rpc_method_handler(node.list_nodes, None, _serialize)
        if handler_call_details.method.endswith("/Check"):
            return grpc.unary_unary_rpc_method_handler(node.health, None, _serialize)
        if handler_call_details.method.endswith("/PlayStream"):
            return grpc.stream_stream_rpc_method_handler(node.stream, None, _serialize)
        if handler_call_details.method.endswith("/WatchWallet"):
            return grpc.unary_stream_rpc_method_handler(lambda request, context: node.stream(iter([request]), context), None, _serialize)
        return grpc.unary_unary_rpc_method_handler(node.answer, None, _serialize)


def _told(node: ScriptedNode) -> cluster_service_pb2.ClusterNode:
    state = admin_service_pb2.NODE_STATE_DRAINING if node.drains else admin_service_pb2.NODE_STATE_SERVING
    return cluster_service_pb2.ClusterNode(name=f"nodes/{node.port}", address=node.address, region=node.region, state=state)


def answer(message: Message) -> Answer:
    """Answers with a message."""
    return lambda _request, _context: message


def refuse(code: int, reason: str, *, retry_ms: int | None = None, **facts: str) -> Answer:
    """Fails with a reason, and a delay to retry after."""

    def act(_request: bytes, context: grpc.ServicerContext) -> Message:
        context.abort_with_status(rpc_status.to_status(status(code, reason, retry_ms=retry_ms, **facts)))
        raise AssertionError("abort returns never")

    return act


def status(code: int, reason: str, *, retry_ms: int | None = None, **facts: str) -> status_pb2.Status:
    """A google.rpc.Status as the server makes it."""
    made = status_pb2.Status(code=code, message=f"{reason} was scripted")
    made.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="croupier.v1", metadata=facts))
    if retry_ms is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_ms)
        made.details.add().Pack(retry)
    return made


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


ABORTED, EXHAUSTED, UNAVAILABLE = code_pb2.ABORTED, code_pb2.RESOURCE_EXHAUSTED, code_pb2.UNAVAILABLE
FAILED_PRECONDITION = code_pb2.FAILED_PRECONDITION
