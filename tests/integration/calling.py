"""Calls of the API over a real channel, by the method's name; and what a refused call said."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2

from croupier.pb import (
    admin_service_pb2,
    blackjack_pb2,
    catalog_service_pb2,
    cluster_service_pb2,
    dice_pb2,
    games_pb2,
    round_service_pb2,
    session_service_pb2,
    wallet_service_pb2,
)

MODULES = (catalog_service_pb2, session_service_pb2, round_service_pb2, wallet_service_pb2, cluster_service_pb2, admin_service_pb2)
METHODS: dict[str, MethodDescriptor] = {
    f"{service.name}.{method.name}": method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""Every RPC of croupier.v1: "RoundService.Play" and so on."""
EUR = 1_000_000
"""Micros."""
DEADLINE_S = 10.0


class Failure(NamedTuple):
    """What a refused call said: its code, and the details that errors.proto promises."""

    code: grpc.StatusCode
    reason: str
    field: str
    metadata: dict[str, str]
    retry_s: float
    message: str


def failure(error: grpc.RpcError) -> Failure:
    """The failure in an error; it must carry a google.rpc.Status that agrees with its code and message."""
    metadata: Any = error.trailing_metadata()
    trailers = dict(metadata or ())
    assert "grpc-status-details-bin" in trailers, f"no details: {error}"
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    info, request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        assert any(detail.Unpack(known) for known in (info, request, retry)), f"unknown detail {detail.type_url}"
    assert info.domain == "croupier.v1"
    field = request.field_violations[0].field if request.field_violations else ""
    return Failure(error.code(), info.reason, field, dict(info.metadata), retry.retry_delay.ToTimedelta().total_seconds(), status.message)


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> Failure:
    """What a call that must be refused said."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    return failure(caught.value)


class Caller:
    """One channel and one credential."""

    def __init__(self, address: str, credential: str = "", credentials: grpc.ChannelCredentials | None = None) -> None:
        self.address = address
        self.channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self.metadata = (("authorization", f"Bearer {credential}"),) if credential else ()

    def as_(self, credential: str) -> Caller:
        """The same channel with another credential."""
        other = object.__new__(Caller)
        other.address, other.channel = self.address, self.channel
        other.metadata = (("authorization", f"Bearer {credential}"),) if credential else ()
        return other

    def raw(self, name: str) -> Any:
        """The callable of a method, for bytes in and bytes out."""
        method = METHODS[name]
        kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
        return getattr(self.channel, kind)(f"/{method.containing_service.full_name}/{method.name}", None, None)

    def bytes(self, name: str, request: bytes, timeout: float = DEADLINE_S) -> bytes:
        """The encoded answer to an encoded request."""
        return self.raw(name)(request, timeout=timeout, metadata=self.metadata)

    def call(self, method: str, /, *, timeout: float = DEADLINE_S, **fields: Any) -> Any:
        """The answer of one unary method to a request with these fields."""
        return response(method)(self.bytes(method, request(method)(**fields).SerializeToString(), timeout))

    def watch(self, wallet: str, resume_token: str = "", timeout: float = DEADLINE_S) -> Watch:
        """A WatchWallet stream."""
        message = wallet_service_pb2.WatchWalletRequest(name=wallet, resume_token=resume_token)
        stream = self.raw("WalletService.WatchWallet")(message.SerializeToString(), timeout=timeout, metadata=self.metadata)
        return Watch(stream)

    def stream(self, plays: Iterable[Any], timeout: float = DEADLINE_S) -> Any:
        """A PlayStream of PlayRequests; iterate over it for encoded answers."""
        requests = (round_service_pb2.PlayStreamRequest(play=play).SerializeToString() for play in plays)
        return self.raw("RoundService.PlayStream")(requests, timeout=timeout, metadata=self.metadata)

    def deposit(self, wallet: str, amount_micros: int = 1_000 * EUR) -> Any:
        """Puts money into a wallet; the transfer."""
        return self.call("WalletService.Deposit", wallet=wallet, transfer_id=new_id(), amount_micros=amount_micros).transfer

    def open(self, wallet: str, game: str = "dice-10000", **fields: Any) -> Any:
        """Opens a session; the whole answer."""
        return self.call("SessionService.OpenSession", wallet=wallet, session_id=new_id(), game=f"games/{game}", **fields)

    def play(self, session: str, bet: Any = None, round_id: str = "") -> Any:
        """Plays a round, of dice unless told otherwise; the round."""
        return self.call("RoundService.Play", session=session, round_id=round_id or new_id(), bet=bet or dice()).round

    def head(self, wallet: str) -> Any:
        """The wallet."""
        return self.call("WalletService.GetWallet", name=wallet).wallet


class Watch:
    """A WatchWallet stream, read one response at a time."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def take(self, count: int) -> list[Any]:
        """The next responses."""
        return [wallet_service_pb2.WatchWalletResponse.FromString(next(self.stream)) for _ in range(count)]

    def entries(self, count: int) -> list[Any]:
        """The next entries, heartbeats left out."""
        found: list[Any] = []
        while len(found) < count:
            (one,) = self.take(1)
            if one.HasField("entry"):
                found.append(one.entry)
        return found

    def rest(self) -> list[Any]:
        """All responses up to the end of the stream."""
        return [wallet_service_pb2.WatchWalletResponse.FromString(one) for one in self.stream]


