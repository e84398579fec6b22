"""Ids, amounts, names and errors of the Python client."""

from __future__ import annotations

import threading
import uuid
from decimal import Decimal

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # pyright: ignore[reportMissingTypeStubs]

from croupier_client import errors, ids, money, names
from croupier_client.pb import errors_pb2


def test_ids_are_uuid7_and_sort_in_the_order_they_were_made() -> None:
    """RFC 9562: version 7, variant 2, time in front; 20,000 ids of four threads are distinct and each thread's own ascend."""
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(ids.new_id() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in made:
        assert mine == sorted(mine)
    assert len({id_ for mine in made for id_ in mine}) == 20_000
    parsed = uuid.UUID(made[0][0])
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_an_id_carries_its_time() -> None:
    """The time that the server's window looks at is the one that the id was made with."""
    assert ids.time_of(ids.format_id(1_764_000_000_123, 5)) == 1_764_000_000_123
    assert uuid.UUID(ids.format_id(0x017F22E279B0, (0xCC3 << 62) | 0x18C4DC0C0C07398F)) == uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("1.25", 1_250_000), (Decimal("0.000001"), 1), (7, 7_000_000), ("-3", -3_000_000), ("9223372036854.775807", 2**63 - 1)],
)
def test_amounts_become_micros_exactly(amount: Decimal | int | str, expected: int) -> None:
    """Units become micros without rounding, and back."""
    assert money.micros(amount) == expected
    assert money.units(expected) == Decimal(amount)


@pytest.mark.parametrize("amount", [1.25, True])
def test_floats_are_no_amounts(amount: object) -> None:
    """A float is refused whatever its value."""
    with pytest.raises(TypeError, match="Decimal"):
        money.micros(amount)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("amount", ["0.0000001", "1.00000000000000000000000000000000000001", "NaN", "Infinity", "ten", "1" * 70])
def test_amounts_that_are_not_whole_micros_are_refused(amount: str) -> None:
    """Nothing is rounded silently."""
    with pytest.raises(ValueError, match="is not"):
        money.micros(amount)


def test_amounts_for_people() -> None:
    """Two decimals at least, more where the amount has them."""
    assert money.show(1_250_000, "EUR") == "1.25 EUR"
    assert money.show(-1_234_500_001, "BTC") == "-1,234.500001 BTC"


def test_names_lead_to_their_wallet() -> None:
    """A session's, round's and wallet's name all name the wallet they belong to."""
    wallet = names.wallet_name("demo", "alice", "EUR")
    assert wallet == "operators/demo/players/alice/wallets/EUR"
    for name in (wallet, names.session_name(wallet, "s"), names.round_name(wallet, "r"), names.transfer_name(wallet, "t")):
        assert names.wallet_of(name) == wallet
    assert names.id_of(names.round_name(wallet, "r")) == "r"


def test_every_reason_has_a_class() -> None:
    """Each member of errors.proto's ErrorReason is typed, and none beside them."""
    in_proto = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert set(errors.reasons()) == in_proto


def _failed(code: grpc.StatusCode, status: bytes) -> grpc.aio.AioRpcError:
    """A failed call as grpc.aio raises it."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(("grpc-status-details-bin", status)), "what is wrong")


def _packed(*details: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo) -> bytes:
    packed: list[any_pb2.Any] = []
    for detail in details:
        any_ = any_pb2.Any()
        any_.Pack(detail)
        packed.append(any_)
    return status_pb2.Status(code=9, message="what is wrong", details=packed).SerializeToString()


def test_the_details_of_a_status_become_a_typed_error() -> None:
    """Reason, metadata, field and delay are read from grpc-status-details-bin."""
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(1_500)
    status = _packed(
        error_details_pb2.ErrorInfo(reason="ROUND_OPEN", domain="croupier.v1", metadata={"round": "operators/o/…/rounds/r"}),
        error_details_pb2.BadRequest(field_violations=[error_details_pb2.BadRequest.FieldViolation(field="session")]),
        retry,
    )
    error = errors.error_of_call(_failed(grpc.StatusCode.FAILED_PRECONDITION, status))
    assert isinstance(error, errors.RoundOpen)
    assert isinstance(error, errors.PreconditionFailed)
    assert error.round == "operators/o/…/rounds/r"
    assert (error.field, error.retry_after_s, error.code) == ("session", 1.5, grpc.StatusCode.FAILED_PRECONDITION)
    assert str(error) == "FAILED_PRECONDITION ROUND_OPEN (session): what is wrong"


def test_a_damaged_status_is_still_an_error() -> None:
    """Details that are no google.rpc.Status leave the code and the message."""
    error = errors.error_of_call(_failed(grpc.StatusCode.UNAVAILABLE, b"\xff\xff"))
    assert isinstance(error, errors.Unavailable)
    assert error.reason == ""


def test_a_refusal_carries_what_a_failed_call_would() -> None:
    """One play of a batch fails with the same class and facts as a call of its own."""
    refusal = errors_pb2.Refusal(
        code=9, reason=errors_pb2.ERROR_REASON_INSUFFICIENT_FUNDS, message="too little", field="bet", metadata={"balance_micros": "40000"}
    )
    error = errors.error_of_refusal(refusal)
    assert isinstance(error, errors.InsufficientFunds)
    assert (error.balance_micros, error.field, error.code) == (40_000, "bet", grpc.StatusCode.FAILED_PRECONDITION)
