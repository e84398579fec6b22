"""The engine in Rust and the evaluator in plain Python, written apart from each other, give the same rounds."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier import _engine as engine
from croupier_client.pb import games_pb2
from croupier_client.verify import Evaluation, NotOffered, evaluate
from tests.golden.rounds_at_random import STEPS_MICROS, action_at_random, bet_of, model_of

MODELS = sorted((Path(engine.__file__).parent / "models").glob("*.toml"))
ROUNDS_AN_EXAMPLE = 20
# 60 are 1,200 rounds of each model; `CROUPIER_FUZZ_EXAMPLES=1000 pytest tests/golden --timeout=0` compares 320,000 rounds.
EXAMPLES = int(os.environ.get("CROUPIER_FUZZ_EXAMPLES", "60"))
FAMILIES_WITH_RULES_AT_RANDOM = ("blackjack", "dice", "roulette", "slots")


class Both:
    """One round in both evaluators, step by step."""

    def __init__(self, text: str, model: engine.Model, server_seed: bytes, number: int, random: Random) -> None:
        self.text, self.model, self.server_seed, self.number, self.random = text, model, server_seed, number, random
        self.client_seed = f"client {number % 7}"
        self.step_micros = random.choice(STEPS_MICROS)
        self.actions: list[games_pb2.Action] = []
        rules: dict[str, Any] = tomllib.loads(text)[model.family]
        self.bet = bet_of(model.family, rules, self.step_micros, random)

    def play(self) -> int:
        """Plays to the end or to the first refusal; the number of comparisons made."""
        try:
            played = self.model.play(self.server_seed, self.client_seed, self.number, self.bet.SerializeToString(), self.step_micros)
        except engine.BetError:
            with pytest.raises(NotOffered):
                self.evaluate()
            return 1
        self.compare(played)
        compared = 1
        while played[1] is None:
            outcome = games_pb2.Outcome.FromString(played[2])
            action = action_at_random(list(outcome.blackjack.legal), self.random)
            self.actions.append(action)
            compared += 1
            try:
                played = self.model.act(
                    self.server_seed,
                    self.client_seed,
                    self.number,
                    self.bet.SerializeToString(),
                    self.step_micros,
                    played[3],
                    action.SerializeToString(),
                )
            except engine.ActionError:
                with pytest.raises(NotOffered):
                    self.evaluate()
                return compared
            self.compare(played)
        return compared

    def compare(self, played: tuple[int, int | None, bytes, bytes]) -> None:
        made = self.evaluate()
        where = (
            f"{self.text}\nseed {self.server_seed.hex()}, client seed {self.client_seed!r}, round {self.number}, "
            f"step {self.step_micros}\n{self.bet}{self.actions}"
        )
        assert games_pb2.Outcome.FromString(played[2]) == made.outcome, where
        assert played[:3] == (made.stake_micros, made.payout_micros, made.outcome.SerializeToString(deterministic=True)), where

    def evaluate(self) -> Evaluation:
        return evaluate(self.text, self.server_seed, self.client_seed, self.number, self.bet, self.actions, self.step_micros)


@cache
def _shipped(path: Path) -> tuple[str, engine.Model]:
    text = path.read_text(encoding="utf-8")
    return text, engine.Model.parse(text)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@settings(max_examples=EXAMPLES, deadline=None)
@given(server_seed=st.binary(min_size=32, max_size=32), first=st.integers(1, 2**40), chance=st.integers(0, 2**32))
def test_shipped_models_give_the_same_rounds(path: Path, server_seed: bytes, first: int, chance: int) -> None:
    """Every shipped model: the same seeds, bets and actions give the same outcome bytes, stakes, payouts and refusals."""
    (text, model), random = _shipped(path), Random(chance)
    for number in range(first, first + ROUNDS_AN_EXAMPLE):
        Both(text, model, server_seed, number, random).play()


@pytest.mark.parametrize("family", FAMILIES_WITH_RULES_AT_RANDOM)
@settings(max_examples=EXAMPLES, deadline=None)
@given(server_seed=st.binary(min_size=32, max_size=32), first=st.integers(1, 2**40), chance=st.integers(0, 2**32))
def test_rules_at_random_give_the_same_rounds(family: str, server_seed: bytes, first: int, chance: int) -> None:
    """Rules that no shipped model has: the evaluators agree on those as well."""
    random = Random(chance)
    text = model_of(family, random)
    try:
        model = engine.Model.parse(text)
    except engine.ModelError:
        return
    for number in range(first, first + ROUNDS_AN_EXAMPLE):
        Both(text, model, server_seed, number, random).play()
