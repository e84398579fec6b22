"""Plays published games through a running server and compares what it paid with the exact return of their PAR sheets.

    python -m bench.reference --rounds 200000

starts `croupier serve` on a folder of its own, plays each bet through PlayBatch, audits the folder with every round replayed, and prints a table in
Markdown with N and z, the distance from the exact return in standard errors by the exact variance.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.servers import Croupier
from croupier_client import Client, bets
from croupier_client.pb import games_pb2

EUR = 1_000_000
BATCH = 1_000
DEPOSIT_MICROS = 1_000_000 * EUR
"""The most that one transfer may bring."""


class Case(NamedTuple):
    """One bet at one game; `label` is its name in the PAR sheet, or the start of it."""

    game: str
    label: str
    bet: games_pb2.Bet


class Result(NamedTuple):
    """What a case came to."""

    case: Case
    rounds: int
    returned: float
    exact: str
    exact_value: float
    z: float
    rounds_per_s: float


CASES = (
    Case("sizzling-hot", "", bets.slots(EUR)),
    Case("dolphins-pearl", "", bets.slots(EUR)),
    Case("atkins-diet", "", bets.slots(EUR)),
    Case("dice-10000", "", bets.dice_under(EUR, 5_000)),
    Case("dice-10001", "", bets.dice_under(EUR, 5_000)),
    Case("roulette-european", "straight", bets.roulette(bets.wager("straight", EUR, [17]))),
    Case("roulette-european", "red", bets.roulette(bets.wager("red", EUR))),
    Case("roulette-french", "red", bets.roulette(bets.wager("red", EUR))),
    Case("roulette-american", "straight", bets.roulette(bets.wager("straight", EUR, [17]))),
    Case("roulette-american", "top line", bets.roulette(bets.wager("top_line", EUR))),
    Case("roulette-triple-zero", "straight", bets.roulette(bets.wager("straight", EUR, [17]))),
)


def play(client: Client, case: Case, rounds: int) -> Result:
    """Plays one case in a wallet of its own."""
    wallet = client.wallet_name(f"{case.game}-{case.label.replace(' ', '-') or 'reference'}", "EUR")
    client.deposit(wallet, DEPOSIT_MICROS)
    session = client.open_session(wallet, f"games/{case.game}")
    started = time.perf_counter()
    staked = paid = 0
    for count in _batches(rounds):
        for answer in session.play_batch(itertools.repeat(case.bet, count)):
            if answer.round is None:
                raise SystemExit(f"{case.game}: a play was refused: {answer.error}")
            staked += answer.round.stake_micros
            paid += answer.round.payout_micros
    took_s = time.perf_counter() - started
    figures = _figures(client, case)
    mean, exact = paid / staked, figures["return"]["value"]
    z = (mean - exact) / math.sqrt(figures["variance"] / rounds)
    return Result(case, rounds, mean, figures["return"]["exact"], exact, z, rounds / took_s)


def main() -> int:
    """Exit code 1 if a z is beyond 4, or the audit finds anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200_000, help="rounds of each bet")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Croupier(folder) as server:
            facts = json.loads((server.data / "demo.json").read_text())
            with Client(server.address, facts["operator_key"], operator=facts["operator"]) as client:
                results = [_told(play(client, case, rounds)) for case in CASES]
        audit = _audit(server.data)
    print(_table(results, audit))
    return int(any(abs(result.z) > 4 for result in results) or not audit["ok"])


def _batches(rounds: int) -> Iterator[int]:
    for first in range(0, rounds, BATCH):
        yield min(BATCH, rounds - first)


def _figures(client: Client, case: Case) -> dict[str, Any]:
    """The exact figures of the case's bet, as the server publishes them."""
    model = client.get_model(client.get_game(f"games/{case.game}").model)
    sheet = json.loads(model.figures.par_sheet)
    return next(found for found in sheet["bets"] if found["bet"].startswith(case.label))


def _told(result: Result) -> Result:
    print(
        f"{result.case.game} {result.case.label}: {result.returned:.4%}, z = {result.z:+.2f}, {result.rounds_per_s:,.0f}/s", file=sys.stderr
    )
    return result


def _audit(data: Path) -> dict[str, Any]:
    croupier = str(Path(sys.executable).with_name("croupier"))
    audited = subprocess.run([croupier, "audit", str(data), "--replay", "--json"], capture_output=True, text=True, check=False)
    return json.loads(audited.stdout)


def _table(results: list[Result], audit: dict[str, Any]) -> str:
    rows = ["| model | bet | exact | its value | rounds | through the server | z |", "|---|---|---|---|---|---|---|"]
    for case, rounds, returned, exact, value, z, _ in results:
        label = case.label or "reference bet"
        rows.append(f"| {case.game} | {label} | {exact} | {value:.4%} | {rounds:,} | {returned:.4%} | {z:+.2f} |")
    said = "found nothing" if audit["ok"] else f"FOUND {audit['problem_count']} problems"
    rows += [
        "",
        f"The audit of the {audit['entries']:,} entries {said} and replayed {audit['replayed_rounds']:,} rounds in {audit['took_s']} s.",
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
