"""Compares what players were told with what a data folder holds, from its own rows, without the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

from google.protobuf.message import Message
from msgspec import Struct

from croupier.errors import StoreFailed, StoreUnusable
from croupier.model import Entry, EntryKind, Key, Kind, Round, Transfer, Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.command import wallet_key
from croupier.operations.play_round import RoundView
from croupier.operations.transfer import TransferView
from croupier.services.convert import round_message, transfer_message
from croupier.stores.sqlite import open_snapshot
from croupier.stores.store import EntryQuery, Reads, drive
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions
from croupier_client.pb import wallet_service_pb2 as wallets
from tests.casino import chain_fault
from tests.faults.wishes import Player, Wish, encoded

Effect = tuple[EntryKind, bytes, int]
"""What a wish does once: the entry's kind, reference and step."""
_PAGE = 10_000


class Findings(Struct):
    """What the comparison came to."""

    rounds: int = 0
    """Acknowledged."""
    lost: int = 0
    """Acknowledged and not there, or there with other bytes."""
    double: int = 0
    """There twice, or unasked for, or there although refused."""
    drift: int = 0
    """Wallets whose balance, revisions or chain don't add up."""
    unresolved: int = 0
    """Nobody knows, even at the end."""
    examples: list[str] = []

    @property
    def is_clean(self) -> bool:
        """Nothing was broken."""
        return not (self.lost or self.double or self.drift or self.unresolved)


def compare(data: Path, players: Sequence[Player]) -> Findings:
    """Checks every wallet of the players."""
    findings = Findings()
    wishes: dict[str, list[Wish]] = {}
    for player in players:
        wishes.setdefault(player.wallet, []).extend(player.wishes)
    try:
        with closing(open_snapshot(data / "croupier.db")) as reads:
            for name, own in wishes.items():
                _check_wallet(reads, _key(name), own, findings)
    except (StoreFailed, StoreUnusable) as error:
        findings.drift += 1
        findings.examples.append(str(error))
    return findings


def _check_wallet(reads: Reads, key: WalletKey, wishes: list[Wish], findings: Findings) -> None:
    entries = list(_entries(reads, key))
    head = drive(reads.load([wallet_key(key)]))[wallet_key(key)]
    fault = _ledger_fault(key, head, entries)
    if fault:
        findings.drift += 1
        findings.examples.append(f"drift of {key}: {fault}")
    there = Counter((EntryKind(entry.kind), entry.reference, entry.step) for entry in entries)
    wanted = {effect: wish for wish in wishes if (effect := _effect(wish)) is not None and _is_in_force(effect, wish, reads, key)}
    for effect, count in there.items():
        if effect[0] in (EntryKind.SEED_ROTATED, EntryKind.CLIENT_SEED_SET):
            continue
        if count > 1 or effect not in wanted:
            _note(findings, "double", f"{count} entries of {effect[0].name} {effect[1].hex()} step {effect[2]}")
    for wish in wishes:
        effect = _effect(wish)
        if isinstance(wish.answer, rounds.Round) and wish.rpc == "Play":
            findings.rounds += 1
        if effect is None:
            continue
        is_there = effect in there and wanted.get(effect) is wish
        if wish.answer is not None:
            if not is_there or not _is_as_told(reads, key, wish):
                _note(findings, "lost", f"{wish.rpc} was answered {wish.answer}")
        elif not wish.is_settled:
            _note(findings, "unresolved", f"{wish.rpc} {wish.request}")
        elif is_there:
            _note(findings, "double", f"{wish.rpc} {wish.request} was refused ({wish.refusal}) and is there")


def _note(findings: Findings, what: str, example: str) -> None:
    setattr(findings, what, getattr(findings, what) + 1)
    if len(findings.examples) < 10:
        findings.examples.append(f"{what}: {example[:400]}")


def _ledger_fault(key: WalletKey, head: object, entries: list[Entry]) -> str:
    if not isinstance(head, Wallet):
        return "entries without a wallet" if entries else ""
    if ledger.drift_micros(head):
        return f"a drift of {ledger.drift_micros(head)} micros"
    if not entries or (head.revision, head.balance_micros, head.chain_hash) != (
        entries[-1].revision,
        entries[-1].balance_micros,
        entries[-1].chain_hash,
    ):
        return f"the head at revision {head.revision} is not where the ledger of {len(entries)} entries ends"
    return chain_fault(key, head.create_time_ms, entries)


def _entries(reads: Reads, key: WalletKey) -> Iterator[Entry]:
    revision = 0
    while page := drive(reads.entries(EntryQuery(key, _PAGE, after_revision=revision, oldest_first=True))):
        yield from page
        revision = page[-1].revision


def _is_as_told(reads: Reads, key: WalletKey, wish: Wish) -> bool:
    """Whether a stored row, put into the answer's form, gives the same bytes."""
    answer = wish.answer
    stored: Message
    if isinstance(answer, rounds.Round):
        row = _row(reads, key, "round", answer.name.rpartition("/")[2])
        if not isinstance(row, Round) or len(row.steps) <= answer.step:
            return False
        stored = round_message(RoundView(key, row, answer.step))
    elif isinstance(answer, wallets.Transfer):
        row = _row(reads, key, "transfer", answer.name.rpartition("/")[2])
        if not isinstance(row, Transfer):
            return False
        stored = transfer_message(TransferView(key, row))
    else:
        return True
    return encoded(stored) == encoded(answer)


def _is_in_force(effect: Effect, wish: Wish, reads: Reads, key: WalletKey) -> bool:
    """Of several wishes for one step of a round, the one whose action was taken."""
    if not isinstance(wish.request, rounds.ActRequest):
        return True
    row = _row(reads, key, "round", wish.request.round.rpartition("/")[2])
    action = wish.request.action.SerializeToString()
    return isinstance(row, Round) and effect[2] < len(row.steps) and row.steps[effect[2]].action == action


def _row(reads: Reads, key: WalletKey, kind: Kind, id_: str) -> object:
    row_key = Key(key, kind, UUID(id_).bytes)
    return drive(reads.load([row_key]))[row_key]


def _effect(wish: Wish) -> Effect | None:
    match wish.request:
        case rounds.PlayRequest(round_id=id_):
            return EntryKind.ROUND, UUID(id_).bytes, 0
        case rounds.ActRequest(round=name, step=step):
            return EntryKind.ROUND, UUID(name.rpartition("/")[2]).bytes, step
        case wallets.DepositRequest(transfer_id=id_):
            return EntryKind.DEPOSIT, UUID(id_).bytes, 0
        case wallets.WithdrawRequest(transfer_id=id_):
            return EntryKind.WITHDRAWAL, UUID(id_).bytes, 0
        case sessions.OpenSessionRequest(session_id=id_):
            return EntryKind.SESSION_OPENED, UUID(id_).bytes, 0
        case _:
            return None


def _key(name: str) -> WalletKey:
    _, operator, _, player, _, currency = name.split("/")
    return WalletKey(operator, player, currency)
