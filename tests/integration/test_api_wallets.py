"""WalletService over the wire: transfers, the ledger, trial balance."""

from __future__ import annotations

import time
from typing import Any

import pytest
from grpc import StatusCode

from croupier.pb import wallet_service_pb2 as pb
from tests.integration.calling import EUR, Caller, new_id, new_wallet, refused
from tests.integration.serving import Serving


def withdraw(acme: Caller, wallet: str, amount_micros: int, **fields: Any) -> Any:
    fields = {"transfer_id": new_id(), **fields}
    return acme.call("WalletService.Withdraw", wallet=wallet, amount_micros=amount_micros, **fields).transfer


def all_pages(caller: Caller, method: str, items: str, size: int, **fields: Any) -> list[Any]:
    found, token = [], ""
    while True:
        page = caller.call(method, page_size=size, page_token=token, **fields)
        found += getattr(page, items)
        token = page.next_page_token
        if not token:
            return found


def test_money_in_and_out(acme: Caller) -> None:
    """A deposit opens the wallet, a withdrawal takes money out, and the wallet's sums say both."""
    wallet = new_wallet()
    deposit = acme.call("WalletService.Deposit", wallet=wallet, transfer_id=new_id(), amount_micros=5 * EUR, reference="card 1").transfer
    assert (deposit.kind, deposit.amount_micros, deposit.balance_micros) == (pb.TRANSFER_KIND_DEPOSIT, 5 * EUR, 5 * EUR)
    assert (deposit.revision, deposit.reference, deposit.currency_code) == (1, "card 1", "EUR")
    taken = withdraw(acme, wallet, 2 * EUR)
    assert (taken.kind, taken.amount_micros, taken.balance_micros) == (pb.TRANSFER_KIND_WITHDRAWAL, 2 * EUR, 3 * EUR)
    head = acme.head(wallet)
    assert (head.name, head.currency_code, head.balance_micros, head.revision) == (wallet, "EUR", 3 * EUR, 2)
    assert (head.deposited_micros, head.withdrawn_micros, head.staked_micros, head.paid_micros) == (5 * EUR, 2 * EUR, 0, 0)
    for transfer in (deposit, taken):
        assert acme.call("WalletService.GetTransfer", name=transfer.name).transfer == transfer


