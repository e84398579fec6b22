"""Draws outcomes as text."""

from __future__ import annotations

from collections.abc import Sequence

from croupier_client.money import show
from croupier_client.pb import blackjack_pb2 as blackjack
from croupier_client.pb import dice_pb2 as dice
from croupier_client.pb import paytable_pb2 as paytable
from croupier_client.pb import roulette_pb2 as roulette
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import slots_pb2 as slots

_RANKS = "A23456789TJQK"
_SUITS = "♣♦♥♠"
_RED = {1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36}


def slots_lines(round_: rounds.Round, table: paytable.PayTable) -> list[str]:
    """Every spin's window with its wins; of many free spins without a win only the count."""
    lines: list[str] = []
    quiet = 0
    for spin in round_.outcome.slots.spins:
        if spin.mode != "base" and not spin.payout_micros and not spin.free_spins_won:
            quiet += 1
            continue
        lines += _quiet_line(quiet) + spin_lines(spin, table, round_.currency_code)
        quiet = 0
    return lines + _quiet_line(quiet)


def spin_lines(spin: slots.SlotsSpin, table: paytable.PayTable, currency_code: str) -> list[str]:
    """The window with brackets around what paid, and one line for each win."""
    rows = table.window_rows
    paid = {(reel, row) for win in spin.lines for reel, row in enumerate(table.lines[win.line].rows[: win.count])}
    width = max(len(symbol) for symbol in table.symbols) + 2
    cells = [
        [_cell(table.symbols[spin.window[reel * rows + row]], width, paid=(reel, row) in paid) for reel in range(len(spin.stops))]
        for row in range(rows)
    ]
    border = "+" + "+".join("-" * width for _ in spin.stops) + "+"
    title = [f"{spin.mode} spin, wins x {spin.multiplier}, {spin.free_spins_left} left"] if spin.mode != "base" else []
    return [*title, border, *["|" + "|".join(row) + "|" for row in cells], border, *_spin_wins(spin, table, currency_code)]


def roulette_lines(round_: rounds.Round) -> list[str]:
    """The pocket, then each wager with what it came to."""
    outcome = round_.outcome.roulette
    lines = [f"( {pocket_name(outcome.pocket)} )"]
    for wager, payout in zip(round_.bet.roulette.wagers, outcome.payouts_micros, strict=True):
        kind = roulette.RouletteWagerKind.Name(wager.kind).removeprefix("ROULETTE_WAGER_KIND_").lower().replace("_", " ")
        numbers = " ".join(str(number) for number in wager.numbers)
        lines.append(
            f"{kind + ' ' + numbers:<16} staked {show(wager.stake_micros, round_.currency_code):>11}  paid {show(payout, round_.currency_code):>11}"
        )
    return lines


def pocket_name(pocket: int) -> str:
    """For pocket 17 "17 black", for 37 "00"."""
    if pocket in (0, 37, 38):
        return {0: "0", 37: "00", 38: "000"}[pocket]
    return f"{pocket} {'red' if pocket in _RED else 'black'}"


def dice_lines(round_: rounds.Round) -> list[str]:
    """A ruler with the target and the roll."""
    bet, outcome = round_.bet.dice, round_.outcome.dice
    grid, width = round_.outcome.draws[0].range, 50
    at, target = outcome.roll * (width - 1) // (grid - 1), bet.target * (width - 1) // (grid - 1)
    over = bet.side == dice.DICE_SIDE_OVER
    ruler = "".join("=" if (cell > target) == over and cell != target else "." for cell in range(width))
    verdict = "won" if outcome.won else "lost"
    side = "over" if over else "under"
    return [
        f"0 {ruler} {grid - 1}",
        " " * (2 + at) + "^",
        f"rolled {outcome.roll}, {side} {bet.target} {verdict}; a win multiplies by {outcome.multiplier_numerator}/{outcome.multiplier_denominator}",
    ]


def blackjack_lines(outcome: blackjack.BlackjackOutcome) -> list[str]:
    """The dealer's cards, then each hand of the player."""
    lines = [f"dealer  {cards(outcome.dealer)}"]
    for number, hand in enumerate(outcome.hands):
        active = ">" if outcome.legal and number == outcome.active_hand else " "
        result = blackjack.BlackjackResult.Name(hand.result).removeprefix("BLACKJACK_RESULT_").lower() if hand.result else ""
        lines.append(f"you   {active} {cards(hand.cards)} {'doubled ' if hand.doubled else ''}{result}".rstrip())
    return lines


def cards(codes: Sequence[int]) -> str:
    """Cards by rank and suit, "A♠ T♦"."""
    return " ".join(_RANKS[code // 4] + _SUITS[code % 4] for code in codes)


def _cell(symbol: str, width: int, *, paid: bool) -> str:
    return (f"[{symbol}]" if paid else symbol).center(width)


def _quiet_line(count: int) -> list[str]:
    return [f"{count} free spins without a win"] if count else []


def _spin_wins(spin: slots.SlotsSpin, table: paytable.PayTable, currency_code: str) -> list[str]:
    lines = [
        f"line {win.line + 1}: {table.symbols[win.symbol]} x {win.count} pays {show(win.payout_micros, currency_code)}"
        for win in spin.lines
    ]
    if spin.HasField("scatter"):
        pays = f" pay {show(spin.scatter.payout_micros, currency_code)}" if spin.scatter.payout_micros else ""
        won = f", {spin.free_spins_won} free spins" if spin.free_spins_won else ""
        lines.append(f"{spin.scatter.count} scatters{pays}{won}")
    return lines
