"""Blackjack: a round as a coroutine that yields what the player may do and is sent what the player did."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from croupier_client.pb import blackjack_pb2 as blackjack
from croupier_client.pb import games_pb2 as games

from .evaluation import Evaluation, NotOffered, Rules, check_family, check_stake, pay
from .stream import Stream

Decision = blackjack.BlackjackActionKind
HIT, STAND = blackjack.BLACKJACK_ACTION_KIND_HIT, blackjack.BLACKJACK_ACTION_KIND_STAND
DOUBLE, SPLIT = blackjack.BLACKJACK_ACTION_KIND_DOUBLE, blackjack.BLACKJACK_ACTION_KIND_SPLIT
INSURE, DECLINE = blackjack.BLACKJACK_ACTION_KIND_INSURE, blackjack.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE
SURRENDER = blackjack.BLACKJACK_ACTION_KIND_SURRENDER

ACE, TEN = 1, 10


def evaluate(rules: Rules, bet: games.Bet, actions: Sequence[games.Action], step_micros: int, stream: Stream) -> Evaluation:
    """The round that `stream` and the actions give, settled or not.

    Raises:
        NotOffered: for a bet that the model does not offer, or an action that was not allowed.
    """
    check_family(bet, "blackjack")
    check_stake(bet.blackjack.stake_micros, rules["stake"], step_micros, "a stake")
    table = Table(rules, bet.blackjack.stake_micros, step_micros, stream)
    course = table.course()
    legal = next(course, list[Decision]())
    for number, action in enumerate(actions, start=1):
        kind = action.blackjack.kind
        if kind not in legal:
            raise NotOffered(f"action {number} is {Decision.Name(kind)}, allowed were {[Decision.Name(k) for k in legal]}")
        try:
            legal = course.send(kind)
        except StopIteration:
            legal = list[Decision]()
    return table.standing(legal)


def value(card: int) -> int:
    """1 for an ace, 10 for a ten, jack, queen or king."""
    return min(card // 4 + 1, TEN)


def total_of(cards: Sequence[int]) -> tuple[int, bool]:
    """The best total, and whether an ace counts 11 in it."""
    hard = sum(value(card) for card in cards)
    soft = hard + 10 <= 21 and any(value(card) == ACE for card in cards)
    return (hard + 10, True) if soft else (hard, False)


@dataclass
class Hand:
    """One hand of the player."""

    cards: list[int]
    split: bool = False
    doubled: bool = False
    surrendered: bool = False
    finished: bool = False

    @property
    def total(self) -> int:
        """The best total."""
        return total_of(self.cards)[0]

    @property
    def blackjack(self) -> bool:
        """21 with two cards that are not from a split."""
        return len(self.cards) == 2 and self.total == 21 and not self.split

    @property
    def pair(self) -> bool:
        """Two cards of one value."""
        return len(self.cards) == 2 and value(self.cards[0]) == value(self.cards[1])

    @property
    def split_ace(self) -> bool:
        """From a split of aces."""
        return self.split and value(self.cards[0]) == ACE


@dataclass
class Table:
    """The cards and stakes of one round."""

    rules: Rules
    stake_micros: int
    step_micros: int
    stream: Stream
    shoe: list[int] = field(init=False)
    hands: list[Hand] = field(default_factory=list[Hand])
    dealer: list[int] = field(default_factory=list[int])
    hole: int | None = None
    insured: bool = False
    active: int = 0

    def __post_init__(self) -> None:
        self.shoe = sorted(list(range(52)) * self.rules["decks"])

    def course(self) -> Generator[list[Decision], Decision, None]:
        """The round from the deal on; yields the decisions that are allowed and takes the one that was made."""
        self._deal()
        yield from self._insurance()
        if not self._dealer_peeked_blackjack():
            yield from self._players_turn()
        self._dealers_turn()

    def standing(self, legal: list[Decision]) -> Evaluation:
        """What the player may see and what was staked and paid, where `legal` is empty once the round is over."""
        over = not legal
        shown = [self._shown(hand, over=over) for hand in self.hands]
        insurance = self._half() if self.insured else 0
        insurance_payout = 3 * insurance if over and self._dealer_blackjack() else 0
        outcome = blackjack.BlackjackOutcome(
            hands=shown,
            dealer=self.dealer,
            active_hand=0 if over else self.active,
            legal=sorted(legal),
            insurance_stake_micros=insurance,
            insurance_payout_micros=insurance_payout,
        )
        stake = sum(hand.stake_micros for hand in shown) + insurance
        payout = sum(hand.payout_micros for hand in shown) + insurance_payout if over else None
        return Evaluation(stake, payout, games.Outcome(draws=self._visible_draws(over=over), blackjack=outcome))

    def _deal(self) -> None:
        first = self._card(games.DRAW_PURPOSE_PLAYER_CARD)
        self.dealer = [self._card(games.DRAW_PURPOSE_DEALER_CARD)]
        self.hands = [Hand([first, self._card(games.DRAW_PURPOSE_PLAYER_CARD)])]
        if self.rules["hole_card"] == "peek":
            self.hole = self._card(games.DRAW_PURPOSE_HOLE_CARD)

    def _insurance(self) -> Generator[list[Decision], Decision, None]:
        if self.rules["insurance"] and value(self.dealer[0]) == ACE and self._half() > 0:
            self.insured = (yield [INSURE, DECLINE]) == INSURE

    def _dealer_peeked_blackjack(self) -> bool:
        if self.hole is None or {value(self.dealer[0]), value(self.hole)} != {ACE, TEN}:
            return False
        self.hands[0].finished = True
        return True

    def _players_turn(self) -> Generator[list[Decision], Decision, None]:
        while True:
            for hand in self.hands:
                hand.finished = hand.finished or hand.total >= 21 or not (self._plays_on(hand) or self._may_split(hand))
            waiting = [index for index, hand in enumerate(self.hands) if not hand.finished]
            if not waiting:
                return
            self.active = waiting[0]
            hand = self.hands[self.active]
            self._take((yield self._choices(hand)), hand)

    def _choices(self, hand: Hand) -> list[Decision]:
        choices = [STAND]
        if self._plays_on(hand):
            choices.append(HIT)
        if self._may_double(hand):
            choices.append(DOUBLE)
        if self._may_split(hand):
            choices.append(SPLIT)
        if self.rules["surrender"] == "late" and len(hand.cards) == 2 and not hand.split:
            choices.append(SURRENDER)
        return choices

    def _take(self, decision: Decision, hand: Hand) -> None:
        if decision == SPLIT:
            right = Hand([hand.cards.pop()], split=True)
            hand.split = True
            self.hands.insert(self.active + 1, right)
            for half in (hand, right):
                half.cards.append(self._card(games.DRAW_PURPOSE_PLAYER_CARD))
            return
        hand.doubled = decision == DOUBLE
        hand.surrendered = decision == SURRENDER
        hand.finished = decision != HIT
        if decision in (HIT, DOUBLE):
            hand.cards.append(self._card(games.DRAW_PURPOSE_PLAYER_CARD))

    def _dealers_turn(self) -> None:
        contested = any(hand.total <= 21 and not hand.surrendered and not hand.blackjack for hand in self.hands)
        # A second card is also needed where only it can tell whether the dealer has a blackjack against insurance or the player's own.
        asked = self.insured or (self.hands[0].blackjack and value(self.dealer[0]) in (ACE, TEN))
        if self.hole is not None:
            self.dealer.append(self.hole)
        elif contested or asked:
            self.dealer.append(self._card(games.DRAW_PURPOSE_DEALER_CARD))
        while contested and self._dealer_draws():
            self.dealer.append(self._card(games.DRAW_PURPOSE_DEALER_CARD))

    def _dealer_draws(self) -> bool:
        points, soft = total_of(self.dealer)
        return points < 17 or (points == 17 and soft and self.rules["soft_17"] == "hit")

    def _dealer_blackjack(self) -> bool:
        return len(self.dealer) == 2 and total_of(self.dealer)[0] == 21

    def _plays_on(self, hand: Hand) -> bool:
        return not hand.split_ace or self.rules["split_aces"] == "play-on"

    def _may_split(self, hand: Hand) -> bool:
        again = not hand.split_ace or self.rules["split_aces"] != "one-card"
        return hand.pair and again and len(self.hands) < self.rules["hands_max"]

    def _may_double(self, hand: Hand) -> bool:
        points, soft = total_of(hand.cards)
        lowest = {"any": 0, "hard-9-11": 9, "hard-10-11": 10}[self.rules["double"]]
        fits = lowest == 0 or (not soft and lowest <= points <= 11)
        return len(hand.cards) == 2 and fits and self._plays_on(hand) and (not hand.split or self.rules["double_after_split"])

    def _shown(self, hand: Hand, *, over: bool) -> blackjack.BlackjackHand:
        stake = self.stake_micros * (2 if hand.doubled else 1)
        result = self._result(hand) if over else self._early_result(hand)
        return blackjack.BlackjackHand(
            cards=hand.cards,
            stake_micros=stake,
            doubled=hand.doubled,
            split=hand.split,
            finished=hand.finished,
            result=result,
            payout_micros=self._payout(result, stake) if over else 0,
        )

    def _early_result(self, hand: Hand) -> blackjack.BlackjackResult:
        return blackjack.BLACKJACK_RESULT_BUST if hand.total > 21 else blackjack.BLACKJACK_RESULT_UNSPECIFIED

    def _result(self, hand: Hand) -> blackjack.BlackjackResult:
        if hand.surrendered:
            return blackjack.BLACKJACK_RESULT_SURRENDER
        if hand.total > 21:
            return blackjack.BLACKJACK_RESULT_BUST
        if hand.blackjack:
            return blackjack.BLACKJACK_RESULT_PUSH if self._dealer_blackjack() else blackjack.BLACKJACK_RESULT_BLACKJACK
        dealer = total_of(self.dealer)[0]
        if self._dealer_blackjack() or 21 >= dealer > hand.total:
            return blackjack.BLACKJACK_RESULT_LOSE
        return blackjack.BLACKJACK_RESULT_PUSH if dealer == hand.total else blackjack.BLACKJACK_RESULT_WIN

    def _payout(self, result: blackjack.BlackjackResult, stake_micros: int) -> int:
        numerator, denominator = self.rules["blackjack_pays"]
        if result == blackjack.BLACKJACK_RESULT_SURRENDER:
            return self._half()
        multiples = {
            blackjack.BLACKJACK_RESULT_BLACKJACK: (numerator + denominator, denominator),
            blackjack.BLACKJACK_RESULT_WIN: (2, 1),
            blackjack.BLACKJACK_RESULT_PUSH: (1, 1),
        }
        return pay(stake_micros, *multiples.get(result, (0, 1)), self.step_micros)

    def _half(self) -> int:
        """Half the first stake: what insurance costs and what a surrender saves."""
        return pay(self.stake_micros, 1, 2, self.step_micros)

    def _card(self, purpose: games.DrawPurpose) -> int:
        """Deals: the drawn index counts into the cards left, sorted by code."""
        return self.shoe.pop(self.stream.draw(purpose, len(self.shoe)))

    def _visible_draws(self, *, over: bool) -> list[games.Draw]:
        """While the hole card lies face down, its draw and all after it are hidden: later indexes would tell it."""
        draws = self.stream.draws
        hidden = [] if over else [at for at, draw in enumerate(draws) if draw.purpose == games.DRAW_PURPOSE_HOLE_CARD]
        return draws[: hidden[0]] if hidden else draws
