"""Models, bets and decisions at random, for comparing the engine with the second evaluator."""

from __future__ import annotations

from random import Random
from typing import Any

from croupier_client import bets
from croupier_client.pb import dice_pb2, games_pb2, roulette_pb2

STEPS_MICROS = (1_000, 10_000, 1_000_000)


def model_of(family: str, random: Random) -> str:
    """A model file of the family with rules at random; the engine may still refuse it."""
    head = f'name = "at-random"\ntitle = "At random"\nversion = 1\nfamily = "{family}"\n[{family}]\n'
    rules = {"dice": _dice_rules, "roulette": _roulette_rules, "blackjack": _blackjack_rules, "slots": _slots_rules}
    return head + rules[family](random)


def bet_of(family: str, rules: dict[str, object], step_micros: int, random: Random) -> games_pb2.Bet:
    """A bet that the model mostly offers, at times just not."""
    return {"dice": _dice_bet, "roulette": _roulette_bet, "blackjack": _blackjack_bet, "slots": _slots_bet}[family](
        rules, step_micros, random
    )


def action_at_random(legal: list[int], random: Random) -> games_pb2.Action:
    """Mostly an action that is allowed, at times any or none."""
    kind = random.choice(legal) if random.random() < 0.97 else random.randrange(8)
    action = games_pb2.Action()
    action.blackjack.kind = kind  # pyright: ignore[reportAttributeAccessIssue]
    return action


def _dice_rules(random: Random) -> str:
    grid = random.choice([100, 1_000, 10_000, 10_001, 65_537])
    winning_min = random.randint(1, grid // 4)
    return (
        f"grid = {grid}\nchance_denominator = {random.choice([grid, 100, grid - 1])}\nreturn_ppm = {random.randint(900_000, 1_000_000)}\n"
        f"winning_min = {winning_min}\nwinning_max = {random.randint(winning_min, grid - 1)}\nstake = {_range(random)}\n"
    )


def _roulette_rules(random: Random) -> str:
    wheel = random.choice(["single", "double", "triple"])
    partage = "true" if random.random() < 0.5 else "false"
    return f'wheel = "{wheel}"\nla_partage = {partage}\nwager = {_range(random)}\ntable_max_steps = {random.randint(5_000, 500_000)}\n'


def _blackjack_rules(random: Random) -> str:
    hole_card = random.choice(["peek", "none"])
    surrender = random.choice(["none", "late"]) if hole_card == "peek" else "none"
    return (
        f'decks = {random.randint(1, 8)}\nsoft_17 = "{random.choice(["stand", "hit"])}"\nhole_card = "{hole_card}"\n'
        f"blackjack_pays = {random.choice(['[3, 2]', '[6, 5]', '[1, 1]', '[2, 1]'])}\n"
        f'double = "{random.choice(["any", "hard-9-11", "hard-10-11"])}"\n'
        f"double_after_split = {random.choice(['true', 'false'])}\nhands_max = {random.randint(1, 4)}\n"
        f'split_aces = "{random.choice(["one-card", "resplit", "play-on"])}"\nsurrender = "{surrender}"\n'
        f"insurance = {random.choice(['true', 'false'])}\nstake = {_range(random)}\n"
    )


def _slots_rules(random: Random) -> str:
    rows, reels = random.randint(1, 4), random.randint(3, 5)
    symbols = [f"S{n}" for n in range(random.randint(3, 8))]
    wild = symbols[0] if random.random() < 0.7 else None
    scatter = symbols[1] if random.random() < 0.7 else None
    paying = [s for s in symbols if s != scatter and (s != wild or random.random() < 0.5)]
    lines = sorted({tuple(random.randrange(rows) for _ in range(reels)) for _ in range(random.randint(1, 12))})
    unit = random.choice(["line", "total"])
    parts = [
        f"rows = {rows}\nsymbols = {_list(symbols)}",
        f'wild = "{wild}"' if wild else "",
        f'scatter = "{scatter}"' if scatter else "",
        f'[slots.stake]\nunit = "{unit}"\nlevels = [1, 3, 10]\n[slots.pay.lines]',
        f"wild_multiplier = {random.randint(2, 3)}" if wild and random.random() < 0.5 else "",
        f"lines = {[list(line) for line in lines]}\n[slots.pay.lines.pays]",
        *[f"{symbol} = {sorted(random.choice([0, 1, 2, 5, 20, 100]) for _ in range(reels))}" for symbol in paying],
        f"[slots.pay.scatter]\npays = {sorted(random.randint(0, 9) for _ in range(reels))}" if scatter else "",
        _slots_mode("base", symbols, scatter, (rows, reels), random),
    ]
    if scatter:
        multiplier = random.randint(1, 3)
        parts += [_slots_trigger("base", fewest, random.randint(1, 9), multiplier) for fewest in random.choice([[2], [3], [2, 3]])]
        parts += [_slots_mode("free", symbols, scatter, (rows, reels), random)]
        parts += [_slots_trigger("free", 3, random.randint(1, 5), multiplier)] if random.random() < 0.6 else []
    return "\n".join(parts)


def _slots_trigger(mode: str, fewest: int, spins: int, multiplier: int) -> str:
    return f'[[slots.mode.{mode}.trigger]]\non = {{ scatter = {fewest} }}\ngo = "free"\nspins = {spins}\nmultiplier = {multiplier}'


def _slots_mode(name: str, symbols: list[str], scatter: str | None, shape: tuple[int, int], random: Random) -> str:
    rows, reels = shape
    stages = ["spin", "pay.lines", *(["pay.scatter"] if scatter else [])]
    mode = f"[slots.mode.{name}]\nstages = {_list(stages)}\n"
    if name != "base" and random.random() < 0.4:
        return mode
    strips: list[str] = []
    for _ in range(reels):
        strip = [random.choice([s for s in symbols if s != scatter]) for _ in range(random.randint(rows + 3, 20))]
        if scatter:
            strip[random.randrange(len(strip))] = scatter
        strips.append(_list(strip))
    return f"{mode}reels = [{', '.join(strips)}]"


def _list(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _range(random: Random) -> str:
    return f"{{ min_steps = {random.randint(1, 20)}, max_steps = {random.randint(20, 100_000)} }}"


def _stake(bounds: object, step_micros: int, random: Random) -> int:
    assert isinstance(bounds, dict)
    steps = random.randint(bounds["min_steps"], bounds["max_steps"])  # pyright: ignore[reportUnknownArgumentType]
    if random.random() < 0.03:
        return random.choice([0, -1, steps * step_micros + 1, (bounds["max_steps"] + 1) * step_micros])
    return steps * step_micros


def _dice_bet(rules: dict[str, object], step_micros: int, random: Random) -> games_pb2.Bet:
    grid = rules["grid"]
    assert isinstance(grid, int)
    side = random.choice([dice_pb2.DICE_SIDE_OVER, dice_pb2.DICE_SIDE_UNDER])
    stake = _stake(rules["stake"], step_micros, random)
    return games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=stake, side=side, target=random.randint(0, grid + 1)))