def health_watch(channel: grpc.Channel, service: str = "") -> Any:
    """What health says of a service, at once and after each change."""
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", None, health_pb2.HealthCheckResponse.FromString)
    return watch(health_pb2.HealthCheckRequest(service=service).SerializeToString())


def request(name: str) -> Any:
    """The request class of a method."""
    return message_factory.GetMessageClass(METHODS[name].input_type)


def response(name: str) -> Any:
    """Decodes the answer of a method."""
    return message_factory.GetMessageClass(METHODS[name].output_type).FromString


def new_id(time_ms: int | None = None) -> str:
    """A UUIDv7, of now unless told otherwise."""
    head = (time.time_ns() // 1_000_000 if time_ms is None else time_ms).to_bytes(6, "big")
    tail = bytearray(os.urandom(10))
    tail[0], tail[2] = 0x70 | tail[0] & 0x0F, 0x80 | tail[2] & 0x3F
    text = (head + tail).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_wallet(operator: str = "acme", currency: str = "EUR") -> str:
    """The name of a wallet that nobody has used."""
    return f"operators/{operator}/players/p{os.urandom(6).hex()}/wallets/{currency}"


def dice(stake_micros: int = EUR, target: int = 5_000, side: Any = dice_pb2.DICE_SIDE_UNDER) -> games_pb2.Bet:
    """A dice bet."""
    return games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=stake_micros, side=side, target=target))


def blackjack(stake_micros: int = EUR) -> games_pb2.Bet:
    """A blackjack bet."""
    return games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=stake_micros))


def blackjack_action(kind: Any) -> games_pb2.Action:
    """A blackjack action."""
    return games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=kind))


HIT = blackjack_action(blackjack_pb2.BLACKJACK_ACTION_KIND_HIT)
STAND = blackjack_action(blackjack_pb2.BLACKJACK_ACTION_KIND_STAND)
DOUBLE = blackjack_action(blackjack_pb2.BLACKJACK_ACTION_KIND_DOUBLE)
DECLINE = blackjack_action(blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE)


def open_blackjack(caller: Caller, session: str) -> Any:
    """An open blackjack round without a decision on insurance; a round that is settled at once is followed by another."""
    while True:
        round_ = caller.play(session, blackjack())
        if round_.state == round_service_pb2.ROUND_STATE_OPEN:
            if blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE in round_.outcome.blackjack.legal:
                finish(caller, round_)
                continue
            return round_


def act(caller: Caller, round_: Any, action: games_pb2.Action) -> Any:
    """Takes the next step of a round; the round after it."""
    return caller.call("RoundService.Act", round=round_.name, step=round_.step + 1, action=action).round


def finish(caller: Caller, round_: Any) -> Any:
    """Declines insurance and stands until the round is settled."""
    while round_.state == round_service_pb2.ROUND_STATE_OPEN:
        offered = blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE in round_.outcome.blackjack.legal
        round_ = act(caller, round_, DECLINE if offered else STAND)
    return round_
