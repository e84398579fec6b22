"""`croupier-verify MODEL ROUND SEED`: checks one round from files, offline.

MODEL is the model's TOML; ROUND a croupier.v1.Round and SEED a croupier.v1.Seed as JSON, as any gRPC tool prints them.
Exit code 0: verified; 1: it differs; 2: a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from google.protobuf import json_format

from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions

from .report import verify_round


def main() -> int:
    """Reads the files, prints the report, gives the exit code."""
    parser = argparse.ArgumentParser(prog="croupier-verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("round", type=Path)
    parser.add_argument("seed", type=Path)
    parser.add_argument("--step-micros", type=int, help="smallest amount of the currency, if it is not that of ISO 4217")
    chosen = parser.parse_args()
    try:
        model = chosen.model.read_text()
        round_ = json_format.Parse(chosen.round.read_text(), rounds.Round())
        seed = json_format.Parse(chosen.seed.read_text(), sessions.Seed())
    except (OSError, ValueError, json_format.ParseError) as error:
        print(f"cannot read the input: {error}", file=sys.stderr)
        return 2
    report = verify_round(model, round_, seed, step_micros=chosen.step_micros)
    print(report)
    return 0 if report.matches else 1


if __name__ == "__main__":
    sys.exit(main())
