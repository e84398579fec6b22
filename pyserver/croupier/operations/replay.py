"""Plays a stored round again, step by step, and compares it byte for byte."""

from __future__ import annotations

import hashlib

from croupier.engine import GameModel, Played
from croupier.errors import Refusal
from croupier.model import Round


def replay(model: GameModel, server_seed: bytes, round_: Round, step_micros: int) -> list[Played] | Refusal:
    """Every step of a round, played again. `step_micros` is the smallest amount of the round's currency."""
    where = (server_seed, round_.client_seed, round_.number, round_.bet, step_micros)
    played = model.play(*where)
    steps: list[Played] = []
    for step in round_.steps[1:]:
        if isinstance(played, Refusal):
            return played
        steps.append(played)
        played = model.act(*where, played.state, step.action)
    return played if isinstance(played, Refusal) else [*steps, played]


def difference(round_: Round, server_seed: bytes, replayed: list[Played] | Refusal) -> str:
    """What is stored otherwise than it replays, in a sentence; empty if nothing is."""
    if hashlib.sha256(server_seed).digest() != round_.commitment:
        return "the server seed does not fit the hash that was shown before the round"
    if isinstance(replayed, Refusal):
        return f"the round cannot be replayed: {replayed.message}"
    for number, (stored, played) in enumerate(zip(round_.steps, replayed, strict=True)):
        if stored.outcome != played.outcome:
            return f"the outcome of step {number} differs"
        if (stored.stake_micros, stored.payout_micros) != (played.stake_micros, played.payout_micros):
            return f"stake or payout of step {number} differ"
    if replayed[-1].settled != round_.settled:
        return "it replays to another end"
    if replayed[-1].state != round_.engine_state:
        return "the state that it would be resumed from differs"
    return ""
