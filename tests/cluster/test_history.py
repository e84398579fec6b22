"""The judges of the fault suite, judged: histories of real servers pass both, and every planted fault is caught."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.history import histories
from tests.cluster.second_opinion import judge
from tests.faults.campaign import Campaign, two_owners
from tests.faults.checker import order_fault
from tests.faults.process import Server
from tests.faults.wishes import OK
from tests.interop.programs import needs_go

pytestmark = pytest.mark.timeout(240)
EUR = 1_000_000


def call(op: str, id_: str, sent: int, ended: int, revision: int = 0, balance: int = 0, **others: Any) -> dict[str, Any]:
    """One call of a history made by hand: answered unless told otherwise."""
    return {
        "op": op,
        "id": id_,
        "sent_ns": sent,
        "ended_ns": ended,
        "said": OK,
        "came_to": "done",
        "revision": revision,
        "balance": balance,
        **others,
    }


UNANSWERED: dict[str, Any] = {"said": "", "came_to": "unknown"}
UNFUNDED: dict[str, Any] = {"said": "INSUFFICIENT_FUNDS", "came_to": "refused"}
PAID_IN = call("Deposit", "a", 0, 10, 1, 100, delta=100)
SOUND = {
    "one after another": [PAID_IN, call("Play", "b", 20, 30, 2, 95, delta=-5, stake=5)],
    "an answer that never came, to what happened": [
        PAID_IN,
        call("Play", "b", 20, 0, delta=-5, **UNANSWERED),
        call("Play", "c", 30, 40, 3, 90, delta=-5),
    ],
    "an answer that never came, to what did not": [
        PAID_IN,
        call("Play", "b", 20, 0, delta=-5, **UNANSWERED),
        call("Play", "c", 30, 40, 2, 95, delta=-5),
    ],
    "a refusal between two payments": [
        PAID_IN,
        call("Play", "b", 12, 30, stake=150, **UNFUNDED),
        call("Deposit", "c", 20, 40, 2, 200, delta=100),
    ],
    "a repeat": [PAID_IN, call("Deposit", "a", 20, 30, 1, 100, delta=100), call("", "", 40, 50, 1, 100)],
}
UNSOUND = {
    "an id with two effects": [PAID_IN, call("Play", "b", 20, 30, 2, 95, delta=-5), call("Play", "c", 40, 50, 4, 85, delta=-5)],
    "two rounds on one balance": [PAID_IN, call("Play", "b", 20, 30, 2, 95, delta=-5), call("Play", "c", 20, 30, 2, 95, delta=-5)],
    "an answer against real time": [PAID_IN, call("Play", "b", 20, 30, 3, 90, delta=-5), call("Play", "c", 40, 50, 2, 95, delta=-5)],
    "an acknowledged round that is gone": [
        PAID_IN,
        call("Play", "b", 20, 30, 2, 95, delta=-5),
        call("Deposit", "c", 40, 50, 3, 200, delta=100),
    ],
    "a refusal with money there": [PAID_IN, call("Play", "b", 20, 30, stake=5, **UNFUNDED)],
    "more spent than there was": [PAID_IN, call("Play", "b", 20, 30, 2, -5, delta=-105)],
    "a stale balance": [PAID_IN, call("Play", "b", 20, 30, 2, 95, delta=-5), call("", "", 40, 50, 1, 100)],
    "two answers to one id": [PAID_IN, call("Deposit", "a", 20, 30, 2, 200, delta=100)],
}


@needs_go
@pytest.mark.parametrize("calls", SOUND.values(), ids=SOUND)
def test_sound_histories_pass(calls: list[dict[str, Any]]) -> None:
    """Porcupine finds an order for histories of a sound wallet, unknown outcomes among them."""
    assert judge([{"wallet": "w", "calls": calls}]).is_clean


@needs_go
@pytest.mark.parametrize("calls", UNSOUND.values(), ids=UNSOUND)
def test_unsound_histories_are_caught(calls: list[dict[str, Any]]) -> None:
    """Porcupine finds none where an effect came twice, never, or against real time."""
    assert not judge([{"wallet": "w", "calls": calls}]).is_clean


@needs_go
async def test_real_servers_pass(tmp_path: Path) -> None:
    """Load on a real server: both judges agree, until one answer of the history is changed."""
    campaign = Campaign(tmp_path / "data", 1)
    server = await Server.start(tmp_path / "data")
    await campaign.play_a_little(server, 600)
    await server.drain()
    assert campaign.outcome().is_clean
    told = list(histories(campaign.players))
    assert judge(told).is_clean
    for step in (1, -1):
        forged = copy.deepcopy(told)
        plays = [one for one in forged[0]["calls"] if one["op"].startswith("Play") and one["said"] == OK]
        plays[len(plays) // 2]["balance"] += step * EUR
        verdict = judge(forged)
        assert verdict.illegal or verdict.faults


async def test_two_owners_are_in_order(tmp_path: Path) -> None:
    """Two servers on one file, killed: the order of revisions is that of real time, until two answers change places."""
    outcome = await two_owners(tmp_path / "data", 1, 1, "ownership")
    assert outcome.is_clean, outcome.findings


async def test_an_order_against_real_time_is_caught(tmp_path: Path) -> None:
    """The checker compares revisions with the times of sending and answering."""
    campaign = Campaign(tmp_path / "data", 1, players=2)
    server = await Server.start(tmp_path / "data")
    await campaign.play_a_little(server, 100)
    await server.drain()
    wishes = [wish for player in campaign.players for wish in player.wishes]
    assert not order_fault(wishes)
    first, last = (next(wish for wish in some if wish.rpc == "Play" and wish.answer is not None) for some in (wishes, wishes[::-1]))
    first.answer, last.answer = last.answer, first.answer
    assert "was answered" in order_fault(wishes)
