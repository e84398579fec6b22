"""Transfers, decided: the order of refusals, repeated calls, limits; and no way from one player to another."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from croupier.errors import Refusal
from croupier.model import TransferKind, WalletKey
from croupier.operations import change_session, open_session, play_round, transfer
from croupier.operations.transfer import MakeTransfer, TransferView
from tests.casino import EUR, NOW_MS, WALLET, Desk, uuid7

DEPOSIT, WITHDRAWAL = TransferKind.DEPOSIT, TransferKind.WITHDRAWAL
BOB, YEN, NOWHERE = WalletKey("acme", "bob", "EUR"), WalletKey("acme", "ann", "JPY"), WalletKey("acme", "ann", "ZZZ")
LIMITS: dict[str, Any] = {"max_transfer_micros": 50 * EUR, "max_balance_micros": 100 * EUR}


@pytest.mark.parametrize(
    ("wallet", "kind", "amount_micros", "is_old", "expected", "field"),
    [
        (NOWHERE, WITHDRAWAL, -1, True, "ID_OUT_OF_WINDOW", "transfer_id"),
        (NOWHERE, WITHDRAWAL, -1, False, "FIELD_INVALID", "wallet"),
        (BOB, WITHDRAWAL, 0, False, "FIELD_INVALID", "amount_micros"),
        (BOB, DEPOSIT, -EUR, False, "FIELD_INVALID", "amount_micros"),
        (BOB, DEPOSIT, 1, False, "FIELD_INVALID", "amount_micros"),
        (YEN, DEPOSIT, EUR + 10_000, False, "FIELD_INVALID", "amount_micros"),
        (BOB, WITHDRAWAL, 51 * EUR, False, "LIMIT_EXCEEDED", "amount_micros"),
        (BOB, WITHDRAWAL, EUR, False, "WALLET_NOT_FOUND", "wallet"),
        (WALLET, WITHDRAWAL, 41 * EUR, False, "INSUFFICIENT_FUNDS", "amount_micros"),
        (WALLET, DEPOSIT, 50 * EUR, False, "ok", ""),
        (WALLET, WITHDRAWAL, 40 * EUR, False, "ok", ""),
        (BOB, DEPOSIT, 10_000, False, "ok", ""),
    ],
)
def test_refusals_in_order(wallet: WalletKey, kind: TransferKind, amount_micros: int, is_old: object, expected: str, field: str) -> None:
    """What is wrong first in the documented order is told with its field; a refused transfer changes nothing, a taken one its wallet alone."""
    desk = Desk(**LIMITS)
    desk.deposit(40 * EUR)
    before = desk.head()
    id_ = uuid7(NOW_MS - 40 * 86_400_000 if is_old else NOW_MS, desk.chance)
    (result,) = desk.results(MakeTransfer(wallet, id_, kind, amount_micros, "ref"))
    assert (result.reason, result.field) == (expected, field) if isinstance(result, Refusal) else expected == "ok"
    assert (desk.head() == before) is (expected != "ok" or wallet != WALLET)


def test_a_balance_has_a_limit() -> None:
    """A deposit that would lift the balance over its limit is refused, with the limit named."""
    desk = Desk(**LIMITS)
    desk.deposit(50 * EUR)
    desk.deposit(50 * EUR)
    (result,) = desk.results(MakeTransfer(WALLET, desk.id(), DEPOSIT, 10_000, ""))
    assert isinstance(result, Refusal) and result.metadata == {"limit_micros": str(100 * EUR)}


def test_the_same_id_is_one_transfer() -> None:
    """S4: repeating a transfer gives its stored answer with the balance as it was then; any other content under the id is ID_REUSED."""
    desk = Desk()
    first = desk.deposit(5 * EUR)
    desk.deposit(7 * EUR)
    desk.now_ms += 50 * 86_400_000
    command = MakeTransfer(WALLET, first.transfer.id, DEPOSIT, 5 * EUR, "")
    assert desk.run(command, TransferView) == first
    others = [structs.replace(command, **change) for change in ({"amount_micros": 6 * EUR}, {"kind": WITHDRAWAL}, {"reference": "x"})]
    assert [getattr(one, "reason", "") for one in desk.results(*others)] == ["ID_REUSED"] * 3
    assert desk.head().balance_micros == 12 * EUR


def test_wallets_are_apart() -> None:
    """S10: a transfer names one wallet and moves money between it and the operator; the same id in another wallet is another transfer."""
    desk = Desk()
    id_ = desk.id()
    desk.deposit(5 * EUR, id_=id_)
    desk.deposit(3 * EUR, wallet=BOB, id_=id_)
    desk.deposit(4 * EUR, wallet=YEN, id_=id_)
    assert [desk.head(key).balance_micros for key in (WALLET, BOB, YEN)] == [5 * EUR, 3 * EUR, 4 * EUR]


def test_no_command_names_two_wallets() -> None:
    """S10: there is no command that could take money from one player to another: each has one wallet, its own."""
    commands = [
        kind
        for module in (transfer, play_round, open_session, change_session)
        for kind in vars(module).values()
        if isinstance(kind, type) and hasattr(kind, "decide") and hasattr(kind, "keys")
    ]
    assert len(commands) >= 6
    for kind in commands:
        assert [name for name, type_ in kind.__annotations__.items() if "WalletKey" in str(type_)] == ["wallet"], kind
