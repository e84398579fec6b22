"""Sends calls and keeps streams alive, on asyncio. What is sent again and where is decided by retry.py."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from .answers import ended, stalled
from .calls import Call
from .channel import OPTIONS, Tls, call_metadata
from .errors import CroupierError, error_of_call
from .retry import Attempts, Nodes, RetryPolicy

ResponseT = TypeVar("ResponseT", bound=Message)
T = TypeVar("T")


class AioTransport:
    """Channels to every node of one cluster, of one event loop."""

    def __init__(self, addresses: tuple[str, ...], token: str, tls: Tls | None, policy: RetryPolicy) -> None:
        self.policy = policy
        self._nodes = Nodes(addresses, policy)
        self._metadata = call_metadata(token)
        self._tls = tls
        self._jitter = random.Random()  # noqa: S311 -- pauses need no secrecy
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._callables: dict[tuple[str, str], Any] = {}

    def attempts(self, deadline_s: float | None = None) -> Attempts:
        """The attempts of a new call."""
        return Attempts(self._nodes, self.policy, time.monotonic() + (deadline_s or self.policy.deadline_s), self._jitter)

    async def send(self, call: Call[ResponseT, T], deadline_s: float | None = None) -> T:
        """Sends a call until it is answered.

        Raises:
            CroupierError: the typed error of the last attempt.
        """
        attempts = self.attempts(deadline_s)
        while True:
            timeout_s = attempts.start(time.monotonic())
            try:
                response = await self._callable(attempts.address, call)(call.request, timeout=timeout_s, metadata=self._metadata)
            except grpc.RpcError as failure:
                await self.pause(attempts, error_of_call(failure), call.id)
            else:
                attempts.answered()
                return call.read(response)

    async def pause(self, attempts: Attempts, error: CroupierError, id_: str = "") -> None:
        """Waits until the next attempt.

        Raises:
            CroupierError: `error`, where there is no next attempt.
        """
        error.id = id_
        await asyncio.sleep(attempts.failed(error, time.monotonic()))

    def watch(
        self, address: str, method: str, request: Message, response_type: type[ResponseT], silence_s_max: float
    ) -> AsyncGenerator[ResponseT, None]:
        """The messages of a server stream.

        Raises:
            CroupierError: when it breaks, ends, or stays silent for `silence_s_max`.
        """
        callable_ = self._channel(address).unary_stream(method, _serialize, response_type.FromString)
        return _timed(callable_(request, metadata=self._metadata), silence_s_max)

    def converse(
        self, address: str, method: str, requests: AsyncIterator[Message], response_type: type[ResponseT], silence_s_max: float
    ) -> AsyncGenerator[ResponseT, None]:
        """The messages of a stream in both directions; raises as `watch` does."""
        callable_ = self._channel(address).stream_stream(method, _serialize, response_type.FromString)
        return _timed(callable_(requests, metadata=self._metadata), silence_s_max)

    async def close(self) -> None:
        """Closes all channels; calls in flight fail."""
        channels = list(self._channels.values())
        self._channels.clear()
        self._callables.clear()
        for channel in channels:
            await channel.close()

    def _callable(self, address: str, call: Call[ResponseT, T]) -> Any:
        key = (address, call.method)
        known = self._callables.get(key)
        if known is None:
            known = self._channel(address).unary_unary(call.method, _serialize, call.response_type.FromString)
            self._callables[key] = known
        return known

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            if self._tls is None:
                channel = grpc.aio.insecure_channel(address, OPTIONS)
            else:
                channel = grpc.aio.secure_channel(address, self._tls.credentials(), OPTIONS + self._tls.options())
            self._channels[address] = channel
        return channel


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


async def _timed(call: Any, silence_s_max: float) -> AsyncGenerator[Any, None]:
    try:
        while True:
            message = await asyncio.wait_for(call.read(), silence_s_max)
            if message is grpc.aio.EOF:
                raise ended()
            yield message
    except TimeoutError:
        raise stalled() from None
    except grpc.RpcError as failure:
        raise error_of_call(failure) from None
    finally:
        call.cancel()
