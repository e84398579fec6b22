"""What is encoded and hashed natively, against protobuf's own encoder and against the definition of the hashes."""

from __future__ import annotations

import hashlib
import re
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from croupier import encoding
from croupier.model import Entry, EntryKind, Round, Step, WalletKey
from croupier.operations.play_round import RoundView, format_id
from croupier.pb import games_pb2
from croupier.pb import round_service_pb2 as pb
from croupier.services.convert import encoded_round
from tests.casino import blackjack_bet, dice_bet

IDS, HASHES = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
MICROS = st.integers(0, 2**63 - 1)
TIMES = st.integers(0, 2**45)
ACTION = games_pb2.Action.FromString(b"").SerializeToString()
steps = st.builds(Step, st.just(ACTION), st.just(games_pb2.Outcome().SerializeToString()), MICROS, MICROS, MICROS, MICROS, TIMES)
rounds = st.builds(
    Round,
    IDS,
    IDS,
    MICROS,
    HASHES,
    st.sampled_from([dice_bet(), blackjack_bet()]),
    st.integers(0, 2**31 - 1),
    HASHES,
    st.text(max_size=64),
    MICROS,
    st.binary(max_size=8),
    st.booleans(),
    st.lists(steps, min_size=1, max_size=4).map(tuple),
)
entries = st.builds(
    Entry,
    MICROS,
    st.integers(0, 2**32 - 1),
    st.sampled_from(EntryKind),
    IDS,
    IDS,
    st.integers(0, 2**32 - 1),
    MICROS,
    MICROS,
    st.integers(-(2**63), 2**63 - 1),
    MICROS,
    TIMES,
    HASHES,
    HASHES,
)


@given(rounds, st.data(), st.integers(1, 2**29 - 1))
def test_a_round_is_encoded_as_protobuf_encodes_it(round_: Round, data: st.DataObject, field: int) -> None:
    """Every field, in protobuf's own canonical bytes: what is said in Python with the generated class is what the native encoder writes."""
    number = data.draw(st.integers(0, len(round_.steps) - 1))
    wallet = WalletKey("acme", "ann", "EUR")
    expected = _message(RoundView(wallet, round_, number)).SerializeToString(deterministic=True)
    assert encoded_round(field, RoundView(wallet, round_, number)) == encoding.encode_field(field, expected)


def test_every_field_of_a_round_is_written() -> None:
    """The message of a round that has everything has every field that the proto names."""
    step = Step(ACTION, games_pb2.Outcome().SerializeToString(), 1, 2, 3, 4, 5_006)
    round_ = Round(bytes(16), bytes(16), 7, bytes(32), dice_bet(), 8, bytes(32), "client", 9, b"", True, (step, step))
    written = pb.PlayResponse.FromString(encoded_round(1, RoundView(WalletKey("a", "b", "EUR"), round_, 1))).round
    assert {field.name for field, _ in written.ListFields()} == {field.name for field in pb.Round.DESCRIPTOR.fields}


@given(st.integers(1, 2**29 - 1), st.binary(max_size=300))
def test_a_field_is_a_tag_a_length_and_its_bytes(number: int, encoded: bytes) -> None:
    """The wire format's definition, by hand."""
    assert encoding.encode_field(number, encoded) == _varint(number << 3 | 2) + _varint(len(encoded)) + encoded


@given(HASHES, entries)
def test_the_chain_hash_is_what_the_documentation_says(previous: bytes, entry: Entry) -> None:
    """SHA-256 over the hash before and every field, big-endian: a verifier needs nothing of ours."""
    *fields, _ = structs.astuple(entry)
    packed = struct.pack(">32sQIB16s16sIqqqqQ32s", previous, *fields)
    assert encoding.chain_hash(previous, *fields) == hashlib.sha256(packed).digest()


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_a_digest_is_over_parts_behind_their_lengths(parts: list[bytes]) -> None:
    """As the audit and other clients compute it."""
    assert encoding.digest(*parts) == hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


@given(st.one_of(st.uuids().map(str), st.text(max_size=40), st.from_regex(r"[0-9a-fA-F-]{36}", fullmatch=True)))
def test_only_a_canonical_uuid7_has_bytes(text: str) -> None:
    """Whatever is not a lower-case UUIDv7 is refused, and one has the bytes that the standard library reads."""
    canonical = re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
    assert encoding.uuid7_bytes(text) == (uuid.UUID(text).bytes if canonical else None)


@given(IDS)
def test_a_uuid7_survives_its_text_form(id_: bytes) -> None:
    """Bytes, text, bytes."""
    uuid7 = bytes((*id_[:6], id_[6] & 0x0F | 0x70, id_[7], id_[8] & 0x3F | 0x80, *id_[9:]))
    assert encoding.uuid7_bytes(format_id(uuid7)) == uuid7
    assert encoding.uuid7_bytes(format_id(uuid7).upper() + " ") is None


def test_what_does_not_fit_is_refused() -> None:
    """No value is cut or padded on its way into a hash."""
    fields = (1, 1, 3, bytes(16), bytes(16), 0, 0, 0, 0, 0, 0, bytes(32))
    with pytest.raises(ValueError, match="32 bytes are expected, not 31"):
        encoding.chain_hash(bytes(31), *fields)
    with pytest.raises(OverflowError):
        encoding.chain_hash(bytes(32), 2**64, *fields[1:])


def _message(view: RoundView) -> pb.Round:
    round_, step = view.round, view.round.steps[view.step]
    settled = round_.settled and view.step == len(round_.steps) - 1
    message = pb.Round(
        name=f"{view.wallet}/rounds/{format_id(round_.id)}",
        session_id=format_id(round_.session),
        number=round_.number,
        model=f"models/{round_.model.hex()}",
        state=pb.ROUND_STATE_SETTLED if settled else pb.ROUND_STATE_OPEN,
        step=view.step,
        bet=games_pb2.Bet.FromString(round_.bet),
        actions=[games_pb2.Action.FromString(taken.action) for taken in round_.steps[1 : view.step + 1]],
        outcome=games_pb2.Outcome.FromString(step.outcome),
        currency_code=view.wallet.currency,
        stake_micros=step.stake_micros,
        payout_micros=step.payout_micros,
        balance_before_micros=round_.balance_before_micros,
        balance_micros=step.balance_micros,
        revision=step.revision,
        seed_number=round_.seed_number,
        server_seed_hash=round_.commitment.hex(),
        client_seed=round_.client_seed,
    )
    message.create_time.FromMilliseconds(round_.steps[0].time_ms)
    if settled:
        message.settle_time.FromMilliseconds(step.time_ms)
    return message


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes((low | 0x80,)) + _varint(rest) if rest else bytes((low,))
