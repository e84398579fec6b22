"""Players of the simulation: what they ask for, and what they were told."""

from __future__ import annotations

import random
from collections.abc import Callable

from croupier.engine import Played
from croupier.errors import OutcomeUnknown, Refusal
from croupier.model import Answer, Decision, Key, NeedState, Round, Session, State, TransferKind, WalletKey
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession, RevealView, RotateSeed, SetClientSeed
from croupier.operations.command import Command
from croupier.operations.house import Entropy, House
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from tests.casino import BLACKJACK, DICE, EUR, blackjack_action, blackjack_bet, dice_bet, legal_actions, stored_answer, uuid7

Rolls = dict[tuple[bytes, ...], bytes]
"""Outcome of each round that was ever decided, committed or not, by what was fixed before it: seed, client seed, number, bet, actions."""


class Intent:
    """One thing that a player wants once, however often it is sent."""

    __slots__ = ("answer", "answered_at", "command", "in_flight", "is_open", "refusal", "sent_at", "session")

    def __init__(self, command: Command, session: bytes, sent_at: int) -> None:
        self.command = command
        self.session = session
        self.sent_at = sent_at
        self.in_flight = 0
        self.is_open = False
        """An attempt ended without a word on what became of it."""
        self.answer: object = None
        self.answered_at = 0
        self.refusal: Refusal | None = None

    def told(self, result: object, now: int) -> str:
        """Takes one attempt's result; says what is wrong with it, if anything."""
        self.in_flight -= 1
        if isinstance(result, OutcomeUnknown):
            self.is_open = True
            return ""
        if isinstance(result, Refusal):
            self.refusal = result
            if result.reason == "INVARIANT_BROKEN":
                return f"invariant: {result.message}"
            return ""
        answer = stored_answer(result) if isinstance(result, RoundView) else result
        if self.answer is None:
            self.answer, self.answered_at = answer, now
        elif isinstance(answer, RoundView | TransferView) and answer != self.answer:
            return f"reroll: a retry of {self.command} was answered {answer}, before it was {self.answer}"
        return ""

    def lost(self) -> None:
        """The node that had the call is gone."""
        self.in_flight -= 1
        self.is_open = True

    @property
    def is_settled(self) -> bool:
        """The player knows what became of it."""
        return self.answer is not None or (self.refusal is not None and not self.is_open and not self.in_flight)


class RecordedPlay(PlayRound, frozen=True, kw_only=True):
    """A play that writes down what it drew, also where the draw is never committed."""

    rolls: Rolls

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal | NeedState:
        session = state[Key(self.wallet, "session", self.session)]
        decided = super().decide(house, state, now_ms, entropy)
        if isinstance(decided, Decision) and isinstance(session, Session):
            assert isinstance(decided.answer, RoundView)
            fixed = (session.seed.commitment, session.seed.client_seed.encode(), session.rounds.to_bytes(4, "big"), self.bet)
            _record(self.rolls, fixed, decided.answer.round.steps[0].outcome)
        return decided


class RecordedAct(Act, frozen=True, kw_only=True):
    """An action that writes down what it drew."""

    rolls: Rolls

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal | NeedState:
        round_ = state[Key(self.wallet, "round", self.round_id)]
        decided = super().decide(house, state, now_ms, entropy)
        if isinstance(decided, Decision) and isinstance(round_, Round):
            assert isinstance(decided.answer, RoundView)
            # The round as its play left it: a play that is refused in the end, for its id was known, may have shared a batch with this action.
            played = (round_.commitment, round_.client_seed.encode(), round_.number.to_bytes(4, "big"), round_.bet)
            fixed = (self.round_id, *played, self.step.to_bytes(4, "big"), *(step.action for step in round_.steps), self.action)
            _record(self.rolls, fixed, decided.answer.round.steps[-1].outcome)
        return decided


class Reroll(Exception):
    """A round's outcome differs between two attempts on the same committed state."""


