"""Calls etcd over gRPC: with one member while it answers, with the next when it does not; every call has a deadline.

One channel for each endpoint, not one for all: a member that hangs keeps its place in a shared channel until keep-alive notices, and a certificate is for
one name. docs/decisions/0043 has the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from croupier.cluster.etcd import errors
from croupier.cluster.etcd.errors import Denied, StaleToken, Unreachable
from croupier.cluster.etcd.pb import etcd_pb2 as pb
from croupier.config import Etcd

_TTL_S_MIN = 3
_AUTHENTICATE_TIMEOUTS = 3
"""How many times the time of another request a token may take."""

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


@dataclass(frozen=True)
class Method(Generic[Q, A]):
    """One RPC of etcd."""

    path: str
    parse: Callable[[bytes], A]
    request: type[Q]


RANGE = Method("/etcdserverpb.KV/Range", pb.RangeResponse.FromString, pb.RangeRequest)
TXN = Method("/etcdserverpb.KV/Txn", pb.TxnResponse.FromString, pb.TxnRequest)
GRANT = Method("/etcdserverpb.Lease/LeaseGrant", pb.LeaseGrantResponse.FromString, pb.LeaseGrantRequest)
REVOKE = Method("/etcdserverpb.Lease/LeaseRevoke", pb.LeaseRevokeResponse.FromString, pb.LeaseRevokeRequest)
_KEEP_ALIVE = Method("/etcdserverpb.Lease/LeaseKeepAlive", pb.LeaseKeepAliveResponse.FromString, pb.LeaseKeepAliveRequest)
_WATCH = Method("/etcdserverpb.Watch/Watch", pb.WatchResponse.FromString, pb.WatchRequest)
_AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", pb.AuthenticateResponse.FromString, pb.AuthenticateRequest)
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # In truth how long connecting may take.
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 16 << 20),
]


class Stream:
    """An open watch: what is sent is not awaited long, and a read that takes longer than it may does not end the stream."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Any, Any], client: Client) -> None:
        self._call = call
        self._client = client
        self._reading: asyncio.Future[Any] | None = None

    async def send(self, request: pb.WatchRequest) -> None:
        """Raises EtcdError."""
        try:
            async with asyncio.timeout(self._client.settings.request_timeout_s):
                await _write(self._call, request)
        except TimeoutError:
            raise Unreachable("no answer in time") from None
        except grpc.aio.AioRpcError as error:
            raise errors.understood(error, self._client.settings) from error

    async def read(self, timeout_s: float) -> pb.WatchResponse | None:
        """The next message, or None if there is none in time. Raises EtcdError."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._call.read())
        done, _ = await asyncio.wait([self._reading], timeout=timeout_s)
        if not done:
            return None
        reading, self._reading = self._reading, None
        try:
            message = reading.result()
        except grpc.aio.AioRpcError as error:
            raise errors.understood(error, self._client.settings) from error
        if not isinstance(message, pb.WatchResponse):
            raise Unreachable("it closed the watch")
        return message

    async def close(self) -> None:
        """Ends the watch."""
        self._call.cancel()
        if self._reading is not None:
            await asyncio.wait([self._reading])
            with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                self._reading.result()


class Client:
    """A client of one cluster of etcd."""

    def __init__(self, settings: Etcd) -> None:
        """Connects to nothing yet. Raises ValueError, one sentence, where the settings cannot be meant."""
        _check(settings)
        self.settings = settings
        self._credentials = _credentials(settings)
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._at = 0
        self._token = ""
        self._authenticating = asyncio.Lock()
        _password(settings)
        # Two members may hang, and the third be asked in time, before a lease that is refreshed every third of its time is given up.
        self._refresh_timeout_s = min(settings.request_timeout_s, settings.ttl_s / 6)

    @property
    def endpoint(self) -> str:
        """The member that is asked first."""
        return self.settings.endpoints[self._at]

    def move_on(self, endpoint: str) -> None:
        """The next member is asked from now on, unless that has happened already."""
        if endpoint == self.endpoint:
            self._at = (self._at + 1) % len(self.settings.endpoints)

    async def call(self, method: Method[Q, A], request: Q) -> A:
        """One request and its answer, asked of each member until one answers; so it may be carried out twice. Raises EtcdError."""
        return await self._anywhere(lambda endpoint: self._unary(endpoint, method, request))

    async def keep_alive(self, lease_id: int) -> pb.LeaseKeepAliveResponse:
        """Refreshes a lease once; a call of its own, so that it has a deadline as any other. Raises EtcdError."""
        request = pb.LeaseKeepAliveRequest(ID=lease_id)
        return await self._anywhere(lambda endpoint: self._exchange(endpoint, request))

    async def watch(self) -> Stream:
        """A stream of watches at the member that is asked first. Raises EtcdError."""
        try:
            metadata = await self._metadata(self.endpoint)
        except grpc.aio.AioRpcError as error:
            raise errors.understood(error, self.settings) from error
        channel = self._channel(self.endpoint)
        call = channel.stream_stream(_WATCH.path, _WATCH.request.SerializeToString, _WATCH.parse)(metadata=metadata)
        return Stream(call, self)

    async def close(self) -> None:
        """Closes the connections."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    async def _anywhere(self, attempt: Callable[[str], Any]) -> Any:
        failures: dict[str, str] = {}
        first = self._at
        for endpoint in self.settings.endpoints[first:] + self.settings.endpoints[:first]:
            try:
                return await self._with_token(endpoint, attempt)
            except Unreachable as error:
                failures[endpoint] = str(error)
                self.move_on(endpoint)
        raise errors.nowhere({endpoint: failures[endpoint] for endpoint in self.settings.endpoints})

    async def _with_token(self, endpoint: str, attempt: Callable[[str], Any]) -> Any:
        token = self._token
        try:
            return await attempt(endpoint)
        except grpc.aio.AioRpcError as error:
            failure = errors.understood(error, self.settings)
            if not isinstance(failure, StaleToken):
                raise failure from error
        if self._token == token:
            self._token = ""
        try:
            return await attempt(endpoint)
        except grpc.aio.AioRpcError as error:
            raise errors.understood(error, self.settings) from error

    async def _unary(self, endpoint: str, method: Method[Q, A], request: Q) -> A:
        call = self._channel(endpoint).unary_unary(method.path, method.request.SerializeToString, method.parse)
        return await call(request, timeout=self.settings.request_timeout_s, metadata=await self._metadata(endpoint))

    async def _exchange(self, endpoint: str, request: pb.LeaseKeepAliveRequest) -> pb.LeaseKeepAliveResponse:
        method = _KEEP_ALIVE
        open_stream = self._channel(endpoint).stream_stream(method.path, method.request.SerializeToString, method.parse)
        call = open_stream(timeout=self._refresh_timeout_s, metadata=await self._metadata(endpoint))
        try:
            await _write(call, request)
            answer = await call.read()
        finally:
            call.cancel()
        if not isinstance(answer, pb.LeaseKeepAliveResponse):
            raise Unreachable("it closed the connection")
        return answer

    async def _metadata(self, endpoint: str) -> tuple[tuple[str, str], ...]:
        # A member that has lost its leader refuses at once what says `hasleader`, so that the next one is asked.
        leading = ("hasleader", "true")
        if not self.settings.username:
            return (leading,)
        async with self._authenticating:
            if not self._token:
                self._token = await self._authenticate(endpoint)
            return (leading, ("token", self._token))

    async def _authenticate(self, endpoint: str) -> str:
        """A new token. etcd hashes the password for it, which is made to take long, so only one is asked for at a time."""
        try:
            request = pb.AuthenticateRequest(name=self.settings.username, password=_password(self.settings))
        except ValueError as error:
            raise Denied(str(error)) from error
        method = _AUTHENTICATE
        call = self._channel(endpoint).unary_unary(method.path, method.request.SerializeToString, method.parse)
        answer = await call(request, timeout=_AUTHENTICATE_TIMEOUTS * self.settings.request_timeout_s)
        return answer.token

    def _channel(self, endpoint: str) -> grpc.aio.Channel:
        if endpoint not in self._channels:
            if self._credentials is None:
                self._channels[endpoint] = grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
            else:
                self._channels[endpoint] = grpc.aio.secure_channel(endpoint, self._credentials, options=_OPTIONS)
        return self._channels[endpoint]


