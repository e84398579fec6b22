"""Takes a call to the node that is preferred for its wallet, and brings the answer back.

It is speed, not safety: where the other node does not answer, the call is served here, under the same ids; so it has one effect at most, whoever serves it.
What was forwarded once is served where it arrives, so that two nodes with different views of the cluster never send a call in circles.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import grpc

from croupier.cluster.membership import Member, Membership
from croupier.cluster.routing import preferred
from croupier.config import Config
from croupier.errors import CredentialsInvalid, DeadlineExceeded, NodeUnavailable, StoreUnreachable
from croupier.metrics import Metrics
from croupier.services import status
from croupier.services.call import Call
from croupier.services.methods import FORWARDED

_SCHEME = "Forwarded "
"""Begins the `authorization` of a call that another node has forwarded; the caller's own follows."""
_PATIENCE_S = 1.0
"""How long the other node may take before the call is served here."""
_SUSPECT_S = 3.0
"""How long a node that did not answer gets no calls; by then membership knows better."""
_ITS_OWN_TROUBLE = frozenset(one.reason for one in (NodeUnavailable, StoreUnreachable, CredentialsInvalid))
"""Reasons that are the other node's alone, and say that nothing was done: it drains, cannot reach the store, or has not heard of a new key yet."""
_MAX_KNOWN = 100_000
_OPTIONS = (
    ("grpc.enable_retries", 0),  # One layer retries, and it is not this one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
_WALLET_NAME = re.compile(rb"operators/[A-Za-z0-9._~-]{1,64}/players/[A-Za-z0-9._~-]{1,64}/wallets/[A-Z]{3}")

Send = Callable[[], Coroutine[Any, Any, "bytes | None"]]
"""Forwards a call: the other node's encoded answer; None where it gave none, so that the call must be served here. Raises Relayed, DeadlineExceeded."""

_log = logging.getLogger("croupier.forwarding")


class Relayed(Exception):
    """What the other node refused the call with."""

    def __init__(self, code: grpc.StatusCode, message: str, details: bytes) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def said(self) -> tuple[int, str, bytes]:
        """As the front door says it."""
        return int(self.code.value[0]), self.message, self.details


class Forwarding:
    """See the module. Lives on the event loop."""

    def __init__(
        self,
        membership: Membership,
        node: str,
        region: str,
        connect: Callable[[str], grpc.aio.Channel],
        metrics: Metrics,
        clock_ms: Callable[[], int],
    ) -> None:
        """`connect` opens a channel to an address."""
        self._membership = membership
        self._clock_ms = clock_ms
        self._node = node
        self._region = region
        self._connect = connect
        self._metrics = metrics
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._suspects: dict[str, float] = {}
        self._known: dict[str, Member | None] = {}
        membership.subscribe(self._changed)

    def way(self, method: str, message: bytes, call: Call, wallet: Callable[[], str | None]) -> Send | None:
        """How a call gets to the node that is preferred for its wallet; None where it is served here. `wallet` gives its name, where it names one."""
        if method not in FORWARDED or call.is_forwarded or not call.authorization:
            return None
        name = wallet()
        member = self.elsewhere(name) if name else None
        return partial(self._send, member, method, message, call) if member else None

    def elsewhere(self, wallet: str) -> Member | None:
        """The other node that calls for the wallet of this name go to; None where they are served here."""
        if self._suspects:
            self._forgive()
        try:
            return self._known[wallet]
        except KeyError:
            pass
        members = [member for member in self._membership.members if member.node not in self._suspects]
        best = preferred(wallet, members, self._region)
        found = None if best is None or best.node == self._node else best
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[wallet] = found
        return found

    async def stop(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    async def _send(self, member: Member, path: str, message: bytes, call: Call) -> bytes | None:
        """See Send."""
        remaining_s = (call.deadline_ms - self._clock_ms()) / 1000 if call.deadline_ms else None
        patience_s = _PATIENCE_S if remaining_s is None else min(_PATIENCE_S, remaining_s)
        if patience_s <= 0:
            raise DeadlineExceeded("the deadline passed before the call was forwarded; nothing was done")
        channel: Any = self._channel(member.address)
        method = channel.unary_unary(path)
        try:
            answer: bytes = await method(message, timeout=patience_s, metadata=(("authorization", _SCHEME + call.authorization),))
        except grpc.aio.AioRpcError as error:
            details = _details(error)
            if details is not None and status.reason(details) not in _ITS_OWN_TROUBLE:
                self._metrics.peer_calls("refused")
                raise Relayed(error.code(), error.details() or "", details) from None
            self._metrics.peer_calls("unanswered")
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                self._suspect(member, error)
            return None
        self._metrics.peer_calls("answered")
        return answer

    def _changed(self, members: tuple[Member, ...]) -> None:
        self._known.clear()
        addresses = {member.address for member in members}
        for address in self._channels.keys() - addresses:
            del self._channels[address]  # What is under way on it ends by itself.

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = self._connect(address)
        return channel

    def _suspect(self, member: Member, error: grpc.aio.AioRpcError) -> None:
        if member.node not in self._suspects:
            _log.warning("node %s did not answer (%s); its calls are served here for %.0f s", member.node, error.code().name, _SUSPECT_S)
        self._suspects[member.node] = time.monotonic() + _SUSPECT_S
        self._known.clear()

    def _forgive(self) -> None:
        now_s = time.monotonic()
        forgiven = [node for node, until_s in self._suspects.items() if now_s >= until_s]
        for node in forgiven:
            del self._suspects[node]
        if forgiven:
            self._known.clear()


def peer_channels(config: Config) -> Callable[[str], grpc.aio.Channel] | None:
    """What opens channels to other nodes; None where TLS is used and nothing says whom to trust. Raises OSError for a file that cannot be read."""
    if config.tls is None:
        return lambda address: grpc.aio.insecure_channel(address, options=_OPTIONS)
    if config.tls.peer_ca_file is None:
        return None
    credentials = grpc.ssl_channel_credentials(
        config.tls.peer_ca_file.read_bytes(), config.tls.key_file.read_bytes(), config.tls.certificate_file.read_bytes()
    )
    return lambda address: grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


def wallet_in(message: bytes) -> str | None:
    """The first wallet that an encoded request names."""
    found = _WALLET_NAME.search(message)
    return found[0].decode() if found else None


def original(authorization: str) -> tuple[str, bool]:
    """The caller's own `authorization`, and whether another node has forwarded the call."""
    is_forwarded = authorization.startswith(_SCHEME)
    return (authorization.removeprefix(_SCHEME), True) if is_forwarded else (authorization, False)


def _details(error: grpc.aio.AioRpcError) -> bytes | None:
    """What a node of Croupier says with every refusal; None where the network or a dying process speaks."""
    for key, value in error.trailing_metadata() or ():
        if key == status.DETAILS_KEY:
            return value if isinstance(value, bytes) else value.encode()
    return None
