"""Says what a run broke: the promises of the round protocol, checked against what the store holds and what players were told.

Each fault begins with its kind: lost (told and not there), double (there twice, or unasked for), drift (money, revisions, chain), reroll (an outcome that
changed), order (against real time, or two rounds at once), unresolved (nobody knows).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from croupier.model import Entry, EntryKind, Key, Round, Row, Seed, Session, Wallet, WalletKey, seed_key
from croupier.operations import ledger
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession
from croupier.operations.command import Command, wallet_key
from croupier.operations.house import House
from croupier.operations.open_session import OpenSession
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.stores.memory import MemoryStore
from croupier.stores.store import EntryQuery, drive
from tests.casino import ALL_ENTRIES, chain_fault, stored_answer
from tests.simulation.clients import Intent, Player, drawn

Effect = tuple[EntryKind, bytes, int]
"""What a call with an id does once: the entry's kind, reference and step."""
_UNNAMED = (EntryKind.SEED_ROTATED, EntryKind.CLIENT_SEED_SET)
"""Entries of calls without an id of their own."""


class Evidence:
    """What one wallet's partition holds at the end."""

    def __init__(self, store: MemoryStore, key: WalletKey) -> None:
        self.key = key
        self.rows: dict[Key, Row] = {row_key: row for row_key, row in store._rows.items() if row_key.wallet == key}
        self.entries = drive(store.entries(EntryQuery(key, ALL_ENTRIES, oldest_first=True)))

    def of(self, kind: str) -> list[Row]:
        """All rows of a kind."""
        return [row for key, row in self.rows.items() if key.kind == kind]


def faults_of(store: MemoryStore, house: House, player: Player) -> Iterator[str]:
    """Everything that is wrong with one player's wallet."""
    evidence = Evidence(store, player.wallet)
    yield from _money(evidence)
    yield from _effects(evidence, player.intents)
    yield from _answers(evidence, player.intents)
    yield from _real_time(player.intents)
    yield from _rounds(evidence, house)


def _money(evidence: Evidence) -> Iterator[str]:
    """Head, entries, chain and epochs agree."""
    head = evidence.rows.get(wallet_key(evidence.key))
    if not isinstance(head, Wallet):
        if evidence.entries:
            yield "drift: entries without a wallet"
        return
    fault = chain_fault(evidence.key, head.create_time_ms, evidence.entries)
    if fault:
        yield f"drift: {fault}"
        return
    last = evidence.entries[-1]
    if (head.revision, head.balance_micros, head.chain_hash) != (last.revision, last.balance_micros, last.chain_hash):
        yield f"drift: the head {head} is not where the ledger ends, {last}"
    if ledger.drift_micros(head):
        yield f"drift: {ledger.drift_micros(head)} micros"
    epochs = Counter(entry.epoch for entry in evidence.entries)
    if set(epochs) != set(range(1, head.epoch + 1)) or max(epochs.values()) > 9:
        yield f"drift: epochs have {dict(epochs)} entries, the head is in epoch {head.epoch}"


def _effects(evidence: Evidence, intents: list[Intent]) -> Iterator[str]:
    """Every call has one effect at most, one exactly if it was answered, none if it was refused; nothing is there that nobody asked for."""
    wanted: dict[tuple[Effect, bytes], list[Intent]] = {}
    for intent in intents:
        effect = _effect(intent.command)
        if effect is not None:
            wanted.setdefault((effect, getattr(intent.command, "action", b"")), []).append(intent)
    there = Counter((entry.kind, entry.reference, entry.step) for entry in evidence.entries)
    counts = {(effect, _action(evidence, effect)): count for effect, count in there.items() if effect[0] not in _UNNAMED}
    for (effect, _), count in counts.items():
        if count > 1:
            yield f"double: {count} entries for {_name(effect)}"
    for effect, _ in counts.keys() - wanted.keys():
        yield f"double: nobody asked for {_name(effect)}"
    for (effect, action), group in wanted.items():
        is_there = (effect, action) in counts
        if any(one.answer is not None for one in group):
            if not is_there:
                yield f"lost: {_name(effect)} was acknowledged and is not in the ledger"
        elif any(one.is_open for one in group):
            yield f"unresolved: nobody knows what became of {_name(effect)}"
        elif is_there:
            yield f"double: {_name(effect)} was refused ({group[0].refusal}) and is in the ledger"


