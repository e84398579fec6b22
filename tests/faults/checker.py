"""Compares what players were told with what a store holds, from its own rows, without the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from google.protobuf.message import Message
from msgspec import Struct

from croupier.errors import StoreFailed, StoreUnusable
from croupier.model import Entry, EntryKind, Key, Kind, Round, State, Transfer, Wallet, WalletKey
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
_KEYS = 200


class Findings(Struct):
    """What the comparison came to."""

    rounds: int = 0
    """Acknowledged."""
    lost: int = 0
    """Acknowledged and not there, or there with other bytes."""
    double: int = 0
    """There twice, or unasked for, or there although refused."""
    drift: int = 0
    """Wallets whose balance, revisions or chain don't add up, or whose order is not that of real time."""
    unresolved: int = 0
    """Nobody knows, even at the end."""
    examples: list[str] = []

    @property
    def is_clean(self) -> bool:
        """Nothing was broken."""
        return not (self.lost or self.double or self.drift or self.unresolved)


class Evidence(NamedTuple):
    """What a store holds of one wallet, as far as its players asked for it."""

    key: WalletKey
    head: object
    entries: list[Entry]
    rows: State
    """The rounds and transfers that were asked for."""

    def row(self, kind: Kind, id_: str) -> object:
        """One of them."""
        return self.rows.get(Key(self.key, kind, UUID(id_).bytes))


def compare(data: Path, players: Sequence[Player]) -> Findings:
    """Checks every wallet of the players against a data folder."""
    findings = Findings()
    try:
        with closing(open_snapshot(data / "croupier.db")) as reads:
            for name, own in wishes_by_wallet(players).items():
                check_wallet(drive(evidence_of(reads, wallet_key_of(name), own)), own, findings)
    except (StoreFailed, StoreUnusable) as error:
        findings.drift += 1
        findings.examples.append(str(error))
    return findings


def wishes_by_wallet(players: Sequence[Player]) -> dict[str, list[Wish]]:
    """All that was asked of each wallet."""
    wishes: dict[str, list[Wish]] = {}
    for player in players:
        wishes.setdefault(player.wallet, []).extend(player.wishes)
    return wishes


async def evidence_of(reads: Reads, key: WalletKey, wishes: Sequence[Wish]) -> Evidence:
    """Reads what is stored of a wallet while nobody writes."""
    head = (await reads.load([wallet_key(key)]))[wallet_key(key)]
    entries: list[Entry] = []
    while page := await reads.entries(EntryQuery(key, _PAGE, after_revision=entries[-1].revision if entries else 0, oldest_first=True)):
        entries += page
    named = {Key(key, named[0], UUID(named[1]).bytes): None for wish in wishes if (named := _named(wish))}
    keys, rows = list(named), State()
    for first in range(0, len(keys), _KEYS):
        rows |= await reads.load(keys[first : first + _KEYS])
    return Evidence(key, head, entries, rows)


def check_wallet(evidence: Evidence, wishes: Sequence[Wish], findings: Findings) -> None:
    """Compares what is stored of a wallet with what its players were told, and adds what is wrong to `findings`."""
    entries = evidence.entries
    for fault in (_ledger_fault(evidence.key, evidence.head, entries), order_fault(wishes)):
        if fault:
            _note(findings, "drift", f"{evidence.key}: {fault}")
    there = Counter((EntryKind(entry.kind), entry.reference, entry.step) for entry in entries)
    wanted = {effect: wish for wish in wishes if (effect := effect_of(wish)) is not None and _is_in_force(effect, wish, evidence)}
    for effect, count in there.items():
        if effect[0] in (EntryKind.SEED_ROTATED, EntryKind.CLIENT_SEED_SET):
            continue
        if count > 1 or effect not in wanted:
            _note(findings, "double", f"{count} entries of {effect[0].name} {effect[1].hex()} step {effect[2]}")
    findings.rounds += sum(isinstance(wish.answer, rounds.Round) and wish.rpc == "Play" for wish in wishes)
    for wish in wishes:
        effect = effect_of(wish)
        if effect is not None:
            _check_wish(evidence, wish, findings, is_there=effect in there and wanted.get(effect) is wish)