def _record(rolls: Rolls, fixed: tuple[bytes, ...], outcome: bytes) -> None:
    if rolls.setdefault(fixed, outcome) != outcome:
        raise Reroll(f"state {fixed[0].hex()[:16]} gave another outcome than before")


class Player:
    """One player with one wallet, who asks for one thing after another and sometimes for two at once."""

    def __init__(self, number: int, chance: random.Random, rolls: Rolls) -> None:
        self.wallet = WalletKey("acme", f"player-{number}", "EUR")
        self.intents: list[Intent] = []
        self._chance = chance
        self._rolls = rolls
        self._sessions: dict[bytes, str] = {}

    def wants(self, now: int, now_ms: int) -> Intent:
        """The next thing that this player wants."""
        self._learn()
        id_ = uuid7(now_ms, self._chance)
        free = [id_ for id_ in self._sessions if not any(one.session == id_ and not one.is_settled for one in self.intents)]
        if not free or (len(self._sessions) < 2 and self._chance.random() < 0.1):
            if not self.intents or self._chance.random() < 0.3:
                return self._intend(MakeTransfer(self.wallet, id_, TransferKind.DEPOSIT, 30 * EUR, "in"), b"", now)
            return self._intend(OpenSession(self.wallet, id_, self._chance.choice((DICE, BLACKJACK)), "luck"), id_, now)
        session = self._chance.choice(free)
        return self._intend(self._at_table(session, id_), session, now)

    def _intend(self, command: Command, session: bytes, now: int) -> Intent:
        intent = Intent(command, session, now)
        self.intents.append(intent)
        return intent

    def _at_table(self, session: bytes, id_: bytes) -> Command:
        open_round = self._open_round(session)
        if open_round is not None:
            action = blackjack_action(self._chance.choice(legal_actions(open_round)))
            return RecordedAct(self.wallet, open_round.round.id, open_round.step + 1, action, rolls=self._rolls)
        is_dice = self._sessions[session] == DICE
        bet = dice_bet(EUR * self._chance.randint(1, 9)) if is_dice else blackjack_bet(2 * EUR)
        play = RecordedPlay(self.wallet, session, id_, bet, rolls=self._rolls)
        kinds: list[tuple[float, Callable[[], Command]]] = [
            (0.72, lambda: play),
            (0.08, lambda: MakeTransfer(self.wallet, id_, TransferKind.DEPOSIT, 5 * EUR, "in")),
            (0.08, lambda: MakeTransfer(self.wallet, id_, TransferKind.WITHDRAWAL, 5 * EUR, "out")),
            (0.05, lambda: RotateSeed(self.wallet, session, self._seed_number(session), "")),
            (0.04, lambda: SetClientSeed(self.wallet, session, f"luck {self._chance.randint(0, 2)}")),
            (0.03, lambda: CloseSession(self.wallet, session)),
        ]
        roll = self._chance.random()
        for share, make in kinds:
            roll -= share
            if roll < 0:
                return make()
        return play

    def _learn(self) -> None:
        """Takes over from answers which sessions there are."""
        for intent in self.intents:
            if isinstance(intent.command, OpenSession) and isinstance(intent.answer, SessionView):
                self._sessions.setdefault(intent.command.session_id, intent.command.game)
            if isinstance(intent.command, CloseSession) and intent.is_settled:
                self._sessions.pop(intent.session, None)

    def _open_round(self, session: bytes) -> RoundView | None:
        for intent in reversed(self.intents):
            if intent.session == session and isinstance(intent.answer, RoundView):
                return None if intent.answer.round.settled else intent.answer
        return None

    def _seed_number(self, session: bytes) -> int:
        for intent in reversed(self.intents):
            if intent.session == session and isinstance(intent.answer, RevealView):
                return intent.answer.session.session.seed.number
            if intent.session == session and isinstance(intent.answer, RoundView):
                return intent.answer.round.seed_number
        return 1


def drawn(played: Played | Refusal) -> bytes:
    """The outcome of a replayed round."""
    assert isinstance(played, Played)
    return played.outcome
