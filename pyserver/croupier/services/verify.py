"""Recomputes a round from its revealed seed and says what differs from what was stored."""

from __future__ import annotations

import hashlib

from croupier.currencies import STEP_MICROS
from croupier.engine import Played
from croupier.errors import Refusal
from croupier.model import Round, Seed, WalletKey
from croupier.operations.house import House
from croupier.pb import games_pb2
from croupier.pb import round_service_pb2 as pb


def verify(house: House, wallet: WalletKey, round_: Round, seed: Seed) -> pb.VerifyRoundResponse:
    """The comparison of a settled round with its replay. `seed` must be revealed."""
    answer = pb.VerifyRoundResponse(server_seed=seed.revealed.hex(), client_seed=round_.client_seed, number=round_.number)
    replayed = replay(house, wallet, round_, seed.revealed)
    answer.difference = _difference(round_, seed, replayed)
    answer.matches = not answer.difference
    if not isinstance(replayed, Refusal):
        last = replayed[-1]
        answer.recomputed.CopyFrom(games_pb2.Outcome.FromString(last.outcome))
        answer.recomputed_stake_micros = last.stake_micros
        answer.recomputed_payout_micros = last.payout_micros
    return answer


def replay(house: House, wallet: WalletKey, round_: Round, server_seed: bytes) -> list[Played] | Refusal:
    """Every step of a round, played again."""
    model = house.model(round_.model)
    if isinstance(model, Refusal):
        return model
    where = (server_seed, round_.client_seed, round_.number, round_.bet, STEP_MICROS[wallet.currency])
    played = model.play(*where)
    steps: list[Played] = []
    for step in round_.steps[1:]:
        if isinstance(played, Refusal):
            return played
        steps.append(played)
        played = model.act(*where, played.state, step.action)
    if isinstance(played, Refusal):
        return played
    return [*steps, played]


def _difference(round_: Round, seed: Seed, replayed: list[Played] | Refusal) -> str:
    if hashlib.sha256(seed.revealed).digest() != round_.commitment:
        return "the revealed seed does not fit the hash that was shown before the round"
    if isinstance(replayed, Refusal):
        return f"the round cannot be replayed: {replayed.message}"
    for number, (stored, played) in enumerate(zip(round_.steps, replayed, strict=True)):
        if stored.outcome != played.outcome:
            return f"the outcome of step {number} differs"
        if (stored.stake_micros, stored.payout_micros) != (played.stake_micros, played.payout_micros):
            return f"stake or payout of step {number} differ"
    return ""
