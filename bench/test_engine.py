"""Rates of the engine by itself, with pytest-benchmark: a round of each family as the server plays it, spins in bulk, draws.

python -m pytest bench/test_engine.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import croupier._engine as engine
from croupier_client import bets
from croupier_client.pb import games_pb2

MODELS = Path(__file__).parent.parent / "pyserver" / "croupier" / "models"
CENT_MICROS = 10_000
SEED = bytes(range(32))
BETS: dict[str, games_pb2.Bet] = {
    "sizzling-hot": bets.slots(5 * CENT_MICROS),
    "dolphins-pearl": bets.slots(10 * CENT_MICROS),
    "atkins-diet": bets.slots(20 * CENT_MICROS),
    "roulette-european": bets.roulette(bets.wager("straight", 100 * CENT_MICROS, [17])),
    "dice-10000": bets.dice_over(100 * CENT_MICROS, 5_049),
    "blackjack-classic": bets.blackjack(100 * CENT_MICROS),
}
SLOTS = ("sizzling-hot", "dolphins-pearl", "atkins-diet")


def _model(name: str) -> engine.Model:
    return engine.Model.parse((MODELS / f"{name}.toml").read_text())


@pytest.mark.parametrize("name", BETS)
def test_play(benchmark: BenchmarkFixture, name: str) -> None:
    """One round as Python asks for it: key, draws, evaluation, encoded outcome."""
    model, bet = _model(name), BETS[name].SerializeToString()
    stake, *_ = benchmark(model.play, SEED, "client", 1, bet, CENT_MICROS)
    assert stake > 0


@pytest.mark.parametrize("name", SLOTS)
def test_spins(benchmark: BenchmarkFixture, name: str) -> None:
    """A hundred thousand whole rounds on one thread, free spins included."""
    _, spins = benchmark(engine.bench_spins, _model(name), 100_000, 1)
    assert spins >= 100_000


def test_draws(benchmark: BenchmarkFixture) -> None:
    """A million unbiased draws."""
    assert benchmark(engine.bench_draws, 1_000_000) > 0
