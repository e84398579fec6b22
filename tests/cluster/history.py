"""The history of every call: each attempt of each wish with its node, its times and what was said, as JSON, one wallet a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from croupier_client.pb import games_pb2
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions
from croupier_client.pb import wallet_service_pb2 as wallets
from tests.faults.checker import wishes_by_wallet
from tests.faults.wishes import LEAVES_OPEN, OK, UNDECIDED, Attempt, Player, Wish


def histories(players: Sequence[Player]) -> Iterator[dict[str, Any]]:
    """One wallet after another, its calls in the order of their sending."""
    for wallet, wishes in wishes_by_wallet(players).items():
        staked = {
            (wish.answer.name, wish.answer.step): wish.answer.stake_micros for wish in wishes if isinstance(wish.answer, rounds.Round)
        }
        calls = [_call(wish, attempt, staked) for wish in wishes if _moves_money(wish) for attempt in wish.attempts]
        yield {"wallet": wallet, "calls": sorted(calls, key=lambda call: call["sent_ns"])}


def save(path: Path, players: Sequence[Player]) -> None:
    """Writes all histories into a file."""
    with path.open("w") as file:
        file.writelines(lines(histories(players)))


def lines(told: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Histories as text, one a line."""
    for one in told:
        yield json.dumps(one) + "\n"


def _moves_money(wish: Wish) -> bool:
    return not isinstance(wish.request, sessions.OpenSessionRequest | sessions.RotateSeedRequest)


def _call(wish: Wish, attempt: Attempt, staked: dict[tuple[str, int], int]) -> dict[str, Any]:
    answer = wish.answer if attempt.said == OK else None
    call = {
        "client": 0,
        "node": attempt.node,
        "op": f"{wish.rpc} {content(wish).hex()}",
        "id": _id(wish),
        "sent_ns": attempt.sent_ns,
        "ended_ns": attempt.returned_ns,
        "said": attempt.said,
        "came_to": _came_to(attempt),
        "stake": _stake_micros(wish),
    }
    if isinstance(answer, rounds.Round | wallets.Transfer):
        call |= {"revision": answer.revision, "balance": answer.balance_micros, "delta": _delta_micros(wish, answer, staked)}
    elif isinstance(wish.request, wallets.DepositRequest | wallets.WithdrawRequest):
        call["delta"] = _amount_micros(wish)
    return call


def _came_to(attempt: Attempt) -> str:
    if attempt.said == OK:
        return "done"
    if attempt.said in LEAVES_OPEN:
        return "unknown"
    return "nothing" if attempt.said in UNDECIDED else "refused"


def content(wish: Wish) -> bytes:
    """What is asked for beside its id."""
    match wish.request:
        case rounds.PlayRequest(bet=games_pb2.Bet() as bet):
            return bet.SerializeToString(deterministic=True)
        case rounds.ActRequest(action=games_pb2.Action() as action):
            return action.SerializeToString(deterministic=True)
        case _:
            return str(_amount_micros(wish)).encode()


def _id(wish: Wish) -> str:
    match wish.request:
        case rounds.PlayRequest(round_id=id_):
            return UUID(id_).hex
        case rounds.ActRequest(round=name, step=step):
            return f"{UUID(name.rpartition('/')[2]).hex}/{step}"
        case wallets.DepositRequest(transfer_id=id_) | wallets.WithdrawRequest(transfer_id=id_):
            return UUID(id_).hex
        case _:
            return ""


def _amount_micros(wish: Wish) -> int:
    match wish.request:
        case wallets.DepositRequest(amount_micros=amount):
            return amount
        case wallets.WithdrawRequest(amount_micros=amount):
            return -amount
        case _:
            return 0


def _stake_micros(wish: Wish) -> int:
    if isinstance(wish.request, rounds.PlayRequest):
        bet = wish.request.bet
        return bet.dice.stake_micros or bet.blackjack.stake_micros
    return max(0, -_amount_micros(wish))


def _delta_micros(wish: Wish, answer: rounds.Round | wallets.Transfer, staked: dict[tuple[str, int], int]) -> int | None:
    """What it added to the balance; None where its caller can't tell."""
    if isinstance(answer, wallets.Transfer):
        return _amount_micros(wish)
    if answer.step == 0:
        return answer.balance_micros - answer.balance_before_micros
    before = staked.get((answer.name, answer.step - 1))
    return None if before is None else answer.payout_micros - (answer.stake_micros - before)
