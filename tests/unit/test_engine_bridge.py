"""The native engine as Python sees it: entropy, errors with their fields, analysis, and callbacks that raise."""

import json
import os
from pathlib import Path

import pytest

import croupier._engine as engine

MODELS = Path(engine.__file__).parent / "models"
STEP_MICROS = 10_000


def _model(name: str) -> engine.Model:
    return engine.Model.parse((MODELS / f"{name}.toml").read_text(encoding="utf-8"))


def test_self_test_passes() -> None:
    """R1: the generator answers its published vectors."""
    engine.self_test()


def test_entropy_differs_across_forks() -> None:
    """R2: processes that were forked from one parent share no bytes, neither of entropy nor of raw output."""
    engine.entropy(32)
    pipes: list[int] = []
    for _ in range(8):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, engine.entropy(32) + engine.raw(32))
            os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        pipes.append(read)
    drawn = [engine.entropy(32), engine.raw(32)]
    for read in pipes:
        both = os.read(read, 64)
        os.close(read)
        drawn += [both[:32], both[32:]]
    assert len(set(drawn)) == 18
    assert all(len(part) == 32 for part in drawn)


def test_a_request_for_too_much_is_refused() -> None:
    """Neither entropy nor raw output gives more than 16 MiB a call."""
    for source in (engine.entropy, engine.raw):
        with pytest.raises(ValueError, match="at most 16777216 bytes"):
            source((1 << 24) + 1)


def test_model_errors_carry_line_and_message() -> None:
    """A malformed model names its line, and what would be right."""
    with pytest.raises(engine.ModelError) as raised:
        engine.Model.parse('name = "x"\ntitle = "X"\nversion = 0\nfamily = "dice"\n')
    assert raised.value.line == 3
    assert raised.value.message == "version = 0; versions count from 1"


def test_bet_errors_carry_the_field() -> None:
    """A refused bet names the field, and an EngineError catches it."""
    with pytest.raises(engine.EngineError) as raised:
        _model("sizzling-hot").play(bytes(32), "", 1, b"", STEP_MICROS)
    assert isinstance(raised.value, engine.BetError)
    assert raised.value.field == "bet"
    with pytest.raises(ValueError, match="a server seed has 32 bytes, not 31"):
        _model("sizzling-hot").play(bytes(31), "", 1, b"", STEP_MICROS)


def test_analysis_holds_what_it_promises() -> None:
    """F1: the exact return is a ratio of integers, at the top and for each bet."""
    figures = json.loads(_model("dolphins-pearl").analyse(2))
    assert figures["model"] == "dolphins-pearl"
    numerator, denominator = map(int, figures["return"]["exact"].split("/"))
    assert numerator / denominator == figures["return"]["value"]
    assert {"variance", "hit_rate", "components", "bets", "max_win_x", "modes"} <= set(figures)


def test_simulation_is_the_same_on_any_number_of_threads() -> None:
    """A seed names one result; the reference bet given as bytes gives the same sums."""
    model = _model("sizzling-hot")
    one = json.loads(model.simulate(150_000, 3, 1))
    assert json.loads(model.simulate(150_000, 3, 2)) == one
    assert abs(one["z_score"]) < 4
    reference = bytes.fromhex("0a0408d08603")
    assert json.loads(model.simulate(150_000, 3, 2, None, reference)) == one
    with pytest.raises(engine.BetError):
        model.simulate(1, 1, 1, None, b"\x0a\x00")


def test_what_progress_raises_stops_a_simulation() -> None:
    """An exception in the callback comes out of simulate, from whichever thread it was raised in."""

    def refuse(rounds: int) -> None:
        raise KeyError(rounds)

    with pytest.raises(KeyError):
        _model("sizzling-hot").simulate(100_000_000, 1, 2, refuse)


def test_benches_only_take_slots() -> None:
    """The engine's benches count work, and refuse what they do not measure."""
    seconds, spins = engine.bench_spins(_model("atkins-diet"), 10_000, 1)
    assert seconds > 0
    assert spins > 10_000
    assert engine.bench_draws(1_000) > 0
    assert engine.bench_scan(_model("sizzling-hot"), 1)[1] == 25**5
    with pytest.raises(ValueError, match="no slots model"):
        engine.bench_scan(_model("dice-10000"), 1)
