"""What every call passes: credentials, role, deadline; and every answer: status, metrics, log. Written once, around each method.

It wraps methods instead of being an interceptor: on the hot path an interceptor costs as much as the decision itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Self, cast
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from croupier.access import Access, Caller
from croupier.errors import CredentialsInvalid, FieldInvalid, Forbidden, InvariantBroken, NodeUnavailable, Overloaded, Refusal
from croupier.metrics import Metrics
from croupier.services import access_log, status
from croupier.services.call import Call
from croupier.services.forwarding import Forwarding, Relayed, original, wallet_in

_log = logging.getLogger("croupier.call")
_RETRY_AFTER_S = 1.0
_CANCELLED = "CANCELLED"
"""What metrics show where the caller went away, or its deadline passed, before the answer: those are the slowest calls."""
_CANCELLED_CODE = 1
PEER_KEY, CERTIFICATE_KEY = "croupier-peer", "croupier-certificate"
"""Metadata that the front door sets on what it forwards: ip:port, and the common name, percent-encoded. What a caller sends under such names it removes."""
Context = grpc.aio.ServicerContext[Any, Any]
Unary = Callable[[Any, Call], Awaitable[Any]]
Streaming = Callable[[Any, Call], AsyncGenerator[Any, None]]
Decode = Callable[[bytes], Any]


class Guard:
    """Lets calls in, and answers for what happens to them."""

    def __init__(self, access: Access, metrics: Metrics, clock_ms: Callable[[], int], max_calls: int, *, behind_door: bool = False) -> None:
        """`behind_door`: every call of gRPC's comes through the front door, whose word for who the peer is can be trusted."""
        self.refusing = ""
        """Why all calls are refused; empty while the node serves."""
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._access = access
        self._metrics = metrics
        self._clock_ms = clock_ms
        self._max_calls = max_calls
        self._behind_door = behind_door
        self.forwarding: Forwarding | None = None
        """Where calls for other nodes' wallets go, if there are other nodes."""

    def unary(self, method: str, roles: frozenset[int], behaviour: Unary, decode: Decode) -> Callable[[bytes, Context], Awaitable[Any]]:
        """`behaviour` as a handler for one request and one answer."""
        observe = self._observer(method)

        async def handle(data: bytes, context: Context) -> Any:
            started, call = time.perf_counter(), None
            self._begin()
            try:
                call = self._admit(context, roles)
                answer = None
                if self.forwarding and (send := self.forwarding.way(method, data, call, partial(wallet_in, data))):
                    answer = await send()
                if answer is None:
                    answer = await behaviour(_decoded(decode, data), call)
            except asyncio.CancelledError:
                observe(_CANCELLED, started, context, call)
                raise
            except Refusal as refusal:
                observe(refusal, started, context, call)
                await self._refuse(context, method, refusal)
            except Relayed as relayed:
                observe(None, started, context, call)  # The node that refused it has counted it.
                await context.abort(relayed.code, relayed.message, ((status.DETAILS_KEY, relayed.details),))
            except Exception as error:
                broken = self.broken(method, error)
                observe(broken, started, context, call)
                await self._refuse(context, method, broken)
            else:
                observe(None, started, context, call)
                return answer
            finally:
                self._end()

        return handle

    def streaming(
        self, method: str, roles: frozenset[int], behaviour: Streaming, decode: Decode
    ) -> Callable[[bytes | AsyncIterator[bytes], Context], Awaitable[None]]:
        """`behaviour` as a handler that answers with a stream, to one request or to a stream of them."""
        observe = self._observer(method)

        async def handle(data: bytes | AsyncIterator[bytes], context: Context) -> None:
            started, call = time.perf_counter(), None
            self._begin()
            try:
                call = self._admit(context, roles)
                request = _decoded(decode, data) if isinstance(data, bytes) else _Requests(decode, context)
                async with aclosing(behaviour(request, call)) as answers:
                    async for answer in answers:
                        await context.write(answer)
            except asyncio.CancelledError:
                observe(_CANCELLED, started, context, call)
                raise
            except Refusal as refusal:
                observe(refusal, started, context, call)
                await self._refuse(context, method, refusal)
            except Exception as error:
                broken = self.broken(method, error)
                observe(broken, started, context, call)
                await self._refuse(context, method, broken)
            else:
                observe(None, started, context, call)
            finally:
                self._end()

        return handle

    async def idle(self, patience_s: float) -> None:
        """Returns once no call is in flight, or after `patience_s`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience_s)

    def _observer(self, method: str) -> Callable[[Refusal | str | None, float, Context, Call | None], None]:
        """Counts and logs one call that has ended: what refused it, or that it was cancelled; when it began; who called, if that is known."""
        count = self._metrics.observer(method)

        def observe(end: Refusal | str | None, started: float, context: Context, call: Call | None) -> None:
            seconds = time.perf_counter() - started
            count(end.reason if isinstance(end, Refusal) else end or "", seconds)
            if access_log.is_on():
                code = status.code_number(end) if isinstance(end, Refusal) else _CANCELLED_CODE if end else 0
                access_log.write(method, self._peer(context), call.caller.name if call else "", code, seconds)

        return observe

    def _begin(self) -> None:
        self._running += 1
        self._idle.clear()

    def _end(self) -> None:
        self._running -= 1
        if not self._running:
            self._idle.set()

    def admit(self, authorization: str, certificate: str, roles: frozenset[int], deadline_ms: int, now_ms: int) -> Call:
        """A call with these credentials, of which one may be empty. Raises the Refusal of one that must not come in."""
        if self.refusing:
            raise NodeUnavailable(f"the node is {self.refusing}; nothing was done, use another node")
        authorization, is_forwarded = original(authorization)
        caller = self._caller(authorization, certificate, now_ms)
        if caller.role not in roles:
            raise Forbidden(f"the role {caller.role.name} may not call this method")
        return Call(caller, deadline_ms, authorization, is_forwarded, lambda: self._caller(authorization, certificate, self._clock_ms()))

    def broken(self, method: str, error: Exception) -> Refusal:
        """What the caller is told of an error that nobody foresaw; it is logged here."""
        _log.error("%s failed", method, exc_info=error)
        return InvariantBroken("an internal error; it was logged, and the call changed nothing that it did not acknowledge")

    def _admit(self, context: Context, roles: frozenset[int]) -> Call:
        if self._running > self._max_calls:
            raise Overloaded(f"{self._max_calls} calls and streams are open already; nothing was done", retry_after_s=_RETRY_AFTER_S)
        authorization, certificate = self._credentials(context)
        remaining_s = cast("float | None", context.time_remaining())  # The types leave out the None of a call without a deadline.
        now_ms = self._clock_ms()
        return self.admit(authorization, certificate, roles, now_ms + int(remaining_s * 1000) if remaining_s is not None else 0, now_ms)

    def _credentials(self, context: Context) -> tuple[str, str]:
        """The `authorization` of a call, and the common name of its client certificate, as the front door says or as TLS ended here."""
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        if self._behind_door:
            return metadata.get("authorization", ""), unquote(metadata.get(CERTIFICATE_KEY, ""))
        names = list(context.auth_context().get("x509_common_name", ()))
        return metadata.get("authorization", ""), names[0].decode(errors="replace") if names else ""

    def _caller(self, authorization: str, certificate: str, now_ms: int) -> Caller:
        if authorization:
            return self._access.caller(authorization, now_ms)
        if certificate:
            return self._access.certificate_caller(certificate)
        raise CredentialsInvalid("no credentials; send metadata `authorization: Bearer` with an API key or a session token")

    def _peer(self, context: Context) -> str:
        if self._behind_door:
            return next((str(value) for key, value in context.invocation_metadata() or () if key == PEER_KEY), "")
        return context.peer()

    async def _refuse(self, context: Context, method: str, refusal: Refusal) -> None:
        log_refusal(method, self._peer(context), refusal)
        await context.abort(status.code(refusal), refusal.message, ((status.DETAILS_KEY, status.details(refusal)),))


def log_refusal(method: str, peer: str, refusal: Refusal) -> None:
    """A failed access is a significant event (S3)."""
    if isinstance(refusal, CredentialsInvalid | Forbidden):
        _log.warning("%s from %s was refused: %s", method, peer, refusal.reason)


def undecodable() -> Refusal:
    """What the sender of bytes that are no message is told."""
    return FieldInvalid("the request is not an encoded message of the method's request type")


def _decoded(decode: Decode, data: bytes) -> Any:
    try:
        return decode(data)
    except DecodeError:
        raise undecodable() from None


class _Requests:
    """The requests of a stream, read from the call itself: each layer of iterators between would cost as much as the decoding."""

    def __init__(self, decode: Decode, context: Context) -> None:
        self._decode = decode
        self._context = context

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        data = await self._context.read()
        if data is grpc.aio.EOF:
            raise StopAsyncIteration
        return _decoded(self._decode, data)
