"""Roulette with one, two or three zeros: one draw names the pocket, every wager is settled against it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from croupier_client.pb import games_pb2 as games
from croupier_client.pb import roulette_pb2 as roulette

from .evaluation import Evaluation, NotOffered, Rules, check_family, check_stake, pay
from .stream import Stream

_WAGERS_MAX = 100
_POCKETS = {"single": 37, "double": 38, "triple": 39}
_ZEROS = frozenset({0, 37, 38})
_RED = frozenset({1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36})
_NUMBERS = frozenset(range(1, 37))
_EVEN_MONEY = {
    roulette.ROULETTE_WAGER_KIND_RED: _RED,
    roulette.ROULETTE_WAGER_KIND_BLACK: _NUMBERS - _RED,
    roulette.ROULETTE_WAGER_KIND_EVEN: frozenset(range(2, 37, 2)),
    roulette.ROULETTE_WAGER_KIND_ODD: frozenset(range(1, 37, 2)),
    roulette.ROULETTE_WAGER_KIND_LOW: frozenset(range(1, 19)),
    roulette.ROULETTE_WAGER_KIND_HIGH: frozenset(range(19, 37)),
}
# Where numbers meet zeros. On a triple-zero wheel makers differ, so its zeros take straight wagers only.
_ZERO_SPLITS = {
    "single": {(0, 1), (0, 2), (0, 3)},
    "double": {(0, 1), (0, 2), (0, 37), (2, 37), (3, 37)},
    "triple": set[tuple[int, ...]](),
}
_ZERO_STREETS = {"single": {(0, 1, 2), (0, 2, 3)}, "double": {(0, 1, 2), (0, 2, 37), (2, 3, 37)}, "triple": set[tuple[int, ...]]()}


def evaluate(rules: Rules, bet: games.Bet, actions: Sequence[games.Action], step_micros: int, stream: Stream) -> Evaluation:
    """The round that `stream` gives.

    Raises:
        NotOffered: for a bet that the model does not offer.
    """
    check_family(bet, "roulette")
    if actions:
        raise NotOffered("a roulette round has no steps")
    wheel: str = rules["wheel"]
    wagers = bet.roulette.wagers
    if not 1 <= len(wagers) <= _WAGERS_MAX:
        raise NotOffered(f"{len(wagers)} wagers are not 1 to {_WAGERS_MAX}")
    if len({(wager.kind, tuple(wager.numbers)) for wager in wagers}) < len(wagers):
        raise NotOffered("two wagers lie on one place")
    covered = [_covered(wheel, wager) for wager in wagers]
    for wager in wagers:
        check_stake(wager.stake_micros, rules["wager"], step_micros, "a wager")
    stake = sum(wager.stake_micros for wager in wagers)
    if stake > rules["table_max_steps"] * step_micros:
        raise NotOffered(f"the wagers come to {stake} micros, the table takes {rules['table_max_steps']} steps of {step_micros}")
    pocket = stream.draw(games.DRAW_PURPOSE_POCKET, _POCKETS[wheel])
    payouts: list[int] = []
    for wager, pockets in zip(wagers, covered, strict=True):
        multiple = _multiple(wager.kind, pockets, pocket, la_partage=rules["la_partage"])
        payouts.append(pay(wager.stake_micros, multiple.numerator, multiple.denominator, step_micros))
    outcome = roulette.RouletteOutcome(pocket=pocket, payouts_micros=payouts)
    return Evaluation(stake, sum(payouts), games.Outcome(draws=stream.draws, roulette=outcome))


def _multiple(kind: int, pockets: frozenset[int], pocket: int, *, la_partage: bool) -> Fraction:
    """What the stake is multiplied by, stake included."""
    if pocket in pockets:
        return Fraction(7) if kind == roulette.ROULETTE_WAGER_KIND_TOP_LINE else Fraction(36, len(pockets))
    if la_partage and kind in _EVEN_MONEY and pocket in _ZEROS:
        return Fraction(1, 2)
    return Fraction(0)


def _covered(wheel: str, wager: roulette.RouletteWager) -> frozenset[int]:
    """The pockets that a wager covers."""
    kind, numbers = wager.kind, tuple(wager.numbers)
    if kind in _EVEN_MONEY and not numbers:
        return _EVEN_MONEY[kind]
    if kind == roulette.ROULETTE_WAGER_KIND_DOZEN and len(numbers) == 1 and 1 <= numbers[0] <= 3:
        return frozenset(range(12 * numbers[0] - 11, 12 * numbers[0] + 1))
    if kind == roulette.ROULETTE_WAGER_KIND_COLUMN and len(numbers) == 1 and 1 <= numbers[0] <= 3:
        return frozenset(range(numbers[0], 37, 3))
    if numbers in _inside(wheel, kind):
        return frozenset(numbers)
    if not numbers and _fixed(wheel, kind):
        return _fixed(wheel, kind)
    raise NotOffered(f"the {wheel}-zero layout has no {roulette.RouletteWagerKind.Name(kind)} of {list(numbers)}")


def _fixed(wheel: str, kind: int) -> frozenset[int]:
    if kind == roulette.ROULETTE_WAGER_KIND_FIRST_FOUR and wheel == "single":
        return frozenset({0, 1, 2, 3})
    if kind == roulette.ROULETTE_WAGER_KIND_TOP_LINE and wheel == "double":
        return frozenset({0, 1, 2, 3, 37})
    return frozenset()


def _inside(wheel: str, kind: int) -> set[tuple[int, ...]]:
    """Every wager of a kind that names pockets, as its ascending numbers. The layout has twelve rows of three: 1-2-3 to 34-35-36."""
    firsts = range(1, 35, 3)
    if kind == roulette.ROULETTE_WAGER_KIND_STRAIGHT:
        return {(n,) for n in range(_POCKETS[wheel])}
    if kind == roulette.ROULETTE_WAGER_KIND_SPLIT:
        across = {(n, n + 1) for n in range(1, 36) if n % 3}
        along = {(n, n + 3) for n in range(1, 34)}
        return across | along | _ZERO_SPLITS[wheel]
    if kind == roulette.ROULETTE_WAGER_KIND_STREET:
        return {(n, n + 1, n + 2) for n in firsts} | _ZERO_STREETS[wheel]
    if kind == roulette.ROULETTE_WAGER_KIND_CORNER:
        return {(n, n + 1, n + 3, n + 4) for n in range(1, 33) if n % 3}
    if kind == roulette.ROULETTE_WAGER_KIND_SIX_LINE:
        return {tuple(range(n, n + 6)) for n in firsts if n < 34}
    return set()
