"""RoundService: rounds from the stake to the settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from croupier.access import Role
from croupier.errors import (
    FieldInvalid,
    InvariantBroken,
    NodeUnavailable,
    Refusal,
    RoundNotFound,
    SeedNotRevealed,
    SessionNotFound,
    TooLarge,
)
from croupier.metrics import Metrics
from croupier.model import EntryKind, Key, Round, Seed, Session, WalletKey, seed_key
from croupier.operations.act import Act
from croupier.operations.house import House
from croupier.operations.play_round import PlayRound, RoundView
from croupier.pb import round_service_pb2 as pb
from croupier.runners.embedded import Call as Queued
from croupier.runners.embedded import Result
from croupier.runners.taker import Taker
from croupier.services import names, pages, splice, status
from croupier.services.convert import encoded_round, last_step, round_message
from croupier.services.guard import Call
from croupier.services.verify import verify
from croupier.stores.store import EntryQuery

MAX_BATCH = 1_000
_PLAYED = pb.PlayResponse.ROUND_FIELD_NUMBER
_ROUND = pb.PlayResult.ROUND_FIELD_NUMBER
_RESULTS = pb.PlayBatchResponse.RESULTS_FIELD_NUMBER
_STREAMED = pb.PlayStreamResponse.RESULT_FIELD_NUMBER


class RoundService:
    """See proto/croupier/v1/round_service.proto."""

    def __init__(self, owner: Taker, metrics: Metrics, max_stream_plays: int) -> None:
        self._owner = owner
        self._refused_in_batch = metrics.refusals("/croupier.v1.RoundService/PlayBatch")
        self._refused_in_stream = metrics.refusals("/croupier.v1.RoundService/PlayStream")
        self._max_stream_plays = max_stream_plays
        self._ending = asyncio.Event()

    async def play(self, request: pb.PlayRequest, call: Call) -> bytes:
        """Stakes and plays a round; gives an encoded PlayResponse."""
        view = await self._owner.call(_play(request, call), call.deadline_ms)
        assert isinstance(view, RoundView)
        return splice.field(_PLAYED, encoded_round(view))

    async def act(self, request: pb.ActRequest, call: Call) -> pb.ActResponse:
        """Takes the next step of an open round."""
        wallet, round_id = names.parse_child(request.round, "rounds", call.caller, "round")
        if request.step < 1:
            raise FieldInvalid(f"step must be 1 or more, not {request.step}", field="step")
        if request.action.WhichOneof("family") is None:
            raise FieldInvalid("action must have a family set", field="action")
        command = Act(wallet, round_id, request.step, names.bounded(request.action, "action"), call.caller.session)
        view = await self._owner.call(command, call.deadline_ms)
        assert isinstance(view, RoundView)
        return pb.ActResponse(round=round_message(view))

    async def play_batch(self, request: pb.PlayBatchRequest, call: Call) -> bytes:
        """Plays up to 1,000 rounds in order, each for itself; gives an encoded PlayBatchResponse."""
        if not request.plays:
            raise FieldInvalid("plays must not be empty", field="plays")
        if len(request.plays) > MAX_BATCH:
            raise TooLarge(f"plays must be 1 to {MAX_BATCH}, not {len(request.plays)}", field="plays")
        commands = [_play_or_refusal(play, call) for play in request.plays]
        queued = [Queued(command, call.deadline_ms) for command in commands if not isinstance(command, Refusal)]
        answers = iter(await self._owner.call_many(queued) if queued else ())
        results = (command if isinstance(command, Refusal) else next(answers) for command in commands)
        return splice.repeated(_RESULTS, (_encoded_result(result, self._refused_in_batch) for result in results))

    async def play_stream(self, requests: AsyncIterator[pb.PlayStreamRequest], call: Call) -> AsyncGenerator[bytes, None]:
        """Plays rounds as they are sent; gives encoded PlayStreamResponses in the order of the requests."""
        waiting: asyncio.Queue[asyncio.Future[list[Result]] | Refusal | None] = asyncio.Queue(self._max_stream_plays)

        async def read() -> None:
            try:
                async for request in requests:
                    await waiting.put(self._submit(request.play, call))
            finally:
                await waiting.put(None)

        reader = asyncio.create_task(read())
        ending = asyncio.create_task(self._ending.wait())
        ending.add_done_callback(lambda _: reader.cancel())
        try:
            while (next_ := await waiting.get()) is not None:
                result = next_ if isinstance(next_, Refusal) else (await next_)[0]
                yield splice.field(_STREAMED, _encoded_result(result, self._refused_in_stream))
            if self._ending.is_set():
                raise NodeUnavailable("the node is draining; every play that was answered is committed, go on at another node")
            await reader
        finally:
            reader.cancel()
            ending.cancel()

    def end_streams(self) -> None:
        """Reads no more plays and lets every stream end once what was read is answered, so that the node can drain."""
        self._ending.set()

    async def get_round(self, request: pb.GetRoundRequest, call: Call) -> pb.GetRoundResponse:
        """One round as last committed."""
        wallet, round_ = await self._find(request.name, call)
        return pb.GetRoundResponse(round=round_message(last_step(wallet, round_)))

    async def get_open_round(self, request: pb.GetOpenRoundRequest, call: Call) -> pb.GetOpenRoundResponse:
        """A session's open round."""
        wallet, session_id = names.parse_child(request.session, "sessions", call.caller, "session")
        session_key = Key(wallet, "session", session_id)
        session = (await self._owner.read(lambda reads: reads.load([session_key])))[session_key]
        if not isinstance(session, Session):
            raise SessionNotFound(f"there is no {request.session}", field="session")
        if not session.open_round:
            return pb.GetOpenRoundResponse()
        round_key = Key(wallet, "round", session.open_round)
        round_ = (await self._owner.read(lambda reads: reads.load([round_key])))[round_key]
        assert isinstance(round_, Round)
        if round_.settled:  # Between the two reads.
            return pb.GetOpenRoundResponse()
        return pb.GetOpenRoundResponse(round=round_message(last_step(wallet, round_)))

    async def list_rounds(self, request: pb.ListRoundsRequest, call: Call) -> pb.ListRoundsResponse:
        """The rounds of a wallet or session, newest first (G3)."""
        session = b""
        if "/sessions/" in request.parent:
            wallet, session = names.parse_child(request.parent, "sessions", call.caller, "parent")
        else:
            wallet = names.parse_wallet(request.parent, call.caller, "parent")
        if call.caller.role is Role.PLAYER:
            session = call.caller.session
        size = pages.page_size(request.page_size)
        query = EntryQuery(
            wallet,
            size,
            before_revision=pages.position(request.page_token),
            kinds=(EntryKind.ROUND,),
            session=session,
            step=0,
        )
        page = await self._owner.read(lambda reads: pages.newest(reads, query, "round"))
        rounds = [round_message(last_step(wallet, row)) for row in page.rows if isinstance(row, Round)]
        return pb.ListRoundsResponse(rounds=rounds, next_page_token=page.next_token)

    async def verify_round(self, request: pb.VerifyRoundRequest, call: Call) -> pb.VerifyRoundResponse:
        """Recomputes a settled round from its revealed seed."""
        wallet, round_ = await self._find(request.name, call)
        key = seed_key(wallet, round_.session, round_.seed_number)
        seed = (await self._owner.read(lambda reads: reads.load([key])))[key]
        if not round_.settled or not isinstance(seed, Seed):
            raise SeedNotRevealed("the round's seed is still in force; rotate it, then verify", field="name")
        return verify(self._house, wallet, round_, seed)

    @property
    def _house(self) -> House:
        return self._owner.runner.house

    def _submit(self, request: pb.PlayRequest, call: Call) -> asyncio.Future[list[Result]] | Refusal:
        try:
            call.check()
            return self._owner.call_many([Queued(_play(request, call), call.deadline_ms)])
        except Refusal as refusal:
            return refusal

    async def _find(self, name: str, call: Call) -> tuple[WalletKey, Round]:
        wallet, round_id = names.parse_child(name, "rounds", call.caller, "name")
        key = Key(wallet, "round", round_id)
        row = (await self._owner.read(lambda reads: reads.load([key])))[key]
        if not isinstance(row, Round) or call.caller.session not in (b"", row.session):
            raise RoundNotFound(f"there is no {name}", field="name")
        return wallet, row


def _play(request: pb.PlayRequest, call: Call) -> PlayRound:
    wallet, session = names.parse_child(request.session, "sessions", call.caller, "session")
    round_id = names.parse_id(request.round_id, "round_id")
    if request.bet.WhichOneof("family") is None:
        raise FieldInvalid("bet must have a family set", field="bet")
    return PlayRound(wallet, session, round_id, names.bounded(request.bet, "bet"))


def _play_or_refusal(request: pb.PlayRequest, call: Call) -> PlayRound | Refusal:
    try:
        return _play(request, call)
    except Refusal as refusal:
        return refusal


def _encoded_result(result: Result, count_refusal: Callable[[str], None]) -> bytes:
    """An encoded PlayResult."""
    if isinstance(result, RoundView):
        return splice.field(_ROUND, encoded_round(result))
    refusal = result if isinstance(result, Refusal) else InvariantBroken("an internal error; it was logged")
    count_refusal(refusal.reason)
    return pb.PlayResult(refusal=status.refusal_message(refusal)).SerializeToString()
