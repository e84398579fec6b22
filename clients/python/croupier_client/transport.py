"""Sends calls and keeps streams alive, blocking. What is sent again and where is decided by retry.py."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from .answers import ended, stalled
from .calls import Call
from .channel import OPTIONS, Tls, call_metadata
from .errors import CroupierError, error_of_call
from .retry import Attempts, Nodes, RetryPolicy

ResponseT = TypeVar("ResponseT", bound=Message)
T = TypeVar("T")


class Transport:
    """Channels to every node of one cluster. Thread-safe."""

    def __init__(self, addresses: tuple[str, ...], token: str, tls: Tls | None, policy: RetryPolicy) -> None:
        self.policy = policy
        self._nodes = Nodes(addresses, policy)
        self._metadata = call_metadata(token)
        self._tls = tls
        self._jitter = random.Random()  # noqa: S311 -- pauses need no secrecy
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._callables: dict[tuple[str, str], grpc.UnaryUnaryMultiCallable[Any, Any]] = {}

    def attempts(self, deadline_s: float | None = None) -> Attempts:
        """The attempts of a new call."""
        return Attempts(self._nodes, self.policy, time.monotonic() + (deadline_s or self.policy.deadline_s), self._jitter)

    def send(self, call: Call[ResponseT, T], deadline_s: float | None = None) -> T:
        """Sends a call until it is answered.

        Raises:
            CroupierError: the typed error of the last attempt.
        """
        attempts = self.attempts(deadline_s)
        while True:
            timeout_s = attempts.start(time.monotonic())
            try:
                response = self._callable(attempts.address, call)(call.request, timeout=timeout_s, metadata=self._metadata)
            except grpc.RpcError as failure:
                self.pause(attempts, error_of_call(failure), call.id)
            else:
                attempts.answered()
                return call.read(response)

    def pause(self, attempts: Attempts, error: CroupierError, id_: str = "") -> None:
        """Waits until the next attempt.

        Raises:
            CroupierError: `error`, where there is no next attempt.
        """
        error.id = id_
        time.sleep(attempts.failed(error, time.monotonic()))

    def watch(
        self, address: str, method: str, request: Message, response_type: type[ResponseT], silence_s_max: float
    ) -> Generator[ResponseT, None, None]:
        """The messages of a server stream.

        Raises:
            CroupierError: when it breaks, ends, or stays silent for `silence_s_max`.
        """
        call = self._channel(address).unary_stream(method, _serialize, response_type.FromString)(request, metadata=self._metadata)
        return _timed(call, silence_s_max)

    def converse(
        self, address: str, method: str, requests: Iterable[Message], response_type: type[ResponseT], silence_s_max: float
    ) -> Generator[ResponseT, None, None]:
        """The messages of a stream in both directions; raises as `watch` does."""
        call = self._channel(address).stream_stream(method, _serialize, response_type.FromString)(iter(requests), metadata=self._metadata)
        return _timed(call, silence_s_max)

    def close(self) -> None:
        """Closes all channels; calls in flight fail."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
            self._callables.clear()

    def _callable(self, address: str, call: Call[ResponseT, T]) -> grpc.UnaryUnaryMultiCallable[Message, ResponseT]:
        key = (address, call.method)
        known = self._callables.get(key)
        if known is None:
            known = self._channel(address).unary_unary(call.method, _serialize, call.response_type.FromString)
            self._callables[key] = known
        return known

    def _channel(self, address: str) -> grpc.Channel:
        with self._lock:
            channel = self._channels.get(address)
            if channel is None:
                if self._tls is None:
                    channel = grpc.insecure_channel(address, OPTIONS)
                else:
                    channel = grpc.secure_channel(address, self._tls.credentials(), OPTIONS + self._tls.options())
                self._channels[address] = channel
            return channel


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _timed(call: Any, silence_s_max: float) -> Generator[Any, None, None]:
    """Reads a call in a thread of its own, so that silence can be noticed."""
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_all, args=(call, arrived), name="croupier-stream", daemon=True).start()
    try:
        while True:
            try:
                item = arrived.get(timeout=silence_s_max)
            except queue.Empty:
                raise stalled() from None
            if isinstance(item, CroupierError):
                raise item
            yield item
    finally:
        call.cancel()


def _read_all(call: Any, arrived: queue.SimpleQueue[Any]) -> None:
    try:
        for message in call:
            arrived.put(message)
    except grpc.RpcError as failure:
        arrived.put(error_of_call(failure))
    else:
        arrived.put(ended())
