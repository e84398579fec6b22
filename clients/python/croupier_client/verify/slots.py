"""Slots with pay lines: the paid spin, then every free spin that it wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from croupier_client.pb import games_pb2 as games
from croupier_client.pb import slots_pb2 as slots

from .evaluation import Evaluation, NotOffered, Rules, check_family
from .stream import Stream

_FREE_SPINS_MAX = 10_000
_NO_LINES: dict[str, Any] = {"lines": [], "pays": {}}
_NO_SCATTER: dict[str, Any] = {"pays": []}


def evaluate(rules: Rules, bet: games.Bet, actions: Sequence[games.Action], step_micros: int, stream: Stream) -> Evaluation:
    """The round that `stream` gives.

    Raises:
        NotOffered: for a bet that the model does not offer.
    """
    check_family(bet, "slots")
    if actions:
        raise NotOffered("a slots round has no steps")
    machine = Machine(rules, stream, unit_micros=_unit_micros(rules, bet.slots.stake_micros, step_micros))
    spins = machine.round()
    outcome = games.Outcome(draws=stream.draws, slots=slots.SlotsOutcome(spins=spins))
    return Evaluation(bet.slots.stake_micros, sum(spin.payout_micros for spin in spins), outcome)


def stake_units(rules: Rules) -> int:
    """How many units of stake a total stake is: one for each line, or one."""
    return len(rules["pay"]["lines"]["lines"]) if rules["stake"]["unit"] == "line" else 1


def _unit_micros(rules: Rules, stake_micros: int, step_micros: int) -> int:
    offered = {level * step_micros * stake_units(rules): level * step_micros for level in rules["stake"]["levels"]}
    if stake_micros not in offered:
        raise NotOffered(f"a stake of {stake_micros} micros is none of {sorted(offered)}")
    return offered[stake_micros]


@dataclass(frozen=True)
class Award:
    """Free spins, where they are played and what their wins are multiplied by."""

    mode: str
    spins: int
    multiplier: int


@dataclass
class Machine:
    """The reels of one round."""

    rules: Rules
    stream: Stream
    unit_micros: int

    def round(self) -> list[slots.SlotsSpin]:
        """Every spin, the paid one first."""
        paid, award = self._spin("base", 1)
        spins = [paid]
        if award is None:
            return spins
        paid.free_spins_won = paid.free_spins_left = won = left = award.spins
        while left > 0:
            spin, more = self._spin(award.mode, award.multiplier)
            spin.free_spins_won = more.spins if more else 0
            won += spin.free_spins_won
            if won > _FREE_SPINS_MAX:
                raise NotOffered(f"a round wins no more than {_FREE_SPINS_MAX} free spins")
            left += spin.free_spins_won - 1
            spin.free_spins_left = left
            spins.append(spin)
        return spins

    def _spin(self, mode: str, multiplier: int) -> tuple[slots.SlotsSpin, Award | None]:
        """One spin without its counters, and what its scatters win."""
        reels = self.rules["mode"][mode].get("reels") or self.rules["mode"]["base"]["reels"]
        stops = [self.stream.draw(games.DRAW_PURPOSE_REEL_STOP, len(reel)) for reel in reels]
        columns = [[reel[(stop + row) % len(reel)] for row in range(self.rules["rows"])] for reel, stop in zip(reels, stops, strict=True)]
        scatters = sum(column.count(self.rules["scatter"]) for column in columns) if "scatter" in self.rules else 0
        award = self._award(mode, scatters)
        lines = self._lines(columns, multiplier) if "pay.lines" in self.rules["mode"][mode]["stages"] else []
        scatter_micros = self._scatter_micros(scatters, multiplier) if "pay.scatter" in self.rules["mode"][mode]["stages"] else 0
        spin = slots.SlotsSpin(
            mode=mode,
            stops=stops,
            window=[self._index(symbol) for column in columns for symbol in column],
            lines=lines,
            scatter=slots.SlotsScatterWin(count=scatters, payout_micros=scatter_micros) if scatter_micros or award else None,
            multiplier=multiplier,
            payout_micros=sum(line.payout_micros for line in lines) + scatter_micros,
        )
        return spin, award

    def _award(self, mode: str, scatters: int) -> Award | None:
        """The trigger that asks for the most scatters among those that hold."""
        held = [trigger for trigger in self.rules["mode"][mode].get("trigger", []) if trigger["on"]["scatter"] <= scatters]
        if not held:
            return None
        best = max(held, key=lambda trigger: trigger["on"]["scatter"])
        return Award(best["go"], best["spins"], best.get("multiplier", 1))

    def _scatter_micros(self, scatters: int, multiplier: int) -> int:
        """Scatters pay by their number anywhere, in total stakes."""
        pays = self.rules["pay"].get("scatter", _NO_SCATTER)["pays"]
        return _listed(pays, scatters) * stake_units(self.rules) * self.unit_micros * multiplier

    def _lines(self, columns: list[list[str]], multiplier: int) -> list[slots.SlotsLineWin]:
        wins: list[slots.SlotsLineWin] = []
        for number, rows in enumerate(self.rules["pay"].get("lines", _NO_LINES)["lines"]):
            units, symbol, count = self._best([column[row] for column, row in zip(columns, rows, strict=True)])
            if units:
                micros = units * self.unit_micros * multiplier
                wins.append(slots.SlotsLineWin(line=number, symbol=self._index(symbol), count=count, payout_micros=micros))
        return wins

    def _best(self, line: list[str]) -> tuple[int, str, int]:
        """The better of the run of the first symbol that is not wild and of the wilds alone: units, symbol, count."""
        pays: dict[str, list[int]] = self.rules["pay"]["lines"]["pays"]
        wild_multiplier: int = self.rules["pay"]["lines"].get("wild_multiplier", 1)
        wild = self.rules.get("wild")
        wilds = _run(line, {wild})
        run = (0, "", 0)
        first = line[wilds] if wilds < len(line) else None
        if first is not None and first != self.rules.get("scatter"):
            count = _run(line, {first, wild})
            factor = wild_multiplier if wild in line[:count] else 1
            run = (_listed(pays.get(first, []), count) * factor, first, count)
        alone = (0, "", 0)
        if wild is not None and wilds:
            own = pays.get(wild)
            # Wilds without pays of their own stand for the symbol that pays most.
            units = _listed(own, wilds) if own else max(_listed(other, wilds) for other in pays.values()) * wild_multiplier
            alone = (units, wild, wilds)
        return run if run[0] >= alone[0] else alone

    def _index(self, symbol: str) -> int:
        return self.rules["symbols"].index(symbol)


def _run(line: list[str], symbols: set[str | None]) -> int:
    """How many of `symbols` the line begins with."""
    return next((at for at, symbol in enumerate(line) if symbol not in symbols), len(line))


def _listed(pays: Sequence[int], count: int) -> int:
    """What a list of pays for 1, 2, 3 … holds for `count`."""
    return pays[count - 1] if 1 <= count <= len(pays) else 0
