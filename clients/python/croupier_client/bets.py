"""Bets and actions of every family. Stakes are in micros; `micros("1.25")` makes them from units."""

from __future__ import annotations

from collections.abc import Sequence

from .pb import blackjack_pb2, dice_pb2, games_pb2, roulette_pb2, slots_pb2

Wager = roulette_pb2.RouletteWager
Kind = roulette_pb2.RouletteWagerKind

_NUMBERED: dict[str, Kind] = {
    "straight": roulette_pb2.ROULETTE_WAGER_KIND_STRAIGHT,
    "split": roulette_pb2.ROULETTE_WAGER_KIND_SPLIT,
    "street": roulette_pb2.ROULETTE_WAGER_KIND_STREET,
    "corner": roulette_pb2.ROULETTE_WAGER_KIND_CORNER,
    "six_line": roulette_pb2.ROULETTE_WAGER_KIND_SIX_LINE,
    "first_four": roulette_pb2.ROULETTE_WAGER_KIND_FIRST_FOUR,
    "top_line": roulette_pb2.ROULETTE_WAGER_KIND_TOP_LINE,
    "dozen": roulette_pb2.ROULETTE_WAGER_KIND_DOZEN,
    "column": roulette_pb2.ROULETTE_WAGER_KIND_COLUMN,
    "red": roulette_pb2.ROULETTE_WAGER_KIND_RED,
    "black": roulette_pb2.ROULETTE_WAGER_KIND_BLACK,
    "even": roulette_pb2.ROULETTE_WAGER_KIND_EVEN,
    "odd": roulette_pb2.ROULETTE_WAGER_KIND_ODD,
    "low": roulette_pb2.ROULETTE_WAGER_KIND_LOW,
    "high": roulette_pb2.ROULETTE_WAGER_KIND_HIGH,
}


def slots(stake_micros: int) -> games_pb2.Bet:
    """A slots bet: the total stake over all lines."""
    return games_pb2.Bet(slots=slots_pb2.SlotsBet(stake_micros=stake_micros))


def dice_over(stake_micros: int, target: int) -> games_pb2.Bet:
    """A dice bet that wins on rolls above `target`, counted on the model's grid."""
    return games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=stake_micros, side=dice_pb2.DICE_SIDE_OVER, target=target))


def dice_under(stake_micros: int, target: int) -> games_pb2.Bet:
    """A dice bet that wins on rolls below `target`, counted on the model's grid."""
    return games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=stake_micros, side=dice_pb2.DICE_SIDE_UNDER, target=target))


def roulette(*wagers: Wager) -> games_pb2.Bet:
    """A roulette bet of 1 to 100 wagers, each made by `wager`."""
    return games_pb2.Bet(roulette=roulette_pb2.RouletteBet(wagers=wagers))


def wager(kind: str, stake_micros: int, numbers: Sequence[int] = ()) -> Wager:
    """One roulette wager: `wager("red", stake)`, `wager("straight", stake, [17])`, `wager("dozen", stake, [2])`.

    Pocket 37 is "00", 38 is "000".

    Raises:
        KeyError: for a kind that is not in roulette.proto.
    """
    return Wager(kind=_NUMBERED[kind], numbers=numbers, stake_micros=stake_micros)


def blackjack(stake_micros: int) -> games_pb2.Bet:
    """A blackjack bet: the stake of the first hand."""
    return games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=stake_micros))


def hit() -> games_pb2.Action:
    """Another card."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_HIT)


def stand() -> games_pb2.Action:
    """No more cards for this hand."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_STAND)


def double() -> games_pb2.Action:
    """As much stake again and exactly one card."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_DOUBLE)


def split() -> games_pb2.Action:
    """As much stake again and two hands of a pair."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_SPLIT)


def insure() -> games_pb2.Action:
    """Half the first stake against a dealer's blackjack."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_INSURE)


def decline_insurance() -> games_pb2.Action:
    """No insurance."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE)


def surrender() -> games_pb2.Action:
    """Half the stake back as the first decision."""
    return _blackjack(blackjack_pb2.BLACKJACK_ACTION_KIND_SURRENDER)


def _blackjack(kind: blackjack_pb2.BlackjackActionKind) -> games_pb2.Action:
    return games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=kind))
