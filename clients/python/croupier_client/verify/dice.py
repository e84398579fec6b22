"""Dice over/under: one roll on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from croupier_client.pb import dice_pb2 as dice
from croupier_client.pb import games_pb2 as games

from .evaluation import Evaluation, NotOffered, Rules, check_family, check_stake, pay
from .stream import Stream


def evaluate(rules: Rules, bet: games.Bet, actions: Sequence[games.Action], step_micros: int, stream: Stream) -> Evaluation:
    """The round that `stream` gives.

    A win multiplies the stake by return / quoted chance, where the quoted chance is winning rolls / `chance_denominator`.

    Raises:
        NotOffered: for a bet that the model does not offer.
    """
    check_family(bet, "dice")
    if actions:
        raise NotOffered("a dice round has no steps")
    stake, target, over = bet.dice.stake_micros, bet.dice.target, bet.dice.side == dice.DICE_SIDE_OVER
    if bet.dice.side not in (dice.DICE_SIDE_OVER, dice.DICE_SIDE_UNDER):
        raise NotOffered("the side is neither over nor under")
    winning = rules["grid"] - 1 - target if over else target
    if not rules["winning_min"] <= winning <= rules["winning_max"]:
        raise NotOffered(f"the bet wins on {winning} rolls, the model offers {rules['winning_min']} to {rules['winning_max']}")
    check_stake(stake, rules["stake"], step_micros, "a stake")
    roll = stream.draw(games.DRAW_PURPOSE_ROLL, rules["grid"])
    won = roll > target if over else roll < target
    numerator, denominator = rules["return_ppm"] * rules["chance_denominator"], 1_000_000 * winning
    shared = gcd(numerator, denominator)
    outcome = dice.DiceOutcome(roll=roll, won=won, multiplier_numerator=numerator // shared, multiplier_denominator=denominator // shared)
    payout = pay(stake, numerator, denominator, step_micros) if won else 0
    return Evaluation(stake, payout, games.Outcome(draws=stream.draws, dice=outcome))
