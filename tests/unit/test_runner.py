"""The embedded runner: batches, lost races, unknown writes, failures, deadlines, caches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.errors import (
    DeadlineExceeded,
    IdReused,
    InsufficientFunds,
    NodeUnavailable,
    OutcomeUnknown,
    Refusal,
    StoreFailed,
    WriteConflict,
)
from croupier.model import Entry, Key, State, TransferKind, Wallet, WalletKey, WalletWrite
from croupier.operations.command import wallet_key
from croupier.operations.house import Entropy, House
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.runners.cache import Cache
from croupier.runners.embedded import Call
from croupier.stores.memory import Lies, MemoryStore
from croupier.stores.store import CommitResult, drive
from tests.casino import EUR, NOW_MS, WALLET, Desk, dice_bet

DEPOSIT, WITHDRAWAL = TransferKind.DEPOSIT, TransferKind.WITHDRAWAL
BOB = WalletKey("acme", "bob", "EUR")


def transfer(desk: Desk, amount_micros: int = EUR, kind: TransferKind = DEPOSIT, wallet: WalletKey = WALLET) -> MakeTransfer:
    return MakeTransfer(wallet, desk.id(), kind, amount_micros, "")


class FailingStore(MemoryStore):
    """Raises what it is told to at the next commit."""

    error: Exception | None = None

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        if self.error:
            raise self.error
        return await super().commit(writes)


def test_one_write_a_wallet_a_batch() -> None:
    """Everything that is queued for one wallet goes into one conditional write; answers come in the order of the calls."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    writes = desk.runner.counts.writes
    results = desk.results(*(PlayRound(WALLET, session, desk.id(), dice_bet()) for _ in range(20)), transfer(desk, wallet=BOB))
    assert desk.runner.counts.writes - writes == 2
    assert [one.round.number for one in results if isinstance(one, RoundView)] == list(range(1, 21))
    assert isinstance(results[20], TransferView)


def test_same_id_twice_in_a_batch_has_one_effect() -> None:
    """S4: a call and its retry in one batch give the same answer and one entry; another content under the id is refused."""
    desk = Desk()
    desk.deposit()
    session, id_ = desk.open(), desk.id()
    play = PlayRound(WALLET, session, id_, dice_bet())
    first, second, third = desk.results(play, play, PlayRound(WALLET, session, id_, dice_bet(2 * EUR)))
    assert first == second
    assert isinstance(third, IdReused)
    assert len(desk.entries()) == 3


def test_refusals_change_nothing_for_their_neighbours() -> None:
    """A refused call in a batch leaves the others alone and is decided on their effects."""
    desk = Desk()
    results = desk.results(transfer(desk, 5 * EUR), transfer(desk, 9 * EUR, WITHDRAWAL), transfer(desk, 5 * EUR, WITHDRAWAL))
    assert isinstance(results[1], InsufficientFunds) and results[1].metadata == {"balance_micros": str(5 * EUR)}
    assert desk.head().balance_micros == 0


@pytest.mark.parametrize(
    "lies", [Lies(unknown_applied=1), Lies(unknown_lost=0.6), Lies(unknown_late=0.6), Lies(unknown_lost=0.3, unknown_late=0.3)]
)
def test_unknown_writes_are_made_definite(lies: Lies) -> None:
    """S4: nobody is told anything while a write's fate is open; each transfer has one effect whatever the store did with its write."""
    store = MemoryStore(lies)
    desk = Desk(store)
    amounts = 0
    for _ in range(60):
        command = transfer(desk)
        results = [desk.results(command)[0]]
        while isinstance(results[-1], OutcomeUnknown):
            results += desk.results(command)
        assert isinstance(results[-1], TransferView)
        amounts += EUR
    store.settle()
    assert desk.head().balance_micros == amounts
    assert desk.runner.counts.unknown_writes > 0


def test_unresolved_stays_unknown() -> None:
    """A write whose fate stays open is answered OUTCOME_UNKNOWN, never "not done", and the same id goes on where it stands."""
    store = MemoryStore(Lies(unknown_lost=1))
    desk = Desk(store)
    command = transfer(desk)
    assert isinstance(desk.results(command)[0], OutcomeUnknown)
    assert desk.runner.counts.unresolved_writes == 1
    store.lies = Lies()
    assert isinstance(desk.results(command)[0], TransferView)