def test_what_a_transfer_may_not_be(acme: Caller) -> None:
    """Amounts, ids and references out of range, funds that are not there: each with its reason and field, and nothing changes (G1)."""
    wallet = new_wallet()
    known = acme.deposit(wallet, 5 * EUR)
    head = acme.head(wallet)
    invalid = (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "amount_micros")
    for amount in (0, -1, -EUR, 1, 9_999, EUR + 1, -(2**63)):
        assert refused(acme.deposit, wallet, amount)[:3] == invalid
        assert refused(withdraw, acme, wallet, amount)[:3] == invalid
    for call in (acme.deposit, lambda wallet, amount: withdraw(acme, wallet, amount)):
        said = refused(call, wallet, (2**63 - 1) // 10_000 * 10_000)
        assert said[:3] == (StatusCode.FAILED_PRECONDITION, "LIMIT_EXCEEDED", "amount_micros")
        assert said.metadata == {"limit_micros": "1000000000000"}
    said = refused(withdraw, acme, wallet, 5 * EUR + 10_000)
    assert said[:3] == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_FUNDS", "amount_micros")
    assert said.metadata == {"balance_micros": str(5 * EUR)}
    assert refused(withdraw, acme, wallet, EUR, reference="x" * 129)[:3] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "reference")
    used = known.name.rsplit("/", 1)[1]
    assert refused(withdraw, acme, wallet, 5 * EUR, transfer_id=used)[:3] == (StatusCode.ALREADY_EXISTS, "ID_REUSED", "transfer_id")
    assert refused(withdraw, acme, new_wallet(), EUR)[:3] == (StatusCode.NOT_FOUND, "WALLET_NOT_FOUND", "wallet")
    assert refused(acme.deposit, new_wallet(currency="ZZZ"), EUR)[:3] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "wallet")
    assert acme.head(wallet) == head


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "0199C4F0-0000-7000-8000-000000000000",
        "{0199c4f0-0000-7000-8000-000000000000}",
        "0199c4f000007000800000000000000",
        "0199c4f0-0000-4000-8000-000000000000",
        "0199c4f0-0000-7000-c000-000000000000",
        "0199c4f0-0000-7000-8000-00000000000",
        "0199c4f0-0000-7000-8000-0000000000000",
        "0199c4f0-0000-7000-8000-00000000000\n",
        "０199c4f0-0000-7000-8000-000000000000",  # noqa: RUF001
    ],
)
def test_an_id_is_a_uuid7_in_one_form(acme: Caller, malformed: str) -> None:
    """Anything but the canonical text of a UUIDv7 is refused: other versions and variants, capitals, braces, other digits."""
    wallet = new_wallet()
    said = refused(acme.call, "WalletService.Deposit", wallet=wallet, transfer_id=malformed, amount_micros=EUR)
    assert said[:3] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "transfer_id")
    assert refused(acme.head, wallet).reason == "WALLET_NOT_FOUND"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "operators/acme",
        "operators/acme/players/ann/wallets/eur",
        "operators/acme/players/ann/wallets/EURO",
        "operators/acme/players/ann/wallets/EUR/",
        "/operators/acme/players/ann/wallets/EUR",
        "operators/acme/players//wallets/EUR",
        "operators/acme/players/../wallets/EUR",
        "operators/acme/players/a b/wallets/EUR",
        "operators/acme/players/a\x00b/wallets/EUR",
        "operators/acme/players/ann\n/wallets/EUR",
        "operators/acme/players/änn/wallets/EUR",
        "operators/acme/players/ann%2F/wallets/EUR",
        f"operators/acme/players/{'x' * 65}/wallets/EUR",
        "operators/acme/players/ann/wallets/EUR' OR 1=1 --",
        "x" * 100_000,
        "\U0001f3b2" * 1_000,
    ],
)
def test_a_wallet_has_one_name(acme: Caller, name: str) -> None:
    """Odd characters, other separators and lengths out of range are refused by every method that takes a wallet."""
    for method, fields in {
        "GetWallet": {"name": name},
        "Deposit": {"wallet": name, "transfer_id": new_id(), "amount_micros": EUR},
        "ListEntries": {"wallet": name},
    }.items():
        said = refused(acme.call, f"WalletService.{method}", **fields)
        assert said[:3] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "name" if "name" in fields else "wallet")
        assert len(said.message) < 400


def test_ids_have_a_window(acme: Caller) -> None:
    """An id made before the dedupe window, or too far ahead, is refused, so that no id can be forgotten and used again."""
    now_ms, wallet = time.time_ns() // 1_000_000, new_wallet()
    for time_ms in (0, 1, now_ms - 31 * 86_400_000, now_ms + 600_000, 2**48 - 1):
        said = refused(acme.call, "WalletService.Deposit", wallet=wallet, transfer_id=new_id(time_ms), amount_micros=EUR)
        assert said[:3] == (StatusCode.INVALID_ARGUMENT, "ID_OUT_OF_WINDOW", "transfer_id")
    for time_ms in (now_ms - 29 * 86_400_000, now_ms + 200_000):
        acme.call("WalletService.Deposit", wallet=wallet, transfer_id=new_id(time_ms), amount_micros=EUR)