async def _write(call: grpc.aio.StreamStreamCall[Q, Any], request: Q) -> None:
    """Sends on a stream. Raises AioRpcError where it has ended."""
    try:
        await call.write(request)
    except asyncio.InvalidStateError:
        raise grpc.aio.AioRpcError(await call.code(), grpc.aio.Metadata(), grpc.aio.Metadata(), await call.details()) from None


def _check(settings: Etcd) -> None:
    if not settings.endpoints:
        raise ValueError("etcd.endpoints names no member of etcd")
    for endpoint in settings.endpoints:
        host, _, port = endpoint.rpartition(":")
        if not host or "/" in endpoint or not port.isdigit():
            raise ValueError(f"etcd.endpoints: {endpoint!r} is not host:port")
    if settings.ttl_s < _TTL_S_MIN:
        raise ValueError(f"etcd.ttl_s is {settings.ttl_s}, and etcd keeps to no time under {_TTL_S_MIN} s")
    if not settings.prefix.startswith("/") or settings.prefix.endswith("/"):
        raise ValueError(f"etcd.prefix: {settings.prefix!r} must begin with a slash and end without")
    if bool(settings.username) != (settings.password_file is not None):
        raise ValueError("etcd.username and etcd.password_file belong together")
    if bool(settings.certificate_file) != bool(settings.key_file) or (settings.certificate_file and not settings.ca_file):
        raise ValueError("etcd.certificate_file and etcd.key_file belong together, beside etcd.ca_file")


def _credentials(settings: Etcd) -> grpc.ChannelCredentials | None:
    if settings.ca_file is None:
        return None
    own = (_read(settings.key_file), _read(settings.certificate_file)) if settings.key_file and settings.certificate_file else (None, None)
    return grpc.ssl_channel_credentials(_read(settings.ca_file), *own)


def _password(settings: Etcd) -> str:
    """As it stands in the file now, so that it may be changed without a restart."""
    if settings.password_file is None:
        return ""
    return _read(settings.password_file).decode().strip()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