def test_lost_races_end_in_a_conflict() -> None:
    """A call that loses three times is told so, and changed nothing."""
    desk = Desk(MemoryStore(Lies(refused=1)))
    assert isinstance(desk.results(transfer(desk))[0], WriteConflict)
    assert desk.runner.counts.refused_writes == 3
    assert desk.entries() == []


def test_two_nodes_on_one_wallet() -> None:
    """S4: a node whose cache another node has outrun decides again on what is stored, for what it writes and for what it only tells."""
    store = MemoryStore()
    one, two = Desk(store, seed=1), Desk(store, seed=2)
    one.deposit(EUR)
    two.deposit(EUR)
    two.results(transfer(two, 2 * EUR, WITHDRAWAL))
    assert isinstance(one.results(transfer(one, EUR, WITHDRAWAL))[0], InsufficientFunds)
    two.deposit(3 * EUR)
    assert isinstance(one.results(transfer(one, 3 * EUR, WITHDRAWAL))[0], TransferView), "a refusal is never told from a stale cache"
    assert one.head().balance_micros == 0


class CountingStore(MemoryStore):
    """Counts how often it is asked for rows."""

    loads = 0

    async def load(self, keys: Sequence[Key]) -> State:
        self.loads += 1
        return await super().load(keys)


def test_a_new_id_costs_one_way_to_the_store() -> None:
    """What is cached and an id that is new need no look before the write, which itself proves that the id was new."""
    desk = Desk(store := CountingStore())
    desk.deposit()
    session = desk.open()
    loads = store.loads
    desk.play(session)
    desk.deposit()
    assert store.loads == loads


def test_a_known_id_is_found_by_the_write() -> None:
    """S4: a retry of what is committed and no longer cached is answered as stored, and nothing is written."""
    desk = Desk()
    desk.deposit()
    session, id_, transfer_id = desk.open(), desk.id(), desk.id()
    first, paid = desk.play(session, id_=id_), desk.deposit(EUR, id_=transfer_id)
    entries = desk.entries()
    assert desk.play(session, id_=id_) == first
    assert desk.deposit(EUR, id_=transfer_id) == paid
    assert desk.entries() == entries
    with pytest.raises(IdReused):
        desk.play(session, dice_bet(2 * EUR), id_=id_)