def _check_wish(evidence: Evidence, wish: Wish, findings: Findings, *, is_there: bool) -> None:
    if wish.answer is not None:
        if not is_there or not _is_as_told(evidence, wish):
            _note(findings, "lost", f"{wish.rpc} was answered {wish.answer}")
    elif not wish.is_settled:
        _note(findings, "unresolved", f"{wish.rpc} {wish.request}")
    elif is_there:
        _note(findings, "double", f"{wish.rpc} {wish.request} was refused ({wish.refusal}) and is there")


def order_fault(wishes: Sequence[Wish]) -> str:
    """What was asked for after an answer had come has a later revision than that answer; says where it has not."""
    answered = [(wish.attempts[0].sent_ns, wish.answered_ns, revision) for wish in wishes if (revision := revision_of(wish))]
    ends = sorted((returned, revision) for _, returned, revision in answered)
    newest, position = 0, 0
    for sent, _, revision in sorted(answered):
        while position < len(ends) and ends[position][0] < sent:
            newest = max(newest, ends[position][1])
            position += 1
        if revision < newest:
            return f"revision {revision} was asked for after {newest} was answered"
    return ""


def revision_of(wish: Wish) -> int:
    """The revision that an answer names; 0 if there is none."""
    return wish.answer.revision if isinstance(wish.answer, rounds.Round | wallets.Transfer) else 0


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


def _is_as_told(evidence: Evidence, wish: Wish) -> bool:
    """Whether a stored row, put into the answer's form, gives the same bytes."""
    answer = wish.answer
    stored: Message
    if isinstance(answer, rounds.Round):
        row = evidence.row("round", answer.name.rpartition("/")[2])
        if not isinstance(row, Round) or len(row.steps) <= answer.step:
            return False
        stored = round_message(RoundView(evidence.key, row, answer.step))
    elif isinstance(answer, wallets.Transfer):
        row = evidence.row("transfer", answer.name.rpartition("/")[2])
        if not isinstance(row, Transfer):
            return False
        stored = transfer_message(TransferView(evidence.key, row))
    else:
        return True
    return encoded(stored) == encoded(answer)


def _is_in_force(effect: Effect, wish: Wish, evidence: Evidence) -> bool:
    """Of several wishes for one id, or one step of a round, the one whose content is what was done."""
    named = _named(wish)
    row = evidence.row(*named) if named else None
    match wish.request:
        case rounds.PlayRequest(bet=bet):
            return isinstance(row, Round) and row.bet == bet.SerializeToString()
        case rounds.ActRequest(action=action):
            return isinstance(row, Round) and effect[2] < len(row.steps) and row.steps[effect[2]].action == action.SerializeToString()
        case wallets.DepositRequest(amount_micros=amount) | wallets.WithdrawRequest(amount_micros=amount):
            return isinstance(row, Transfer) and row.amount_micros == amount
        case _:
            return True


def _named(wish: Wish) -> tuple[Kind, str] | None:
    """The row that a wish names."""
    match wish.request:
        case rounds.PlayRequest(round_id=id_):
            return "round", id_
        case rounds.ActRequest(round=name):
            return "round", name.rpartition("/")[2]
        case wallets.DepositRequest(transfer_id=id_) | wallets.WithdrawRequest(transfer_id=id_):
            return "transfer", id_
        case _:
            return None


def effect_of(wish: Wish) -> Effect | None:
    """What it does once to the ledger; None for what may be done again."""
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


def wallet_key_of(name: str) -> WalletKey:
    """The key of a wallet, from its name."""
    _, operator, _, player, _, currency = name.split("/")
    return WalletKey(operator, player, currency)
