"""Figures of models for people, and what is wrong or worth knowing about them."""

from __future__ import annotations

from typing import Any

import msgspec

from croupier.cli.output import table
from croupier.engine import GameModel, NotExactError

_TOP_AWARD_ODDS = 100_000_000


def bets_table(figures: dict[str, Any]) -> str:
    """A model's figures, bet by bet."""
    head = f"{figures['title']} ({figures['model']} {figures['version']}, {figures['family']}), {figures['method']}"
    if figures["method"] == "simulation":
        return f"{head}\n{simulation_text(figures)}"
    rows = [("BET", "RETURN", "EXACT", "VARIANCE", "HIT RATE", "MAX WIN", "ONE IN")]
    for bet in figures["bets"]:
        odds = bet["max_win_odds"].get("one_in")
        rows.append(
            (
                bet["bet"],
                f"{bet['return']['value']:.6%}",
                bet["return"]["exact"],
                f"{bet['variance']:.4f}",
                f"{bet['hit_rate']:.4%}",
                f"{bet['max_win_x']:g} x",
                f"{odds:,.0f}" if odds else "-",
            )
        )
    parts = [f"  {part['name']}: {part['return']['value']:.6%}" for part in figures["components"]]
    return "\n".join((head, table(rows), *(["the return's parts, of the first bet:", *parts] if len(parts) > 1 else [])))


def simulation_text(found: dict[str, Any]) -> str:
    """A simulation's result."""
    low, high = found["interval_99"]
    lines = [
        f"{found['rounds']:,} rounds of {found['model']} (seed {found['seed']}, {found['strategy']})",
        f"simulated return {found['return']['value']:.6%}, 99 % interval {low:.6%} to {high:.6%}, standard error {found['standard_error']:.6%}",
        f"variance {found['variance']:.4f}, hit rate {found['hit_rate']:.4%}, highest win {found['max_win_x']:g} x, staked {found['staked_x']:.4f} x",
    ]
    if "z_score" in found:
        lines.append(f"exact return {found['exact_return']:.6%}, z = {found['z_score']:+.2f}")
    else:
        lines.append("no exact figure to compare with: this one is simulated")
    return "\n".join(lines)


def problems_of(place: str, model: GameModel, floor: float, threads: int) -> tuple[list[str], list[str]]:
    """What is wrong with a model's figures, and what is worth knowing; a sentence each."""
    try:
        figures = msgspec.json.decode(model.native.analyse(threads))
    except NotExactError:
        return [], ["no exact figure in this family: croupier game simulate gives one with its interval"]
    problems: list[str] = []
    notes: list[str] = []
    for bet in figures["bets"]:
        value, odds = bet["return"]["value"], bet["max_win_odds"].get("one_in", 0)
        if value < floor:
            problems.append(f"{place}: the bet {bet['bet']!r} returns {value:.4%}, the least allowed is {floor:.2%} (F1)")
        if value > 1:
            problems.append(f"{place}: the bet {bet['bet']!r} returns {value:.4%}, more than is staked")
        if odds > _TOP_AWARD_ODDS:
            notes.append(f"the top award of {bet['max_win_x']:g} x comes once in {odds:,.0f}: show these odds to players (F2)")
    return problems, notes
