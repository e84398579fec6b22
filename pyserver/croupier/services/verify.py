"""Recomputes a round from its revealed seed and says what differs from what was stored."""

from __future__ import annotations

from croupier.currencies import STEP_MICROS
from croupier.errors import Refusal
from croupier.model import Round, Seed, WalletKey
from croupier.operations import replay
from croupier.operations.house import House
from croupier.pb import games_pb2
from croupier.pb import round_service_pb2 as pb


def verify(house: House, wallet: WalletKey, round_: Round, seed: Seed) -> pb.VerifyRoundResponse:
    """The comparison of a settled round with its replay. `seed` must be revealed."""
    answer = pb.VerifyRoundResponse(server_seed=seed.revealed.hex(), client_seed=round_.client_seed, number=round_.number)
    model = house.model(round_.model)
    replayed = model if isinstance(model, Refusal) else replay.replay(model, seed.revealed, round_, STEP_MICROS[wallet.currency])
    answer.difference = replay.difference(round_, seed.revealed, replayed)
    answer.matches = not answer.difference
    if not isinstance(replayed, Refusal):
        last = replayed[-1]
        answer.recomputed.CopyFrom(games_pb2.Outcome.FromString(last.outcome))
        answer.recomputed_stake_micros = last.stake_micros
        answer.recomputed_payout_micros = last.payout_micros
    return answer
