"""What every call passes: credentials, role, deadline; and every answer: status, metrics, log. Written once, around each method.

It wraps methods instead of being an interceptor: on the hot path an interceptor costs as much as the decision itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import grpc
from msgspec import Struct

from croupier.access import Access, Caller
from croupier.errors import CredentialsInvalid, Forbidden, InvariantBroken, NodeUnavailable, Refusal
from croupier.metrics import Metrics
from croupier.services import status

_log = logging.getLogger("croupier.call")
Context = grpc.aio.ServicerContext[Any, Any]


class Call(Struct, frozen=True):
    """What a method may know of its call besides the request."""

    caller: Caller
    deadline_ms: int
    """0 for none."""


Unary = Callable[[Any, Call], Awaitable[Any]]
Streaming = Callable[[Any, Call], AsyncIterator[Any]]


class Guard:
    """Lets calls in, and answers for what happens to them."""

    def __init__(self, access: Access, metrics: Metrics, clock_ms: Callable[[], int]) -> None:
        self.refusing = ""
        """Why all calls are refused; empty while the node serves."""
        self._access = access
        self._metrics = metrics
        self._clock_ms = clock_ms

    def unary(self, method: str, roles: frozenset[int], behaviour: Unary) -> Callable[[Any, Context], Awaitable[Any]]:
        """`behaviour` as a handler for one request and one answer."""
        observe = self._metrics.observer(method)

        async def handle(request: Any, context: Context) -> Any:
            started = time.perf_counter()
            try:
                answer = await behaviour(request, self._admit(context, roles))
            except Refusal as refusal:
                observe(refusal.reason, time.perf_counter() - started)
                await _abort(context, refusal)
            except Exception as error:
                observe(InvariantBroken.reason, time.perf_counter() - started)
                await _abort(context, self._broken(method, error))
            else:
                observe("", time.perf_counter() - started)
                return answer

        return handle

    def streaming(self, method: str, roles: frozenset[int], behaviour: Streaming) -> Callable[[Any, Context], AsyncIterator[Any]]:
        """`behaviour` as a handler that answers with a stream."""
        observe = self._metrics.observer(method)

        async def handle(request: Any, context: Context) -> AsyncIterator[Any]:
            started = time.perf_counter()
            try:
                async for answer in behaviour(request, self._admit(context, roles)):
                    yield answer
            except Refusal as refusal:
                observe(refusal.reason, time.perf_counter() - started)
                await _abort(context, refusal)
            except Exception as error:
                observe(InvariantBroken.reason, time.perf_counter() - started)
                await _abort(context, self._broken(method, error))
            else:
                observe("", time.perf_counter() - started)

        return handle

    def _admit(self, context: Context, roles: frozenset[int]) -> Call:
        if self.refusing:
            raise NodeUnavailable(f"the node is {self.refusing}; nothing was done, use another node")
        now_ms = self._clock_ms()
        caller = self._caller(context, now_ms)
        if caller.role not in roles:
            raise Forbidden(f"the role {caller.role.name} may not call this method")
        remaining_s = cast("float | None", context.time_remaining())  # The types leave out the None of a call without a deadline.
        return Call(caller, now_ms + int(remaining_s * 1000) if remaining_s is not None else 0)

    def _caller(self, context: Context, now_ms: int) -> Caller:
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                return self._access.caller(str(value), now_ms)
        names = list(context.auth_context().get("x509_common_name", ()))
        if names:
            return self._access.certificate_caller(names[0].decode())
        raise CredentialsInvalid("no credentials; send metadata `authorization: Bearer` with an API key or a session token")

    def _broken(self, method: str, error: Exception) -> Refusal:
        _log.error("%s failed", method, exc_info=error)
        return InvariantBroken("an internal error; it was logged, and the call changed nothing that it did not acknowledge")


async def _abort(context: Context, refusal: Refusal) -> None:
    await context.abort(status.code(refusal), refusal.message, ((status.DETAILS_KEY, status.details(refusal)),))
