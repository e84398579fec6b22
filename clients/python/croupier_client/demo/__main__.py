"""Plays a session of every family, watches the wallet meanwhile, rotates the seeds and verifies every round on this machine.

Exit code 0: every round verified; 1: one did not; 2: the server cannot be reached or refuses.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from croupier_client.client import Client
from croupier_client.errors import CroupierError

from .tour import Tour

FAMILIES = ("slots", "roulette", "dice", "blackjack")


def main() -> int:
    """Reads where to play from the options and the file that `croupier serve --demo` writes, then plays."""
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, sys.stdout.encoding, errors="replace", line_buffering=True)
    chosen = _options().parse_args()
    facts: dict[str, str] = {}
    if chosen.file.exists():
        facts = json.loads(chosen.file.read_text(encoding="utf-8"))
    elif not (chosen.address and chosen.key):
        print(f"{chosen.file} is not there: start a server with `make run` first, or give --address and --key", file=sys.stderr)
        return 2
    address, key = chosen.address or facts["address"], chosen.key or facts["operator_key"]
    try:
        with Client(address, key, operator=chosen.operator or facts.get("operator", "demo")) as client:
            tour = Tour(client, chosen.player, chosen.currency, chosen.rounds)
            return 0 if tour.run(FAMILIES) else 1
    except CroupierError as error:
        print(f"\n{address}: {error}", file=sys.stderr)
        return 2


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m croupier_client.demo", description="Plays visible rounds of every family.")
    parser.add_argument("--address", help="host:port of the server, or some of a cluster with commas between (default: as in the file)")
    parser.add_argument("--key", help="operator key (default: as in the file)")
    parser.add_argument("--operator", help="the operator that the key belongs to (default: as in the file)")
    parser.add_argument(
        "--file", type=Path, default=Path("data/demo.json"), help="what `croupier serve --demo` wrote (default: %(default)s)"
    )
    parser.add_argument("--player", default="you", help="default: %(default)s")
    parser.add_argument("--currency", default="EUR", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each family (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
