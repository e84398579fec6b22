"""Plays a stored round again and compares it, byte for byte."""

from __future__ import annotations

from croupier.engine import GameModel, Played
from croupier.errors import Refusal
from croupier.model import Round, Step


def difference(model: GameModel, server_seed: bytes, round_: Round, step_micros: int) -> str:
    """What the engine plays differently from what is stored; empty if nothing. `step_micros` is the smallest amount of the round's currency."""
    state = b""
    played: Played | Refusal
    for number, step in enumerate(round_.steps):
        arguments = (server_seed, round_.client_seed, round_.number, round_.bet, step_micros)
        played = model.act(*arguments, state, step.action) if number else model.play(*arguments)
        found = _difference(played, step, is_settled=round_.settled and number == len(round_.steps) - 1)
        if found:
            return f"step {number} replays with another {found}"
        assert isinstance(played, Played)
        state = played.state
    return "" if state == round_.engine_state else "the engine's state replays with other bytes"


def _difference(played: Played | Refusal, step: Step, *, is_settled: bool) -> str:
    if isinstance(played, Refusal):
        return f"result: {played.message}"
    for what, replayed, stored in (
        ("outcome", played.outcome, step.outcome),
        ("stake", played.stake_micros, step.stake_micros),
        ("payout", played.payout_micros, step.payout_micros),
        ("settlement", played.settled, is_settled),
    ):
        if replayed != stored:
            return what
    return ""