def _roulette_bet(rules: dict[str, object], step_micros: int, random: Random) -> games_pb2.Bet:
    wagers = [_wager(_stake(rules["wager"], step_micros, random), random) for _ in range(random.randint(1, 6))]
    return bets.roulette(*wagers)


def _wager(stake_micros: int, random: Random) -> roulette_pb2.RouletteWager:
    first = random.choice([0, *range(1, 37), 37, 38])
    row = 3 * random.randrange(12) + 1
    shapes = [
        ("straight", [first]),
        ("split", [first, first + 1]),
        ("split", [first, first + 3]),
        ("split", sorted([random.choice([0, 1, 2, 3]), random.choice([0, 1, 2, 3, 37, 38])])),
        ("street", [row, row + 1, row + 2]),
        ("street", random.choice([[0, 1, 2], [0, 2, 3], [0, 2, 37], [2, 3, 37], [1, 2, 4]])),
        ("corner", [first, first + 1, first + 3, first + 4]),
        ("six_line", list(range(row, row + 6))),
        ("first_four", random.choice([[], [], [0, 1, 2, 3]])),
        ("top_line", random.choice([[], [], [0, 1, 2, 3, 37]])),
        ("dozen", [random.randint(0, 4)]),
        ("column", [random.randint(0, 4)]),
        *[(kind, list[int]()) for kind in ("red", "black", "even", "odd", "low", "high")],
    ]
    kind, numbers = random.choice(shapes)
    return bets.wager(kind, stake_micros, numbers)


def _blackjack_bet(rules: dict[str, object], step_micros: int, random: Random) -> games_pb2.Bet:
    return bets.blackjack(_stake(rules["stake"], step_micros, random))


def _slots_bet(rules: dict[str, object], step_micros: int, random: Random) -> games_pb2.Bet:
    model: Any = rules
    units = len(model["pay"]["lines"]["lines"]) if model["stake"]["unit"] == "line" else 1
    level = random.choice(model["stake"]["levels"]) if random.random() < 0.97 else 4
    return bets.slots(level * units * step_micros)
