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

from .aio_watcher import AioWatcher
from .answers import ended, moved, stalled
from .calls import Call
from .channel import OPTIONS, Tls, call_metadata
from .discovery import TICK_S, Reach, gone
from .errors import CroupierError, error_of_call
from .nodes import Nodes
from .retry import Attempts, RetryPolicy

ResponseT = TypeVar("ResponseT", bound=Message)
T = TypeVar("T")


class AioTransport:
    """Channels to every node of one cluster, of one event loop."""

    def __init__(self, reach: Reach, token: str, tls: Tls | None, policy: RetryPolicy) -> None:
        self.policy = policy
        self._nodes = Nodes(reach.addresses, policy.ejection, region=reach.region, budget=policy.budget)
        self._metadata = call_metadata(token)
        self._metadata_unforwarded = call_metadata(token, is_unforwarded=bool(token))
        self._tls = tls
        self._jitter = random.Random()  # noqa: S311 -- pauses need no secrecy
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._callables: dict[tuple[str, str], Any] = {}
        self._gone: dict[str, float] = {}
        self._is_closed = False
        self._closing: set[asyncio.Task[None]] = set()
        watcher = AioWatcher(
            self._nodes, self._channel, self._metadata, self._tidy, asks_for_list=reach.asks_for_list, interval_s=policy.list_interval_s
        )
        self._watcher = watcher if reach.watches else None

    def attempts(self, wallet: str = "", *, deadline_s: float | None = None, patience: float = 1.0, fixed: str = "") -> Attempts:
        """The attempts of a new call."""
        if self._watcher is not None:
            self._watcher.start()
        deadline = time.monotonic() + (deadline_s or self.policy.deadline_s)
        return Attempts(self._nodes, self.policy, deadline, self._jitter, wallet, patience, fixed)

    async def send(self, call: Call[ResponseT, T], deadline_s: float | None = None) -> T:
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
                response = await callable_(call.request, timeout=timeout_s, metadata=self._metadata_of(attempts))
            except grpc.RpcError as failure:
                await self.pause(attempts, error_of_call(failure), call.id)
            else:
                attempts.answered(time.monotonic())
                return call.read(response)

    async def pause(self, attempts: Attempts, error: CroupierError, id_: str = "") -> None:
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
        await asyncio.sleep(wait_s)
        while wait_s := attempts.waits(error, time.monotonic()):  # noqa: ASYNC110 -- no event: the budget fills as time passes
            await asyncio.sleep(wait_s)

    def watch(
        self, attempts: Attempts, method: str, request: Message, response_type: type[ResponseT], silence_s_max: float
    ) -> AsyncGenerator[ResponseT, None]:
        """The messages of a server stream from the node of `attempts`.

        Raises:
            CroupierError: when it breaks, ends, stays silent for `silence_s_max`, or its node is left.
        """
        callable_ = self._channel(attempts.address).unary_stream(method, _serialize, response_type.FromString)
        return self._timed(callable_(request, metadata=self._metadata_of(attempts)), attempts.address, silence_s_max)

    def converse(
        self, attempts: Attempts, method: str, requests: AsyncIterator[Message], response_type: type[ResponseT], silence_s_max: float
    ) -> AsyncGenerator[ResponseT, None]:
        """The messages of a stream in both directions; raises as `watch` does."""
        callable_ = self._channel(attempts.address).stream_stream(method, _serialize, response_type.FromString)
        return self._timed(callable_(requests, metadata=self._metadata_of(attempts)), attempts.address, silence_s_max)

    async def close(self) -> None:
        """Closes all channels; calls in flight fail."""
        self._is_closed = True
        if self._watcher is not None:
            await self._watcher.stop()
        channels = list(self._channels.values())
        self._channels.clear()
        self._callables.clear()
        for channel in channels:
            await channel.close()
        await asyncio.gather(*self._closing)

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
            if self._is_closed:
                raise ValueError("the client is closed")
            if self._tls is None:
                channel = grpc.aio.insecure_channel(address, OPTIONS)
            else:
                channel = grpc.aio.secure_channel(address, self._tls.credentials(), OPTIONS + self._tls.options())
            self._channels[address] = channel
        return channel

    def _metadata_of(self, attempts: Attempts) -> tuple[tuple[str, str], ...]:
        return self._metadata_unforwarded if attempts.choice.unforwarded else self._metadata

    def _tidy(self) -> None:
        """Closes the channels to nodes that are long gone."""
        for address in gone(list(self._channels), self._nodes, self._gone, time.monotonic()):
            self._callables = {key: callable_ for key, callable_ in self._callables.items() if key[0] != address}
            task = asyncio.ensure_future(self._channels.pop(address).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _timed(self, call: Any, address: str, silence_s_max: float) -> AsyncGenerator[Any, None]:
        reading: asyncio.Task[Any] = asyncio.ensure_future(call.read())
        try:
            while True:
                await self._arrived(reading, address, silence_s_max)
                message: Any = await reading
                if message is grpc.aio.EOF:
                    raise ended()
                yield message
                reading = asyncio.ensure_future(call.read())
        except grpc.RpcError as failure:
            raise error_of_call(failure) from None
        finally:
            call.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _arrived(self, reading: asyncio.Task[Any], address: str, silence_s_max: float) -> None:
        silent_since = time.monotonic()
        while (left_s := silent_since + silence_s_max - time.monotonic()) > 0:
            done, _ = await asyncio.wait({reading}, timeout=min(left_s, TICK_S))
            if done:
                return
            if self._nodes.is_left(address):
                raise moved()
        raise stalled()


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