def test_the_ledger_holds_every_change(acme: Caller) -> None:
    """Revisions without gaps, a balance after each, one line for each change, newest first on pages of any size (G4, S11)."""
    wallet = new_wallet()
    acme.deposit(wallet, 10 * EUR)
    session = acme.open(wallet).session.name
    rounds = [acme.play(session) for _ in range(3)]
    acme.call("SessionService.SetClientSeed", session=session, client_seed="x")
    acme.call("SessionService.RotateSeed", session=session, seed_number=1)
    acme.call("SessionService.CloseSession", name=session)
    withdraw(acme, wallet, EUR)
    entries = acme.call("WalletService.ListEntries", wallet=wallet).entries
    assert [entry.revision for entry in entries] == list(range(9, 0, -1))
    kinds = [pb.EntryKind.Name(entry.kind).removeprefix("ENTRY_KIND_") for entry in reversed(entries)]
    assert kinds == [
        "DEPOSIT",
        "SESSION_OPENED",
        "ROUND",
        "ROUND",
        "ROUND",
        "CLIENT_SEED_SET",
        "SEED_ROTATED",
        "SESSION_CLOSED",
        "WITHDRAWAL",
    ]
    balance = 0
    for entry in reversed(entries):
        balance += entry.transfer_micros + entry.payout_micros - entry.stake_micros
        assert entry.balance_micros == balance
        assert entry.name == f"{wallet}/entries/{entry.revision}"
    assert [entry.reference_id for entry in entries[4:7]] == [round_.name.rsplit("/", 1)[1] for round_ in rounds[::-1]]
    assert entries[0].chain_hash == acme.head(wallet).chain_hash
    assert len({entry.chain_hash for entry in entries}) == 9
    for size in (1, 2, 9, 1_000):
        assert all_pages(acme, "WalletService.ListEntries", "entries", size, wallet=wallet) == list(entries)


def test_a_reference_is_the_operators_own(acme: Caller) -> None:
    """Up to 128 characters of any kind are kept as they came, and told again; it is part of what an id stands for."""
    wallet = new_wallet()
    for reference in ("", "card 1", "\x00\n\t", "' OR 1=1 --", "\U0001f3b2" * 128, "{}%s\\", "\u202e"):
        fields = {"wallet": wallet, "transfer_id": new_id(), "amount_micros": EUR, "reference": reference}
        made = acme.call("WalletService.Deposit", **fields).transfer
        assert made.reference == reference
        assert acme.call("WalletService.GetTransfer", name=made.name).transfer == made
        assert refused(acme.call, "WalletService.Deposit", **{**fields, "reference": reference[1:] + "!"}).reason == "ID_REUSED"


def test_transfers_are_listed_without_the_rest(acme: Caller) -> None:
    """Only deposits and withdrawals, newest first, page by page."""
    wallet = new_wallet()
    made = [acme.deposit(wallet, 10 * EUR)]
    session = acme.open(wallet).session.name
    for _ in range(3):
        acme.play(session)
        made += [acme.deposit(wallet, EUR), withdraw(acme, wallet, EUR)]
    for size in (1, 2, 3, 7, 100):
        assert all_pages(acme, "WalletService.ListTransfers", "transfers", size, wallet=wallet) == made[::-1]


def test_trial_balance(serving: Serving, acme: Caller) -> None:
    """Each tenant sees the sums of its own wallets by currency, which balance; an admin sees any tenant's (J2 in small)."""
    zenith = serving.caller("zenith")
    for currency, step in (("EUR", EUR), ("JPY", 1_000 * EUR)):
        wallet = new_wallet("zenith", currency)
        zenith.deposit(wallet, 10 * step)
        zenith.call("WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=step)
    sums = zenith.call("WalletService.GetTrialBalance", operator="operators/zenith").balances
    assert {one.currency_code for one in sums} >= {"EUR", "JPY"}
    assert all(one.drift_micros == 0 for one in sums)
    assert all(one.balance_micros == one.deposited_micros - one.withdrawn_micros - one.staked_micros + one.paid_micros for one in sums)
    admin = serving.caller("admin")
    assert admin.call("WalletService.GetTrialBalance", operator="operators/zenith").balances == sums
    assert not admin.call("WalletService.GetTrialBalance", operator="operators/nobody").balances
    said = refused(acme.call, "WalletService.GetTrialBalance", operator="operators/zenith")
    assert said[:3] == (StatusCode.PERMISSION_DENIED, "FORBIDDEN", "operator")


def test_no_money_from_player_to_player() -> None:
    """S10: a transfer names one wallet, and no other message of the API names two."""
    for message in pb.DESCRIPTOR.message_types_by_name.values():
        named = [field.name for field in message.fields if field.name in {"wallet", "name", "from", "to", "source", "destination"}]
        assert len(named) <= 1, f"{message.name} names {named}"
