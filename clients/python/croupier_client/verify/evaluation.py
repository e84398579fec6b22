"""What an evaluator gives, what it may refuse, and the one rule of paying that all families share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from croupier_client.pb import games_pb2 as games

Rules = Mapping[str, Any]
"""The family's own table of a model file, as tomllib reads it."""


class NotOffered(ValueError):
    """The model does not offer this bet, or the round did not allow this action."""


@dataclass(frozen=True)
class Evaluation:
    """A round as recomputed."""

    stake_micros: int
    """All that was staked."""
    payout_micros: int | None
    """What is paid; None while the round waits for an action."""
    outcome: games.Outcome


def pay(stake_micros: int, numerator: int, denominator: int, step_micros: int) -> int:
    """Stake x numerator / denominator, floored to a multiple of the currency's step."""
    return stake_micros * numerator // (denominator * step_micros) * step_micros


def check_stake(stake_micros: int, bounds: Mapping[str, int], step_micros: int, what: str) -> None:
    """Refuses a stake that is no whole number of steps between the model's bounds.

    Raises:
        NotOffered: says which bound.
    """
    steps, rest = divmod(stake_micros, step_micros)
    if rest or not bounds["min_steps"] <= steps <= bounds["max_steps"]:
        raise NotOffered(
            f"{what} of {stake_micros} micros is not {bounds['min_steps']} to {bounds['max_steps']} whole steps of {step_micros}"
        )


def check_family(bet: games.Bet, family: str) -> None:
    """Refuses the bet of another family.

    Raises:
        NotOffered: names both.
    """
    if bet.WhichOneof("family") != family:
        raise NotOffered(f"the bet is of family {bet.WhichOneof('family')}, the model's family is {family}")
