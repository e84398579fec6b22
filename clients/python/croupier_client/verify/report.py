"""Checks one stored round against what its seed, bet and actions give."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from croupier_client.pb import games_pb2 as games
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions

from . import blackjack, dice, roulette, slots
from .currencies import step_micros_of
from .differences import differences
from .evaluation import Evaluation, NotOffered, Rules
from .stream import Stream, round_key

Evaluator = Callable[[Rules, games.Bet, Sequence[games.Action], int, Stream], Evaluation]
_FAMILIES: dict[str, Evaluator] = {
    "blackjack": blackjack.evaluate,
    "dice": dice.evaluate,
    "roulette": roulette.evaluate,
    "slots": slots.evaluate,
}


@dataclass(frozen=True)
class VerifyReport:
    """What a check found."""

    round: str
    """Name of the round."""
    differences: tuple[str, ...]
    """One sentence for each thing that does not fit; empty if all does."""
    recomputed: Evaluation | None
    """None where the seed or the model could not be trusted, or does not give this round."""

    @property
    def matches(self) -> bool:
        """Whether everything fits."""
        return not self.differences

    def __str__(self) -> str:
        if self.matches:
            return f"{self.round}: verified"
        return f"{self.round}: DOES NOT VERIFY\n" + "\n".join(f"  - {difference}" for difference in self.differences)


def verify_round(model_toml: str, round_: rounds.Round, seed: sessions.Seed, *, step_micros: int | None = None) -> VerifyReport:
    """Recomputes a round and compares everything that the seed decides or that was committed before.

    Args:
        model_toml: the model's definition as served by GetModel; its SHA-256 must be the round's model.
        round_: the round as stored.
        seed: the revealed seed that the round names.
        step_micros: the currency's smallest amount as the session states it; None means that of ISO 4217.
    """
    broken = [*_check_model(model_toml, round_), *_check_seed(round_, seed)]
    if broken:
        return VerifyReport(round_.name, tuple(broken), None)
    step = step_micros or step_micros_of(round_.currency_code)
    try:
        made = evaluate(model_toml, bytes.fromhex(seed.server_seed), round_.client_seed, round_.number, round_.bet, round_.actions, step)
    except NotOffered as refusal:
        return VerifyReport(round_.name, (f"the model does not allow this round: {refusal}",), None)
    return VerifyReport(round_.name, tuple(_compare(round_, made)), made)


def evaluate(
    model_toml: str, server_seed: bytes, client_seed: str, number: int, bet: games.Bet, actions: Sequence[games.Action], step_micros: int
) -> Evaluation:
    """The round that a seed, a bet and actions give.

    Raises:
        NotOffered: where the model does not offer the bet, does not allow an action, or is of a family that is not known here.
    """
    model = _read(model_toml)
    family = model["family"]
    if family not in _FAMILIES:
        raise NotOffered(f"there is no second evaluator for the family {family}")
    return _FAMILIES[family](model[family], bet, actions, step_micros, Stream(round_key(server_seed, client_seed, number)))


@lru_cache(maxsize=32)
def _read(model_toml: str) -> dict[str, Any]:
    """The model file; reading a slot takes longer than replaying hundreds of its rounds."""
    return tomllib.loads(model_toml)


def _check_model(model_toml: str, round_: rounds.Round) -> list[str]:
    name = f"models/{hashlib.sha256(model_toml.encode()).hexdigest()}"
    return [] if name == round_.model else [f"model is {round_.model}, but the definition given is {name}"]


def _check_seed(round_: rounds.Round, seed: sessions.Seed) -> list[str]:
    if not seed.server_seed:
        return ["the seed has not been revealed: rotate it first"]
    found: list[str] = []
    seed_hash = hashlib.sha256(bytes.fromhex(seed.server_seed)).hexdigest()
    if seed_hash != round_.server_seed_hash:
        found.append(f"server_seed_hash is {round_.server_seed_hash}, but the revealed seed has {seed_hash}")
    if seed.number != round_.seed_number:
        found.append(f"seed_number is {round_.seed_number}, but the seed given is {seed.number}")
    last = seed.last_round or round_.number
    if not seed.first_round <= round_.number <= last:
        found.append(f"number is {round_.number}, but the seed covers rounds {seed.first_round} to {last}")
    return found


def _compare(round_: rounds.Round, made: Evaluation) -> list[str]:
    settled = round_.state == rounds.ROUND_STATE_SETTLED
    found: list[str] = []
    if settled != (made.payout_micros is not None):
        found.append(f"state is {'settled' if settled else 'open'}, recomputed {'open' if settled else 'settled'}")
    if round_.stake_micros != made.stake_micros:
        found.append(f"stake_micros is {round_.stake_micros}, recomputed {made.stake_micros}")
    if round_.payout_micros != (made.payout_micros or 0):
        found.append(f"payout_micros is {round_.payout_micros}, recomputed {made.payout_micros or 0}")
    if round_.step != len(round_.actions):
        found.append(f"step is {round_.step}, but the round holds {len(round_.actions)} actions")
    balance = round_.balance_before_micros - made.stake_micros + (made.payout_micros or 0)
    found += differences(round_.outcome, made.outcome, "outcome")
    # Other sessions of the wallet may move the balance between the steps of a round, so it is only told for rounds of one step.
    if not round_.actions and settled and round_.balance_micros != balance:
        found.append(f"balance_micros is {round_.balance_micros}, recomputed {balance}")
    return found
