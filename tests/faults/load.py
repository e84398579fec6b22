"""Load on one life of a server: every player goes on where it stood, first with what it does not know."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message

from croupier_client.pb import errors_pb2, round_service_pb2_grpc, session_service_pb2_grpc, wallet_service_pb2_grpc
from croupier_client.pb import round_service_pb2 as rounds
from tests.faults.wishes import OK, Attempt, Player, Wish, reason_of

CALL_S_MAX = 20.0
RETRIES_MAX = 50
_RECONNECT = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))
"""A node that was killed is back within seconds; by default gRPC would try again after up to two minutes."""
_ANSWER_FIELDS = {
    "Play": "round",
    "Act": "round",
    "Deposit": "transfer",
    "Withdraw": "transfer",
    "OpenSession": "session",
    "RotateSeed": "revealed",
}


Sent = tuple[Wish, Attempt]


class Line:
    """A client's connection to one server."""

    def __init__(self, address: str, key: str, call_s_max: float = CALL_S_MAX) -> None:
        self.address = address
        self._call_s_max = call_s_max
        self._channel = grpc.aio.insecure_channel(address, options=_RECONNECT)
        self._metadata = (("authorization", f"Bearer {key}"),)
        round_stub: Any = round_service_pb2_grpc.RoundServiceStub(self._channel)
        session_stub: Any = session_service_pb2_grpc.SessionServiceStub(self._channel)
        wallet_stub: Any = wallet_service_pb2_grpc.WalletServiceStub(self._channel)
        self._batch, self._stream = round_stub.PlayBatch, round_stub.PlayStream
        self._methods: dict[str, Callable[..., Any]] = {
            **{rpc: getattr(round_stub, rpc) for rpc in ("Play", "Act")},
            **{rpc: getattr(session_stub, rpc) for rpc in ("OpenSession", "RotateSeed")},
            **{rpc: getattr(wallet_stub, rpc) for rpc in ("Deposit", "Withdraw")},
        }
        self.is_lost = False
        self.faults: list[str] = []
        self.unanswered = 0

    async def close(self) -> None:
        """Hangs up."""
        await self._channel.close()

    async def send(self, wish: Wish) -> None:
        """One attempt at one wish."""
        attempt = wish.begins(self.address)
        try:
            response = await self._methods[wish.rpc](wish.request, timeout=self._call_s_max, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            self._failed([(wish, attempt)], reason_of(error))
            return
        self._answered(wish, attempt, getattr(response, _ANSWER_FIELDS[wish.rpc]))

    async def send_batch(self, wishes: Sequence[Wish]) -> None:
        """One attempt at several plays, as a batch."""
        sent = [(wish, wish.begins(self.address)) for wish in wishes]
        request = rounds.PlayBatchRequest(plays=[_play(wish) for wish in wishes])
        try:
            response = await self._batch(request, timeout=self._call_s_max, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            self._failed(sent, reason_of(error))
            return
        for (wish, attempt), result in zip(sent, response.results, strict=True):
            self._result(wish, attempt, result)

    async def send_stream(self, wishes: Sequence[Wish]) -> None:
        """One attempt at several plays, one behind the other without waiting."""
        sent: list[Sent] = []

        async def requests() -> AsyncIterator[rounds.PlayStreamRequest]:
            for wish in wishes:
                sent.append((wish, wish.begins(self.address)))
                yield rounds.PlayStreamRequest(play=_play(wish))

        try:
            async for response in self._stream(requests(), timeout=self._call_s_max, metadata=self._metadata):
                self._result(*sent.pop(0), response.result)
        except grpc.aio.AioRpcError as error:
            self._failed(sent, reason_of(error))

    def _result(self, wish: Wish, attempt: Attempt, result: rounds.PlayResult) -> None:
        if result.HasField("refusal"):
            self._failed([(wish, attempt)], errors_pb2.ErrorReason.Name(result.refusal.reason).removeprefix("ERROR_REASON_"))
        else:
            self._answered(wish, attempt, result.round)

    def _answered(self, wish: Wish, attempt: Attempt, answer: Message) -> None:
        attempt.ends(OK)
        fault = wish.told(answer)
        if fault:
            self.faults.append(fault)

    def _failed(self, sent: Sequence[Sent], reason: str) -> None:
        for wish, attempt in sent:
            attempt.ends(reason)
            wish.refused(reason)
        if reason in ("", "OUTCOME_UNKNOWN"):
            self.unanswered += len(sent)
        if reason in ("", "NODE_UNAVAILABLE", "OUTCOME_UNKNOWN"):
            self.is_lost = True


def _play(wish: Wish) -> rounds.PlayRequest:
    assert isinstance(wish.request, rounds.PlayRequest)
    return wish.request


async def play_on(player: Player, lines: Sequence[Line], chance: random.Random, is_enough: Callable[[], bool] = lambda: False) -> None:
    """Plays until the first of the lines is lost, or it is enough."""
    await settle(player, lines)
    while not is_enough() and not any(line.is_lost for line in lines):
        line, wishes = chance.choice(lines), player.wants()
        await ask(player, wishes, line, chance.choice(lines), chance)
        await settle(player, lines)
        for wish in wishes:
            player.learns(wish)


async def ask(player: Player, wishes: Sequence[Wish], line: Line, other: Line, chance: random.Random) -> None:
    """First attempts: several together, or one alone, or with a twin on another line, or with a repeat of what was answered before."""
    roll = chance.random()
    if len(wishes) > 1:
        await (line.send_batch if roll < 0.5 else line.send_stream)(wishes)
    elif roll < 0.05:
        await asyncio.gather(line.send(wishes[0]), other.send(wishes[0]))
    elif roll < 0.1:
        answered = [wish for wish in player.wishes[-50:] if wish.answer is not None]
        await asyncio.gather(line.send(wishes[0]), *(line.send(wish) for wish in answered[:1]))
    else:
        await line.send(wishes[0])


async def settle(player: Player, lines: Sequence[Line]) -> None:
    """Asks again, with the same ids, for whatever is not known."""
    for wish in player.unknown():
        for _ in range(RETRIES_MAX):
            if wish.is_settled or any(line.is_lost for line in lines):
                break
            await lines[0].send(wish)
        player.learns(wish)
