"""Queries, sums, documents, reopening and reading beside the owner, the same for every store."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from msgspec import structs

from croupier.model import EntryKind, Epoch, Key, Row, WalletKey, epoch_key, seed_key
from croupier.operations.command import wallet_key
from croupier.operations.open_session import OpenSession, SessionView
from croupier.stores.store import CommitResult, Document, EntryQuery, Store, WalletSums
from tests.casino import BLACKJACK, WALLET, Desk, blackjack_bet
from tests.conformance.candidates import CANDIDATES, Candidate
from tests.conformance.writes import ANN, BOB, CAT, DAN, KEYS, id_of, transfer_row, write_on

ENTRIES = 12


@pytest.fixture
async def ledger_store(store: Store) -> Store:
    """A store with 12 entries of one wallet and 3 of another, written in turns."""
    ann = write_on(ANN, None, count=5)
    bob = write_on(BOB, None, count=3)
    await store.commit([ann, bob])
    await store.commit([write_on(ANN, ann.wallet, count=7)])
    return store


async def revisions(store: Store, query: EntryQuery) -> list[int]:
    return [entry.revision for entry in await store.entries(query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (EntryQuery(ANN, 100), range(12, 0, -1)),
        (EntryQuery(ANN, 3), [12, 11, 10]),
        (EntryQuery(ANN, 3, before_revision=10), [9, 8, 7]),
        (EntryQuery(ANN, 3, before_revision=1), []),
        (EntryQuery(ANN, 3, oldest_first=True), [1, 2, 3]),
        (EntryQuery(ANN, 3, after_revision=3, oldest_first=True), [4, 5, 6]),
        (EntryQuery(ANN, 3, after_revision=3), [12, 11, 10]),
        (EntryQuery(ANN, 3, after_revision=11, oldest_first=True), [12]),
        (EntryQuery(ANN, 3, after_revision=12), []),
        (EntryQuery(ANN, 9, after_revision=3, before_revision=6), [5, 4]),
        (EntryQuery(ANN, 9, before_revision=4, oldest_first=True), [1, 2, 3]),
        (EntryQuery(ANN, 3, kinds=(EntryKind.ROUND,)), [12, 10, 8]),
        (EntryQuery(ANN, 100, kinds=(EntryKind.ROUND, EntryKind.DEPOSIT)), range(12, 0, -1)),
        (EntryQuery(ANN, 100, kinds=(EntryKind.SEED_ROTATED,)), []),
        (EntryQuery(ANN, 2, session=id_of(2)), [11, 8]),
        (EntryQuery(ANN, 100, step=0), [12, 8, 4]),
        (EntryQuery(ANN, 100, step=3, oldest_first=True), [3, 7, 11]),
        (EntryQuery(ANN, 100, kinds=(EntryKind.ROUND,), session=id_of(1), step=0, before_revision=12), [4]),
        (EntryQuery(BOB, 100), [3, 2, 1]),
        (EntryQuery(CAT, 100), []),
    ],
)
async def test_entries(ledger_store: Store, query: EntryQuery, expected: list[int]) -> None:
    """G3: entries come in either direction, page by page, by kind, session and step, and only those of the wallet asked for."""
    assert await revisions(ledger_store, query) == list(expected)


async def test_pages_cover_the_ledger(ledger_store: Store) -> None:
    """Going on from the last entry of each page gives every entry once, in both directions."""
    forward: list[int] = []
    while page := await revisions(ledger_store, EntryQuery(ANN, 5, after_revision=forward[-1] if forward else 0, oldest_first=True)):
        forward += page
    backward: list[int] = []
    while page := await revisions(ledger_store, EntryQuery(ANN, 5, before_revision=backward[-1] if backward else 0)):
        backward += page
        if backward[-1] == 1:
            break
    assert forward == backward[::-1] == list(range(1, ENTRIES + 1))


async def test_wallets_in_order(store: Store) -> None:
    """Wallets come page by page in the order of operator, player, currency."""
    await store.commit([write_on(key, None) for key in reversed(KEYS)])
    assert await store.wallets(None, 10) == [ANN, BOB, CAT, DAN]
    assert await store.wallets(ANN, 2) == [BOB, CAT]
    assert await store.wallets(WalletKey("acme", "b", "AAA"), 1) == [BOB]
    assert await store.wallets(DAN, 2) == []


async def test_sums(store: Store) -> None:
    """The trial balance of one tenant, and over all, by currency."""
    writes = [write_on(key, None, count=count) for key, count in zip(KEYS, (1, 2, 3, 4), strict=True)]
    staked = structs.replace(writes[0].wallet, staked_micros=3, paid_micros=2, withdrawn_micros=1, balance_micros=3)
    await store.commit([structs.replace(writes[0], wallet=staked), *writes[1:]])
    assert await store.sums("acme") == [WalletSums("EUR", 2, 15, 1, 3, 2, 13), WalletSums("JPY", 1, 15, 0, 0, 0, 15)]
    assert await store.sums("zeta") == [WalletSums("EUR", 1, 20, 0, 0, 0, 20)]
    assert await store.sums("") == [WalletSums("EUR", 3, 35, 1, 3, 2, 33), WalletSums("JPY", 1, 15, 0, 0, 0, 15)]
    assert await store.sums("nobody") == []


async def test_documents(store: Store) -> None:
    """A document is written only over the version before it; kinds are apart, ids in order."""
    assert await store.put_document(Document("key", "b", 1, b"one"))
    assert not await store.put_document(Document("key", "b", 1, b"other"))
    assert not await store.put_document(Document("key", "b", 3, b"three"))
    assert not await store.put_document(Document("key", "c", 2, b"two"))
    assert await store.put_document(Document("key", "b", 2, b"two"))
    assert await store.put_document(Document("key", "a", 1, b""))
    assert await store.put_document(Document("switch", "b", 1, b"\x00\xff"))
    assert await store.documents("key") == [Document("key", "a", 1, b""), Document("key", "b", 2, b"two")]
    assert await store.documents("switch") == [Document("switch", "b", 1, b"\x00\xff")]
    assert await store.documents("nothing") == []


async def test_names_are_kept_apart(store: Store) -> None:
    """Odd names are names like any other, and no two of them are one."""
    keys = [WalletKey("o", name, "EUR") for name in ("A", "a", "ä", "a ", "a'b", 'a"b', "%", "日本", "-" * 63)]
    assert await store.commit([write_on(key, None, count=1 + number) for number, key in enumerate(keys)]) == [CommitResult.APPLIED] * len(
        keys
    )
    heads = await store.load([wallet_key(key) for key in keys])
    assert [cast("object", heads[wallet_key(key)]) for key in keys] == [
        write_on(key, None, count=1 + n).wallet for n, key in enumerate(keys)
    ]


async def test_every_kind_of_row(store: Store) -> None:
    """Sessions, seeds, rounds with steps, transfers and epochs come back as they were stored."""
    rows = rows_of_every_kind()
    await store.commit([write_on(WALLET, None, creates=rows[:2], updates=rows[2:])])
    assert await store.load([key for key, _ in rows]) == dict(rows)


async def test_reads_beside_the_owner(store: Store) -> None:
    """A reader beside the owner sees what is committed, at once, and nothing else."""
    reads = store.reads()
    assert await reads.wallets(None, 10) == []
    first = write_on(ANN, None, count=2, creates=[transfer_row(ANN, 1)])
    await store.commit([first])
    assert await reads.load([wallet_key(ANN)]) == {wallet_key(ANN): first.wallet}
    await store.commit([write_on(ANN, first.wallet, creates=[transfer_row(ANN, 1)])])
    assert await reads.load([wallet_key(ANN)]) == {wallet_key(ANN): first.wallet}
    assert len(await reads.entries(EntryQuery(ANN, 10))) == 2
    await store.put_document(Document("key", "a", 1, b"x"))
    assert await reads.documents("key") == [Document("key", "a", 1, b"x")]


@pytest.mark.parametrize("candidate", [one for one in CANDIDATES if one.durable], ids=lambda one: one.name, indirect=True)
async def test_reopening(candidate: Candidate, tmp_path: Path) -> None:
    """S4: a durable store that is opened again holds what was committed, and goes on from it; ids stay known."""
    store = await candidate.open(tmp_path)
    rows = rows_of_every_kind()
    first = write_on(WALLET, None, count=3, creates=rows)
    await store.commit([first])
    await store.put_document(Document("key", "a", 1, b"x"))
    store.close()
    again = await candidate.open(tmp_path)
    assert await again.load([wallet_key(WALLET), *(key for key, _ in rows)]) == {wallet_key(WALLET): first.wallet, **dict(rows)}
    assert await again.entries(EntryQuery(WALLET, 9, oldest_first=True)) == list(first.entries)
    assert await again.documents("key") == [Document("key", "a", 1, b"x")]
    assert await again.commit([write_on(WALLET, first.wallet, creates=rows[:1])]) == [CommitResult.REFUSED]
    assert await again.commit([write_on(WALLET, first.wallet)]) == [CommitResult.APPLIED]
    again.close()


def rows_of_every_kind() -> list[tuple[Key, Row]]:
    """Rows as the operations make them."""
    desk = Desk()
    desk.deposit()
    session = desk.run(OpenSession(WALLET, desk.id(), BLACKJACK, "luck"), SessionView).session
    round_ = desk.play(session.id, blackjack_bet()).round
    seed = structs.replace(session.seed, revealed=bytes(32), reveal_time_ms=5)
    return [
        (Key(WALLET, "session", session.id), session),
        (Key(WALLET, "round", round_.id), round_),
        (seed_key(WALLET, session.id, 1), seed),
        (epoch_key(WALLET, 1), Epoch(1, 10, 5, bytes(32), 7)),
        transfer_row(WALLET, 4),
    ]
