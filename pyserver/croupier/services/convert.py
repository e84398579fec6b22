"""From the server's values to croupier.v1 messages. Deterministic: a stored row always gives the same bytes."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import structs
from msgspec.structs import astuple

from croupier.currencies import STEP_MICROS
from croupier.encoding import encode_round
from croupier.model import Entry, EntryKind, Round, Seed, Session, TransferKind, Wallet, WalletKey
from croupier.operations import seeds
from croupier.operations.open_session import SessionView
from croupier.operations.play_round import RoundView, format_id
from croupier.operations.transfer import TransferView
from croupier.pb import round_service_pb2, session_service_pb2, wallet_service_pb2
from croupier.services import names
from croupier.stores.store import WalletSums

_Answer = round_service_pb2.PlayResponse
_ROUND = _Answer.ROUND_FIELD_NUMBER

_TRANSFER_KINDS = {kind: wallet_service_pb2.TransferKind.Name(kind.value) for kind in TransferKind}
_ENTRY_KINDS = {kind: wallet_service_pb2.EntryKind.Name(kind.value) for kind in EntryKind}


def round_message(view: RoundView) -> round_service_pb2.Round:
    """A round as it stood after `view.step`."""
    return _Answer.FromString(encoded_round(_ROUND, view)).round


def encoded_round(field: int, view: RoundView) -> bytes:
    """`round_message` as that field of a message around it, encoded. Bet, actions and outcome are stored encoded and go in as they are: parsing them only to
    encode them again would cost as much as all other fields together.
    """
    round_, number = view.round, view.step
    steps = round_.steps
    step = steps[number]
    return encode_round(
        field,
        names.wallet_name(view.wallet),
        view.wallet.currency,
        astuple(round_),
        astuple(step),
        [taken.action for taken in steps[1 : number + 1]],
        steps[0].time_ms,
        round_.settled and number == len(steps) - 1,
    )


def last_step(wallet: WalletKey, round_: Round) -> RoundView:
    """A round as it stands now."""
    return RoundView(wallet, round_, len(round_.steps) - 1)


def session_message(view: SessionView) -> session_service_pb2.Session:
    """A session with its wallet's balance."""
    session = view.session
    message = session_service_pb2.Session(
        name=names.session_name(view.wallet, session.id),
        game=f"games/{session.game}",
        model=f"models/{session.model.hex()}",
        state=session_service_pb2.SESSION_STATE_CLOSED if session.close_time_ms else session_service_pb2.SESSION_STATE_OPEN,
        rounds=session.rounds,
        open_round=names.round_name(view.wallet, session.open_round) if session.open_round else "",
        seed=seed_message(seed_in_force(session)),
        next_server_seed_hash=session.next_seed.commitment.hex(),
        currency_code=view.wallet.currency,
        balance_micros=view.balance_micros,
        step_micros=STEP_MICROS[view.wallet.currency],
        create_time=timestamp(session.create_time_ms),
    )
    if session.close_time_ms:
        message.close_time.CopyFrom(timestamp(session.close_time_ms))
    return message


def seed_in_force(session: Session) -> Seed:
    """A session's seed with the last round that it was used for."""
    return structs.replace(session.seed, last_round=seeds.last_round(session))


def seed_message(seed: Seed) -> session_service_pb2.Seed:
    """A seed; the server seed itself only once it was revealed."""
    message = session_service_pb2.Seed(
        number=seed.number,
        server_seed_hash=seed.commitment.hex(),
        server_seed=seed.revealed.hex(),
        client_seed=seed.client_seed,
        first_round=seed.first_round,
        last_round=seed.last_round,
        create_time=timestamp(seed.create_time_ms),
    )
    if seed.reveal_time_ms:
        message.reveal_time.CopyFrom(timestamp(seed.reveal_time_ms))
    return message


def wallet_message(key: WalletKey, wallet: Wallet) -> wallet_service_pb2.Wallet:
    """A wallet's head."""
    return wallet_service_pb2.Wallet(
        name=str(key),
        currency_code=key.currency,
        balance_micros=wallet.balance_micros,
        revision=wallet.revision,
        chain_hash=wallet.chain_hash.hex(),
        deposited_micros=wallet.deposited_micros,
        withdrawn_micros=wallet.withdrawn_micros,
        staked_micros=wallet.staked_micros,
        paid_micros=wallet.paid_micros,
    )


def transfer_message(view: TransferView) -> wallet_service_pb2.Transfer:
    """A transfer."""
    transfer = view.transfer
    return wallet_service_pb2.Transfer(
        name=names.transfer_name(view.wallet, transfer.id),
        kind=_TRANSFER_KINDS[transfer.kind],
        currency_code=view.wallet.currency,
        amount_micros=transfer.amount_micros,
        balance_micros=transfer.balance_micros,
        revision=transfer.revision,
        reference=transfer.reference,
        create_time=timestamp(transfer.time_ms),
    )


def entry_message(key: WalletKey, entry: Entry) -> wallet_service_pb2.Entry:
    """A line of the ledger."""
    return wallet_service_pb2.Entry(
        name=f"{key}/entries/{entry.revision}",
        revision=entry.revision,
        kind=_ENTRY_KINDS[entry.kind],
        reference_id=format_id(entry.reference),
        step=entry.step,
        currency_code=key.currency,
        stake_micros=entry.stake_micros,
        payout_micros=entry.payout_micros,
        transfer_micros=entry.transfer_micros,
        balance_micros=entry.balance_micros,
        create_time=timestamp(entry.time_ms),
        chain_hash=entry.chain_hash.hex(),
        session_id=format_id(entry.session) if any(entry.session) else "",
        detail_hash=entry.detail.hex(),
        epoch=entry.epoch,
    )


def trial_balance_message(sums: WalletSums) -> wallet_service_pb2.TrialBalance:
    """Sums of one currency, and their drift."""
    expected = sums.deposited_micros - sums.withdrawn_micros - sums.staked_micros + sums.paid_micros
    return wallet_service_pb2.TrialBalance(
        currency_code=sums.currency,
        wallets=sums.wallets,
        deposited_micros=sums.deposited_micros,
        withdrawn_micros=sums.withdrawn_micros,
        staked_micros=sums.staked_micros,
        paid_micros=sums.paid_micros,
        balance_micros=sums.balance_micros,
        drift_micros=sums.balance_micros - expected,
    )


def timestamp(time_ms: int) -> Timestamp:
    """A time on the wire."""
    return Timestamp(seconds=time_ms // 1000, nanos=time_ms % 1000 * 1_000_000)