def test_a_known_id_is_not_refused_for_what_came_after_it() -> None:
    """S4: behind a call that writes, a retry that would be refused if it were new is answered as stored, for nothing proves that it is new."""
    desk = Desk()
    desk.deposit(EUR)
    out = transfer(desk, EUR, WITHDRAWAL)
    (before,) = desk.results(out)
    written, again = desk.results(transfer(desk, EUR // 2), out)
    assert isinstance(written, TransferView)
    assert again == before


def test_failed_commit_ends_service() -> None:
    """S4: after a failed commit all in the batch are unknown, and nothing is answered any more, from memory least of all."""
    store = FailingStore()
    desk = Desk(store)
    desk.deposit()
    session, id_ = desk.open(), desk.id()
    desk.play(session, id_=id_)
    store.error = StoreFailed("disk full")
    results = desk.results(PlayRound(WALLET, session, desk.id(), dice_bet()), PlayRound(WALLET, session, id_, dice_bet()))
    assert all(isinstance(one, OutcomeUnknown) for one in results)
    store.error = None
    (after,) = desk.results(PlayRound(WALLET, session, id_, dice_bet()))
    assert isinstance(after, NodeUnavailable) and "disk full" in after.message
    assert desk.runner.failure == "disk full"


def test_expired_calls_cost_nothing() -> None:
    """A call whose deadline has passed is dropped before anything is read or decided."""
    desk = Desk()
    results = drive(desk.runner.process([Call(transfer(desk), NOW_MS), Call(transfer(desk), NOW_MS + 1), Call(transfer(desk), NOW_MS - 9)]))
    assert [type(one) for one in results] == [DeadlineExceeded, TransferView, DeadlineExceeded]
    assert desk.runner.counts.expired_calls == 2
    assert len(desk.entries()) == 1


def test_only_expired_calls_touch_no_store() -> None:
    """A batch of expired calls neither loads nor commits."""
    store = FailingStore()
    store.error = StoreFailed("must not be asked")
    desk = Desk(store)
    assert isinstance(drive(desk.runner.process([Call(transfer(desk), 1)]))[0], DeadlineExceeded)
    assert not desk.runner.failure


def test_a_panic_in_deciding_is_a_refusal() -> None:
    """An error inside a decision, a panic of the engine included, is INVARIANT_BROKEN for that call alone; it changes nothing and is reported."""

    class Panic(BaseException):
        pass

    class Broken(MakeTransfer, frozen=True):
        def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Refusal:
            raise Panic

    faults: list[Refusal] = []
    desk = Desk()
    desk.runner._on_fault = lambda _game, refusal: faults.append(refusal)
    broken = Broken(WALLET, desk.id(), DEPOSIT, EUR, "")
    results = desk.results(broken, transfer(desk))
    assert [getattr(one, "reason", "") for one in results] == ["INVARIANT_BROKEN", ""]
    assert len(faults) == 1 and len(desk.entries()) == 1


def test_published_entries_are_the_ledger() -> None:
    """What is handed on after each commit is the ledger, entry by entry, in order, also where writes were unknown at first."""
    store = MemoryStore(Lies(unknown_applied=0.3, unknown_late=0.3))
    desk = Desk(store)
    heard: list[Entry] = []
    desk.runner._on_commit = lambda _wallet, entries: heard.extend(entries)
    for _ in range(40):
        command = transfer(desk)
        while isinstance(desk.results(command)[0], OutcomeUnknown):
            pass
    known = {entry.revision for entry in heard}
    assert [entry for entry in desk.entries() if entry.revision in known] == heard


def test_cache_is_bounded() -> None:
    """The cache holds what fits into its bytes, and at most 32 rows of each wallet, its head among them."""
    cache = Cache(100_000)
    head = Wallet(0, 0, b"", 1, 1, 0, 0, 0, 0, 0)
    for number in range(1_000):
        key = WalletKey("acme", str(number), "EUR")
        cache.rows(key)[wallet_key(key)] = head
        assert len(cache) <= 100_000 / 400
    assert len(cache) >= 100
    desk = Desk(cache_bytes=10_000)
    desk.deposit()
    for _ in range(40):
        desk.open()
    rows = desk.runner._cache.rows(WALLET)
    assert len(rows) == 32
    assert wallet_key(WALLET) in rows


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=200), st.sampled_from([0, 4_000, 9_000, 30_000]))
def test_what_was_taken_out_comes_back_as_it_is(uses: list[tuple[int, bool]], max_bytes: int) -> None:
    """Rows that were taken, changed and kept are those that the cache gives next, if it gives any, whatever was made room for meanwhile; what was
    forgotten is gone.
    """
    cache, kept = Cache(max_bytes), dict[WalletKey, Wallet]()
    for number, is_kept in uses:
        key = WalletKey("acme", str(number), "EUR")
        rows = cache.rows(key)
        assert rows == {} or rows == {wallet_key(key): kept[key]}
        for other in range(40, 44):
            cache.rows(WalletKey("acme", str(other), "EUR"))
        if is_kept:
            kept[key] = Wallet(0, len(kept) + number, b"", 1, 1, 0, 0, 0, 0, 0)
            rows[wallet_key(key)] = kept[key]
            cache.keep(key, rows)
        else:
            rows[wallet_key(key)] = Wallet(-1, 0, b"", 1, 1, 0, 0, 0, 0, 0)
            cache.forget(key)
            assert cache.rows(key) == {}


def test_cache_keeps_the_warm() -> None:
    """A wallet that is used again and again outlives any number of others."""
    cache = Cache(10_000)
    head = Wallet(0, 0, b"", 1, 1, 0, 0, 0, 0, 0)
    cache.rows(WALLET)[wallet_key(WALLET)] = head
    for number in itertools.islice(itertools.count(), 500):
        cache.rows(WalletKey("acme", str(number), "EUR"))
        assert cache.rows(WALLET) == {wallet_key(WALLET): head}
    cache.forget(WALLET)
    assert cache.rows(WALLET) == {}


def test_nothing_is_told_of_a_wallet_whose_write_is_in_doubt() -> None:
    """While a write may yet arrive, not even a refusal is answered: OUTCOME_UNKNOWN, until it is known what became of it; then all goes on."""
    store = MemoryStore(Lies(unknown_lost=1))
    desk = Desk(store)
    assert isinstance(desk.results(transfer(desk))[0], OutcomeUnknown)
    assert isinstance(desk.results(transfer(desk, 9 * EUR, WITHDRAWAL))[0], OutcomeUnknown)
    store.lies = Lies()
    assert isinstance(desk.results(transfer(desk, 9 * EUR, WITHDRAWAL))[0], InsufficientFunds)
    assert desk.head().balance_micros == EUR
