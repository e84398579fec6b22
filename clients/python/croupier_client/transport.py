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

from .answers import ended, moved, stalled
from .calls import Call
from .channel import OPTIONS, Tls, call_metadata
from .discovery import TICK_S, Reach, gone
from .errors import CroupierError, error_of_call
from .nodes import Nodes
from .retry import Attempts, RetryPolicy
from .watcher import Watcher

ResponseT = TypeVar("ResponseT", bound=Message)
T = TypeVar("T")


class Transport:
    """Channels to every node of one cluster. Thread-safe."""

    def __init__(self, reach: Reach, token: str, tls: Tls | None, policy: RetryPolicy) -> None:
        self.policy = policy
        self._nodes = Nodes(reach.addresses, policy.ejection, region=reach.region, budget=policy.budget)
        self._metadata = call_metadata(token)
        self._metadata_unforwarded = call_metadata(token, is_unforwarded=bool(token))
        self._tls = tls
        self._jitter = random.Random()  # noqa: S311 -- pauses need no secrecy
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._callables: dict[tuple[str, str], grpc.UnaryUnaryMultiCallable[Any, Any]] = {}
        self._gone: dict[str, float] = {}
        self._is_closed = False
        watcher = Watcher(
            self._nodes, self._channel, self._metadata, self._tidy, asks_for_list=reach.asks_for_list, interval_s=policy.list_interval_s
        )
        self._watcher = watcher if reach.watches else None

    def attempts(self, wallet: str = "", *, deadline_s: float | None = None, patience: float = 1.0, fixed: str = "") -> Attempts:
        """The attempts of a new call."""
        if self._watcher is not None:
            self._watcher.start()
        deadline = time.monotonic() + (deadline_s or self.policy.deadline_s)
        return Attempts(self._nodes, self.policy, deadline, self._jitter, wallet, patience, fixed)

    def send(self, call: Call[ResponseT, T], deadline_s: float | None = None) -> T:
        """Sends a call until it is answered.

        Raises:
            CroupierError: the typed error of the last attempt.
        """
        fixed = self._nodes.first if call.is_of_one_node else ""
        attempts = self.attempts(call.wallet, deadline_s=deadline_s, patience=call.patience, fixed=fixed)
        while True:
            timeout_s = attempts.start(time.monotonic())
            try:
                callable_ = self._callable(attempts.address, call)
                response = callable_(call.request, timeout=timeout_s, metadata=self._metadata_of(attempts))
            except grpc.RpcError as failure:
                self.pause(attempts, error_of_call(failure), call.id)
            else:
                attempts.answered(time.monotonic())
                return call.read(response)

    def pause(self, attempts: Attempts, error: CroupierError, id_: str = "") -> None:
        """Waits until the next attempt.

        Raises:
            CroupierError: `error`, where there is no next attempt.
        """
        error.id = id_
        if self._is_closed:
            raise error
        wait_s = attempts.failed(error, time.monotonic())
        if self._watcher is not None:
            self._watcher.hurry()
        time.sleep(wait_s)
        while wait_s := attempts.waits(error, time.monotonic()):
            time.sleep(wait_s)

    def watch(
        self, attempts: Attempts, method: str, request: Message, response_type: type[ResponseT], silence_s_max: float
    ) -> Generator[ResponseT, None, None]:
        """The messages of a server stream from the node of `attempts`.

        Raises:
            CroupierError: when it breaks, ends, stays silent for `silence_s_max`, or its node is left.
        """
        callable_ = self._channel(attempts.address).unary_stream(method, _serialize, response_type.FromString)
        return self._timed(callable_(request, metadata=self._metadata_of(attempts)), attempts.address, silence_s_max)

    def converse(
        self, attempts: Attempts, method: str, requests: Iterable[Message], response_type: type[ResponseT], silence_s_max: float
    ) -> Generator[ResponseT, None, None]:
        """The messages of a stream in both directions; raises as `watch` does."""
        callable_ = self._channel(attempts.address).stream_stream(method, _serialize, response_type.FromString)
        return self._timed(callable_(iter(requests), metadata=self._metadata_of(attempts)), attempts.address, silence_s_max)

    def close(self) -> None:
        """Closes all channels; calls in flight fail."""
        self._is_closed = True
        if self._watcher is not None:
            self._watcher.stop()
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
                if self._is_closed:
                    raise ValueError("the client is closed")
                if self._tls is None:
                    channel = grpc.insecure_channel(address, OPTIONS)
                else:
                    channel = grpc.secure_channel(address, self._tls.credentials(), OPTIONS + self._tls.options())
                self._channels[address] = channel
            return channel

    def _metadata_of(self, attempts: Attempts) -> tuple[tuple[str, str], ...]:
        return self._metadata_unforwarded if attempts.choice.unforwarded else self._metadata

    def _tidy(self) -> None:
        """Closes the channels to nodes that are long gone."""
        with self._lock:
            for address in gone(list(self._channels), self._nodes, self._gone, time.monotonic()):
                self._channels.pop(address).close()
                self._callables = {key: callable_ for key, callable_ in self._callables.items() if key[0] != address}

    def _timed(self, call: Any, address: str, silence_s_max: float) -> Generator[Any, None, None]:
        """Reads a call in a thread of its own, so that silence can be noticed."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=_read_all, args=(call, arrived), name="croupier-stream", daemon=True).start()
        try:
            while True:
                item = self._next(arrived, address, silence_s_max)
                if isinstance(item, CroupierError):
                    raise item
                yield item
        finally:
            call.cancel()

    def _next(self, arrived: queue.SimpleQueue[Any], address: str, silence_s_max: float) -> Any:
        silent_since = time.monotonic()
        while (left_s := silent_since + silence_s_max - time.monotonic()) > 0:
            try:
                return arrived.get(timeout=min(left_s, TICK_S))
            except queue.Empty:
                if self._nodes.is_left(address):
                    return moved()
        return stalled()


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _read_all(call: Any, arrived: queue.SimpleQueue[Any]) -> None:
    try:
        for message in call:
            arrived.put(message)
    except grpc.RpcError as failure:
        arrived.put(error_of_call(failure))
    else:
        arrived.put(ended())
