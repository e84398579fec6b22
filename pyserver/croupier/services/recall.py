"""A round, and a line of the ledger, as the command line shows them: the API's messages, as plain values."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict

from croupier.model import Entry, Round, WalletKey
from croupier.pb import games_pb2
from croupier.services import convert


def recall(wallet: WalletKey, round_: Round) -> dict[str, Any]:
    """The round as it stands now, with all that G3 asks for, in the fields and names of croupier.v1.Round; `steps` holds each step's own outcome."""
    shown = MessageToDict(convert.round_message(convert.last_step(wallet, round_)), preserving_proto_field_name=True)
    shown["steps"] = [
        {
            "action": MessageToDict(games_pb2.Action.FromString(step.action), preserving_proto_field_name=True),
            "outcome": MessageToDict(games_pb2.Outcome.FromString(step.outcome), preserving_proto_field_name=True),
            "stake_micros": step.stake_micros,
            "payout_micros": step.payout_micros,
            "balance_micros": step.balance_micros,
            "revision": step.revision,
            "time_ms": step.time_ms,
        }
        for step in round_.steps
    ]
    return shown


def recall_entry(wallet: WalletKey, entry: Entry) -> dict[str, Any]:
    """The entry in the fields and names of croupier.v1.Entry."""
    return MessageToDict(convert.entry_message(wallet, entry), preserving_proto_field_name=True)