def _answers(evidence: Evidence, intents: list[Intent]) -> Iterator[str]:
    """What was answered is what is stored, byte for byte."""
    for intent in intents:
        answer = intent.answer
        if isinstance(answer, RoundView):
            stored = evidence.rows.get(Key(evidence.key, "round", answer.round.id))
            if not isinstance(stored, Round) or len(stored.steps) <= answer.step:
                yield f"lost: step {answer.step} of round {answer.round.id.hex()}"
            elif stored_answer(RoundView(evidence.key, stored, answer.step)) != answer:
                yield f"reroll: round {answer.round.id.hex()} was answered {answer.round}, stored is {stored}"
        if isinstance(answer, TransferView):
            stored = evidence.rows.get(Key(evidence.key, "transfer", answer.transfer.id))
            if stored != answer.transfer:
                yield f"lost: transfer {answer.transfer.id.hex()} was answered {answer.transfer}, stored is {stored}"


def _real_time(intents: list[Intent]) -> Iterator[str]:
    """What was asked for after an answer had come has a later revision than that answer."""
    answered = sorted((one.answered_at, revision) for one in intents if (revision := revision_of(one)))
    for intent in intents:
        revision = revision_of(intent)
        earlier = [other for at, other in answered if at < intent.sent_at]
        if revision and earlier and max(earlier) >= revision:
            yield f"order: revision {revision} was asked for after {max(earlier)} was answered"


def _rounds(evidence: Evidence, house: House) -> Iterator[str]:
    """G2, R3: a session's rounds follow one another, each settled before the next, and each comes out of its revealed seed again."""
    rounds = [row for row in evidence.of("round") if isinstance(row, Round)]
    for session in evidence.of("session"):
        assert isinstance(session, Session)
        own = sorted((one for one in rounds if one.session == session.id), key=lambda one: one.number)
        if [one.number for one in own] != list(range(1, session.rounds + 1)):
            yield f"order: rounds {[one.number for one in own]} in a session of {session.rounds}"
        open_rounds = [one.id for one in own if not one.settled]
        if open_rounds != ([session.open_round] if session.open_round else []):
            yield f"order: {len(open_rounds)} rounds are open"
        for before, after in pairwise(own):
            if before.steps[-1].revision >= after.steps[0].revision:
                yield f"order: round {after.number} began before {before.number} was settled"
        yield from _seeds(evidence, house, session, own)


def _seeds(evidence: Evidence, house: House, session: Session, rounds: list[Round]) -> Iterator[str]:
    revealed = {number: evidence.rows.get(seed_key(evidence.key, session.id, number)) for number in range(1, session.seed.number)}
    for number, seed in revealed.items():
        if not isinstance(seed, Seed) or hashlib.sha256(seed.revealed).digest() != seed.commitment:
            yield f"reroll: seed {number} is not what was committed to"
    for one in rounds:
        seed = revealed.get(one.seed_number, session.seed)
        if not isinstance(seed, Seed) or seed.commitment != one.commitment:
            yield f"reroll: round {one.number} was not drawn from seed {one.seed_number}"
        elif seed.revealed and _replay(house, one, seed.revealed) != [step.outcome for step in one.steps]:
            yield f"reroll: round {one.number} does not come out of its seed"


def _replay(house: House, round_: Round, server_seed: bytes) -> list[bytes]:
    model = house.catalog.by_hash[round_.model]
    played = model.play(server_seed, round_.client_seed, round_.number, round_.bet, 10_000)
    outcomes = [drawn(played)]
    for step in round_.steps[1:]:
        state = getattr(played, "state", b"")
        played = model.act(server_seed, round_.client_seed, round_.number, round_.bet, 10_000, state, step.action)
        outcomes.append(drawn(played))
    return outcomes


def _effect(command: Command) -> Effect | None:
    match command:
        case PlayRound():
            return EntryKind.ROUND, command.round_id, 0
        case Act():
            return EntryKind.ROUND, command.round_id, command.step
        case MakeTransfer():
            return EntryKind(command.kind), command.transfer_id, 0
        case OpenSession():
            return EntryKind.SESSION_OPENED, command.session_id, 0
        case CloseSession():
            return EntryKind.SESSION_CLOSED, command.session, 0
        case _:
            return None


def _action(evidence: Evidence, effect: Effect) -> bytes:
    """What was done as that step of a round; empty for everything else."""
    row = evidence.rows.get(Key(evidence.key, "round", effect[1]))
    return row.steps[effect[2]].action if isinstance(row, Round) and effect[2] < len(row.steps) else b""


def _name(effect: Effect) -> str:
    return f"{effect[0].name} {effect[1].hex()} step {effect[2]}"


def revision_of(intent: Intent) -> int:
    if isinstance(intent.answer, RoundView):
        return intent.answer.round.steps[intent.answer.step].revision
    return intent.answer.transfer.revision if isinstance(intent.answer, TransferView) else 0


def entry_count(store: MemoryStore) -> int:
    """Entries of all wallets."""
    entries: list[Entry] = [entry for own in store._entries.values() for entry in own]
    return len(entries)
