"""RoundService: rounds from the stake to the settlement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from croupier.access import Role
from croupier.encoding import encode_field
from croupier.errors import (
    FieldInvalid,
    InvariantBroken,
    Refusal,
    RoundNotFound,
    SeedNotRevealed,
    SessionNotFound,
    TooLarge,
)
from croupier.metrics import Metrics
from croupier.model import EntryKind, Key, Round, Row, Seed, Session, State, WalletKey, seed_key
from croupier.operations.act import Act
from croupier.operations.house import House
from croupier.operations.play_round import PlayRound, RoundView
from croupier.pb import round_service_pb2 as pb
from croupier.runners.embedded import Result
from croupier.runners.taker import Taker
from croupier.services import names, pages, status
from croupier.services.call import Call
from croupier.services.convert import encoded_round, last_step, round_message
from croupier.services.hot import Decide, Lookup
from croupier.services.verify import verify
from croupier.stores.store import EntryQuery

MAX_BATCH = 1_000
_PLAYED = pb.PlayResponse.ROUND_FIELD_NUMBER
_ACTED = pb.ActResponse.ROUND_FIELD_NUMBER
_GOT = pb.GetRoundResponse.ROUND_FIELD_NUMBER
_ROUND = pb.PlayResult.ROUND_FIELD_NUMBER
_RESULTS = pb.PlayBatchResponse.RESULTS_FIELD_NUMBER
_STREAMED = pb.PlayStreamResponse.RESULT_FIELD_NUMBER


class RoundService:
    """See proto/croupier/v1/round_service.proto."""

    def __init__(self, owner: Taker, metrics: Metrics) -> None:
        self._owner = owner
        self._refused_in_batch = metrics.refusals("/croupier.v1.RoundService/PlayBatch")
        self._refused_in_stream = metrics.refusals("/croupier.v1.RoundService/PlayStream")

    def play(self, request: pb.PlayRequest, call: Call) -> Decide:
        """Stakes and plays a round."""
        return Decide((_play(request, call),), _played)

    def act(self, request: pb.ActRequest, call: Call) -> Decide:
        """Takes the next step of an open round."""
        wallet, round_id = names.parse_child(request.round, "rounds", call.caller, "round")
        if request.step < 1:
            raise FieldInvalid(f"step must be 1 or more, not {request.step}", field="step")
        if request.action.WhichOneof("family") is None:
            raise FieldInvalid("action must have a family set", field="action")
        return Decide((Act(wallet, round_id, request.step, names.bounded(request.action, "action"), call.caller.session),), _acted)

    def play_batch(self, request: pb.PlayBatchRequest, call: Call) -> Decide:
        """Plays up to 1,000 rounds in order, each for itself."""
        if not request.plays:
            raise FieldInvalid("plays must not be empty", field="plays")
        if len(request.plays) > MAX_BATCH:
            raise TooLarge(f"plays must be 1 to {MAX_BATCH}, not {len(request.plays)}", field="plays")
        return Decide([_play_or_refusal(play, call) for play in request.plays], self._batch_played)

    def play_stream(self, request: pb.PlayStreamRequest, call: Call) -> Decide:
        """Plays one round of a stream of them; each is answered in its turn."""
        return Decide((_play_or_refusal(request.play, call),), self._stream_played)

    def play_stream_refused(self, refusal: Refusal) -> bytes:
        """The answer to a play that did not come as far as that."""
        return self._stream_played((refusal,))

    def play_stream_canned(self, refusal: Refusal) -> bytes:
        """The same as the door gives it, which counts it itself."""
        return encode_field(_STREAMED, _encoded_result(refusal, lambda reason: None))

    def get_round(self, request: pb.GetRoundRequest, call: Call) -> Lookup:
        """One round as last committed."""
        wallet, key = _round_key(request.name, call)

        def answer(state: State) -> bytes:
            view = last_step(wallet, _found(state[key], request.name, call))
            return encoded_round(_GOT, view)

        return Lookup((key,), answer)

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
        wallet, round_key = _round_key(request.name, call)
        round_ = _found((await self._owner.read(lambda reads: reads.load([round_key])))[round_key], request.name, call)
        key = seed_key(wallet, round_.session, round_.seed_number)
        seed = (await self._owner.read(lambda reads: reads.load([key])))[key]
        if not round_.settled or not isinstance(seed, Seed):
            raise SeedNotRevealed("the round's seed is still in force; rotate it, then verify", field="name")
        return verify(self._house, wallet, round_, seed)

    @property
    def _house(self) -> House:
        return self._owner.runner.house

    def _batch_played(self, results: Sequence[Result]) -> bytes:
        return b"".join([encode_field(_RESULTS, _encoded_result(result, self._refused_in_batch)) for result in results])

    def _stream_played(self, results: Sequence[Result]) -> bytes:
        return encode_field(_STREAMED, _encoded_result(results[0], self._refused_in_stream))


def _play(request: pb.PlayRequest, call: Call) -> PlayRound:
    wallet, session = names.parse_child(request.session, "sessions", call.caller, "session")
    round_id = names.parse_id(request.round_id, "round_id")
    bet = request.bet
    if bet.WhichOneof("family") is None:
        raise FieldInvalid("bet must have a family set", field="bet")
    return PlayRound(wallet, session, round_id, names.bounded(bet, "bet"))


def _play_or_refusal(request: pb.PlayRequest, call: Call) -> PlayRound | Refusal:
    try:
        return _play(request, call)
    except Refusal as refusal:
        return refusal


def _encoded_result(result: Result, count_refusal: Callable[[str], None]) -> bytes:
    """An encoded PlayResult."""
    if isinstance(result, RoundView):
        return encoded_round(_ROUND, result)
    refusal = result if isinstance(result, Refusal) else InvariantBroken("an internal error; it was logged")
    count_refusal(refusal.reason)
    return pb.PlayResult(refusal=status.refusal_message(refusal)).SerializeToString()


def _played(results: Sequence[Result]) -> bytes:
    """An encoded PlayResponse."""
    return encoded_round(_PLAYED, _view(results[0]))


def _acted(results: Sequence[Result]) -> bytes:
    """An encoded ActResponse."""
    return encoded_round(_ACTED, _view(results[0]))


def _view(result: Result) -> RoundView:
    if isinstance(result, Refusal):
        raise result
    assert isinstance(result, RoundView)
    return result


def _round_key(name: str, call: Call) -> tuple[WalletKey, Key]:
    wallet, round_id = names.parse_child(name, "rounds", call.caller, "name")
    return wallet, Key(wallet, "round", round_id)


def _found(row: Row | None, name: str, call: Call) -> Round:
    """The round that was asked for; another session's is not there for a player."""
    if not isinstance(row, Round) or call.caller.session not in (b"", row.session):
        raise RoundNotFound(f"there is no {name}", field="name")
    return row
