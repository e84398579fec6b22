"""What the players of the fault tests ask a server for, and what they were told."""

from __future__ import annotations

import random
import time
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from croupier_client.ids import new_id
from croupier_client.pb import blackjack_pb2, dice_pb2, games_pb2
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions
from croupier_client.pb import wallet_service_pb2 as wallets

EUR = 1_000_000
UNDECIDED = (
    "OUTCOME_UNKNOWN",
    "WRITE_CONFLICT",
    "NODE_UNAVAILABLE",
    "STORE_UNREACHABLE",
    "OVERLOADED",
    "DEADLINE_EXCEEDED",
    "INVARIANT_BROKEN",
)
"""Reasons after which a player asks again with the same id."""
LEAVES_OPEN = ("", "OUTCOME_UNKNOWN", "INVARIANT_BROKEN")
"""Reasons that don't say whether it happened."""


OK = "OK"
"""What an attempt came to that was answered."""


class Attempt:
    """One sending of a wish. Times are of the monotonic clock, in nanoseconds."""

    __slots__ = ("node", "returned_ns", "said", "sent_ns")

    def __init__(self, node: str) -> None:
        self.node = node
        self.sent_ns = time.monotonic_ns()
        self.returned_ns = 0
        """0 while nobody has said anything."""
        self.said = ""
        """OK, or the reason of the refusal; empty where the error is not the server's own word."""

    def ends(self, said: str) -> None:
        """Takes the time."""
        self.returned_ns = time.monotonic_ns()
        self.said = said


class Wish:
    """One thing wanted once, however often it is sent."""

    __slots__ = ("answer", "attempts", "is_open", "refusal", "request", "rpc")

    def __init__(self, rpc: str, request: Message) -> None:
        self.rpc = rpc
        self.request = request
        self.answer: Message | None = None
        self.refusal = ""
        self.is_open = False
        """An attempt ended without a word on what became of it."""
        self.attempts: list[Attempt] = []

    @property
    def sent(self) -> int:
        """How often it was."""
        return len(self.attempts)

    def begins(self, node: str) -> Attempt:
        """It is sent now."""
        attempt = Attempt(node)
        self.attempts.append(attempt)
        return attempt

    @property
    def answered_ns(self) -> int:
        """When the first answer came; 0 if none did."""
        return min((one.returned_ns for one in self.attempts if one.said == OK), default=0)

    @property
    def is_settled(self) -> bool:
        """The player knows what became of it."""
        return self.answer is not None or (bool(self.refusal) and not self.is_open)

    def told(self, answer: Message) -> str:
        """Takes an answer; says what is wrong with it, if anything."""
        if self.answer is None:
            self.answer = answer
        elif isinstance(answer, rounds.Round | wallets.Transfer) and encoded(answer) != encoded(self.answer):
            return f"a retry of {self.rpc} was answered otherwise than before: {str(answer)[:200]!r}"
        return ""

    def refused(self, reason: str) -> None:
        """Takes a refusal; only the reason "" and those that leave it open may be followed by an effect."""
        if reason in UNDECIDED or not reason:
            self.is_open = self.is_open or reason in LEAVES_OPEN
        else:
            self.refusal, self.is_open = reason, False


def encoded(message: Message) -> bytes:
    """A message's bytes, the same for the same content."""
    return message.SerializeToString(deterministic=True)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason of a refusal; empty where the error is not the server's own word."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return ""


class Player:
    """One player who plays dice and blackjack, and moves money; one thing at a time, several players to a wallet."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.wallet = f"operators/demo/players/player-{number // 2}/wallets/EUR"
        self.wishes: list[Wish] = []
        self._chance = chance
        self._sessions: dict[str, str] = {}
        self._table: rounds.Round | None = None

    def unknown(self) -> list[Wish]:
        """What was asked for and is not known yet, oldest first."""
        return [wish for wish in self.wishes[-40:] if not wish.is_settled]

    def wants(self) -> list[Wish]:
        """The next wish, or several that go into one batch or stream."""
        made = self._next()
        self.wishes += made
        return made

    def learns(self, wish: Wish) -> None:
        """Draws the consequences of a settled wish."""
        if isinstance(wish.answer, rounds.Round) and wish.answer.outcome.WhichOneof("family") == "blackjack":
            is_open = wish.answer.state == rounds.ROUND_STATE_OPEN
            self._table = wish.answer if is_open else None

    def leaves_table(self) -> None:
        """Plays something else: the round that was open may be lost."""
        self._table = None

    def _next(self) -> list[Wish]:
        if not self.wishes:
            return [self._transfer("Deposit", 10_000 * EUR)]
        for game in ("dice-10000", "blackjack-classic"):
            if game not in self._sessions:
                id_ = new_id()
                self._sessions[game] = f"{self.wallet}/sessions/{id_}"
                return [Wish("OpenSession", sessions.OpenSessionRequest(wallet=self.wallet, session_id=id_, game=f"games/{game}"))]
        if self._table is not None:
            return [self._act(self._table)]
        roll = self._chance.random()
        if roll < 0.55:
            return [self._dice()]
        if roll < 0.7:
            return [self._blackjack()]
        if roll < 0.8:
            return [self._dice() for _ in range(self._chance.randint(2, 8))]
        if roll < 0.9:
            return [self._transfer("Deposit", self._chance.randint(1, 50) * EUR)]
        if roll < 0.97:
            return [self._transfer("Withdraw", self._chance.randint(1, 50) * EUR)]
        return [self._rotate()]

    def _dice(self) -> Wish:
        dice = dice_pb2.DiceBet(stake_micros=EUR * self._chance.randint(1, 20), side=dice_pb2.DICE_SIDE_UNDER, target=5_000)
        return Wish("Play", rounds.PlayRequest(session=self._sessions["dice-10000"], round_id=new_id(), bet=games_pb2.Bet(dice=dice)))

    def _blackjack(self) -> Wish:
        bet = games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=10 * EUR))
        return Wish("Play", rounds.PlayRequest(session=self._sessions["blackjack-classic"], round_id=new_id(), bet=bet))

    def _act(self, table: rounds.Round) -> Wish:
        kind = self._chance.choice(list(table.outcome.blackjack.legal))
        action = games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=kind))
        return Wish("Act", rounds.ActRequest(round=table.name, step=table.step + 1, action=action))

    def _transfer(self, rpc: str, amount_micros: int) -> Wish:
        make: Any = {"Deposit": wallets.DepositRequest, "Withdraw": wallets.WithdrawRequest}[rpc]
        return Wish(rpc, make(wallet=self.wallet, transfer_id=new_id(), amount_micros=amount_micros, reference="test"))

    def _rotate(self) -> Wish:
        number = max(
            (wish.answer.seed_number for wish in self.wishes[-60:] if self._is_dice(wish) and isinstance(wish.answer, rounds.Round)),
            default=1,
        )
        return Wish("RotateSeed", sessions.RotateSeedRequest(session=self._sessions["dice-10000"], seed_number=number))

    def _is_dice(self, wish: Wish) -> bool:
        return isinstance(wish.request, rounds.PlayRequest) and wish.request.session == self._sessions["dice-10000"]
