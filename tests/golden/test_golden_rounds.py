"""The second evaluator reproduces the golden rounds, and its report names whatever was altered in one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from croupier_client import verify_round
from croupier_client.pb import blackjack_pb2, games_pb2
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions
from croupier_client.verify import evaluate

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "pyserver/croupier/models"
GOLDEN: list[dict[str, Any]] = json.loads((HERE / "rounds.json").read_text(encoding="utf-8"))
FAMILIES = sorted({next(iter(golden["bet"])) for golden in GOLDEN})


def definition_of(golden: dict[str, Any]) -> str:
    return (MODELS / f"{golden['model']}.toml").read_text(encoding="utf-8")


def bet_of(golden: dict[str, Any]) -> games_pb2.Bet:
    return json_format.ParseDict(golden["bet"], games_pb2.Bet())


def actions_of(golden: dict[str, Any]) -> list[games_pb2.Action]:
    return [json_format.ParseDict(action, games_pb2.Action()) for action in golden["actions"]]


def stored(golden: dict[str, Any]) -> tuple[rounds.Round, sessions.Seed]:
    """A golden round as a server would have stored it, with the seed that it was drawn from."""
    seed_hash = hashlib.sha256(bytes.fromhex(golden["server_seed"])).hexdigest()
    payout = golden["payout_micros"]
    round_ = rounds.Round(
        name="operators/o/players/p/wallets/EUR/rounds/r",
        number=golden["number"],
        model=f"models/{golden['model_sha256']}",
        state=rounds.ROUND_STATE_OPEN if payout is None else rounds.ROUND_STATE_SETTLED,
        step=len(golden["actions"]),
        bet=bet_of(golden),
        actions=actions_of(golden),
        outcome=json_format.ParseDict(golden["outcome"], games_pb2.Outcome()),
        currency_code="EUR",
        stake_micros=golden["stake_micros"],
        payout_micros=payout or 0,
        balance_before_micros=10**15,
        balance_micros=10**15 - golden["stake_micros"] + (payout or 0),
        seed_number=1,
        server_seed_hash=seed_hash,
        client_seed=golden["client_seed"],
    )
    seed = sessions.Seed(
        number=1, server_seed_hash=seed_hash, server_seed=golden["server_seed"], first_round=1, last_round=golden["number"]
    )
    return round_, seed


def test_every_model_has_golden_rounds() -> None:
    """No shipped model is left out."""
    assert {golden["model"] for golden in GOLDEN} == {path.stem for path in MODELS.glob("*.toml")}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden['model']}-{golden['number']}")
def test_the_second_evaluator_reproduces_the_golden_rounds(golden: dict[str, Any]) -> None:
    """Outcome, stake and payout, field for field and byte for byte."""
    made = evaluate(
        definition_of(golden),
        bytes.fromhex(golden["server_seed"]),
        golden["client_seed"],
        golden["number"],
        bet_of(golden),
        actions_of(golden),
        golden["step_micros"],
    )
    outcome = json_format.ParseDict(golden["outcome"], games_pb2.Outcome())
    assert made.outcome == outcome
    assert made.outcome.SerializeToString(deterministic=True) == outcome.SerializeToString(deterministic=True)
    assert (made.stake_micros, made.payout_micros) == (golden["stake_micros"], golden["payout_micros"])
    if golden["number"] < 2**63:  # A stored round's number is an int64.
        report = verify_round(definition_of(golden), *stored(golden), step_micros=golden["step_micros"])
        assert report.matches, str(report)


def _settled(family: str) -> dict[str, Any]:
    return next(golden for golden in GOLDEN if family in golden["bet"] and golden["payout_micros"] and golden["number"] < 2**63)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_report_names_what_was_altered(family: str) -> None:
    """A changed payout, draw, state, seed or model is found and named, in every family."""
    golden = _settled(family)
    definition, step = definition_of(golden), golden["step_micros"]

    def report_of(alter: Any) -> str:
        round_, seed = stored(golden)
        alter(round_, seed)
        report = verify_round(definition, round_, seed, step_micros=step)
        assert not report.matches
        return str(report)

    assert "payout_micros is" in report_of(lambda r, _: setattr(r, "payout_micros", r.payout_micros + step))
    assert "stake_micros is" in report_of(lambda r, _: setattr(r, "stake_micros", r.stake_micros + step))
    assert "outcome.draws[0].value is" in report_of(lambda r, _: setattr(r.outcome.draws[0], "value", r.outcome.draws[0].value ^ 1))
    assert "outcome.draws holds" in report_of(lambda r, _: r.outcome.draws.pop())
    assert "state is open, recomputed settled" in report_of(lambda r, _: setattr(r, "state", rounds.ROUND_STATE_OPEN))
    assert "the revealed seed has" in report_of(lambda _, s: setattr(s, "server_seed", "00" * 32))
    assert "seed_number is" in report_of(lambda r, _: setattr(r, "seed_number", 2))
    assert "the seed covers rounds" in report_of(lambda _, s: setattr(s, "first_round", golden["number"] + 1))
    assert "has not been revealed" in report_of(lambda _, s: s.ClearField("server_seed"))
    assert "the definition given is" in report_of(lambda r, _: setattr(r, "model", "models/00"))
    assert "does not allow this round" in report_of(lambda r, _: r.bet.CopyFrom(games_pb2.Bet()))
    assert report_of(lambda r, _: setattr(r, "client_seed", "another")).count("\n") >= 1


def test_the_report_names_altered_actions() -> None:
    """An action that was not allowed, and one after the end, are told apart from a wrong outcome."""
    golden = next(golden for golden in GOLDEN if golden["actions"])
    round_, seed = stored(golden)
    round_.actions.append(games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=blackjack_pb2.BLACKJACK_ACTION_KIND_HIT)))
    assert "does not allow this round: action" in str(verify_round(definition_of(golden), round_, seed, step_micros=golden["step_micros"]))


def test_a_wrong_balance_of_a_one_step_round_is_found() -> None:
    """The balance after the round is the one before, less the stake, plus the payout."""
    golden = _settled("dice")
    round_, seed = stored(golden)
    round_.balance_micros += 1
    assert "balance_micros is" in str(verify_round(definition_of(golden), round_, seed, step_micros=golden["step_micros"]))


def test_rounds_are_verified_from_files(tmp_path: Path) -> None:
    """`croupier-verify MODEL ROUND SEED`: 0 for a round that verifies, 1 for one that differs, 2 for a file that cannot be read."""
    golden = _settled("roulette")
    round_, seed = stored(golden)
    (tmp_path / "model.toml").write_text(definition_of(golden), encoding="utf-8")
    (tmp_path / "round.json").write_text(json_format.MessageToJson(round_), encoding="utf-8")
    round_.payout_micros += golden["step_micros"]
    (tmp_path / "altered.json").write_text(json_format.MessageToJson(round_), encoding="utf-8")
    (tmp_path / "seed.json").write_text(json_format.MessageToJson(seed), encoding="utf-8")

    def run(round_file: str) -> subprocess.CompletedProcess[str]:
        files = [str(tmp_path / name) for name in ("model.toml", round_file, "seed.json")]
        command = [sys.executable, "-m", "croupier_client.verify", *files, "--step-micros", str(golden["step_micros"])]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("round.json").stdout.endswith(": verified\n")
    altered = run("altered.json")
    assert (altered.returncode, "payout_micros is" in altered.stdout) == (1, True)
    assert (run("none.json").returncode, run("seed.json").returncode) == (2, 2)
