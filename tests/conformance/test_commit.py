"""Conditional writes, the same for every store: applied as a whole if the condition holds, otherwise not at all."""

from __future__ import annotations

import pytest

from croupier.model import Key, Session, Wallet, WalletKey
from croupier.operations.command import wallet_key
from croupier.stores.store import CommitResult, EntryQuery, Store
from tests.conformance.writes import ANN, BOB, CAT, DAN, transfer_row, write_on

APPLIED, REFUSED = CommitResult.APPLIED, CommitResult.REFUSED


async def head_of(store: Store, key: WalletKey) -> Wallet | None:
    found = (await store.load([wallet_key(key)]))[wallet_key(key)]
    assert found is None or isinstance(found, Wallet)
    return found


async def test_first_write_makes_the_wallet(store: Store) -> None:
    """Expecting revision 0 makes the wallet; head, entries and rows are there together."""
    write = write_on(ANN, None, count=2, creates=[transfer_row(ANN, 1)], updates=[transfer_row(ANN, 2)])
    assert await store.commit([write]) == [APPLIED]
    assert await head_of(store, ANN) == write.wallet
    assert await store.load([key for key, _ in (*write.creates, *write.updates)]) == dict([*write.creates, *write.updates])
    assert await store.entries(EntryQuery(ANN, 10, oldest_first=True)) == list(write.entries)


@pytest.mark.parametrize("expected", [0, 1, 3, 99])
async def test_another_revision_is_refused_and_changes_nothing(store: Store, expected: int) -> None:
    """S4: a write that expects any revision but the stored one is refused, and nothing of it is seen."""
    first = write_on(ANN, None, count=2, creates=[transfer_row(ANN, 1)])
    await store.commit([first])
    late = write_on(ANN, first.wallet, creates=[transfer_row(ANN, 2)], updates=[transfer_row(ANN, 1, 77)], expected_revision=expected)
    assert await store.commit([late]) == [REFUSED]
    assert await head_of(store, ANN) == first.wallet
    assert await store.load([transfer_row(ANN, 1)[0], transfer_row(ANN, 2)[0]]) == {
        transfer_row(ANN, 1)[0]: transfer_row(ANN, 1)[1],
        transfer_row(ANN, 2)[0]: None,
    }
    assert await store.entries(EntryQuery(ANN, 10, oldest_first=True)) == list(first.entries)


async def test_missing_wallet_refuses_a_revision(store: Store) -> None:
    """A write that expects a wallet is refused where there is none, and makes none."""
    assert await store.commit([write_on(ANN, None, expected_revision=1)]) == [REFUSED]
    assert await head_of(store, ANN) is None
    assert await store.wallets(None, 10) == []


async def test_known_id_is_refused_and_changes_nothing(store: Store) -> None:
    """S4: a row to create whose id is there already refuses the whole write; the stored row stays as it was."""
    first = write_on(ANN, None, creates=[transfer_row(ANN, 1)])
    await store.commit([first])
    again = write_on(ANN, first.wallet, creates=[transfer_row(ANN, 2), transfer_row(ANN, 1, 99)], updates=[transfer_row(ANN, 3)])
    assert await store.commit([again]) == [REFUSED]
    assert await head_of(store, ANN) == first.wallet
    assert await store.load([transfer_row(ANN, number)[0] for number in (1, 2, 3)]) == {
        transfer_row(ANN, 1)[0]: transfer_row(ANN, 1)[1],
        transfer_row(ANN, 2)[0]: None,
        transfer_row(ANN, 3)[0]: None,
    }


async def test_same_write_twice_applies_once(store: Store) -> None:
    """A write that is sent again, as the resolver does, has one effect."""
    write = write_on(ANN, None, creates=[transfer_row(ANN, 1)])
    assert [*await store.commit([write]), *await store.commit([write])] == [APPLIED, REFUSED]
    assert len(await store.entries(EntryQuery(ANN, 10))) == 1


async def test_ids_are_new_per_wallet_and_kind(store: Store) -> None:
    """The same id in another wallet, or under another kind, is another row."""
    first = write_on(ANN, None, creates=[transfer_row(ANN, 1)])
    assert await store.commit([first, write_on(BOB, None, creates=[transfer_row(BOB, 1, 6)])]) == [APPLIED, APPLIED]
    key, row = transfer_row(ANN, 1)
    found = await store.load([key, transfer_row(BOB, 1)[0], Key(ANN, "round", key.id), Key(ANN, "session", key.id)])
    assert found[key] == row
    assert found[transfer_row(BOB, 1)[0]] == transfer_row(BOB, 1, 6)[1]
    assert found[Key(ANN, "round", key.id)] is None and found[Key(ANN, "session", key.id)] is None


async def test_update_replaces_and_makes(store: Store) -> None:
    """Rows to update are replaced, or made where there are none."""
    first = write_on(ANN, None, creates=[transfer_row(ANN, 1)], updates=[transfer_row(ANN, 2)])
    await store.commit([first])
    await store.commit([write_on(ANN, first.wallet, updates=[transfer_row(ANN, 1, 8), transfer_row(ANN, 2, 9)])])
    found = await store.load([transfer_row(ANN, 1)[0], transfer_row(ANN, 2)[0]])
    assert list(found.values()) == [transfer_row(ANN, 1, 8)[1], transfer_row(ANN, 2, 9)[1]]


async def test_refused_beside_applied(store: Store) -> None:
    """In one commit, refused writes take nothing with them: the others apply, results stand in order, wallets made beside a refusal can be written."""
    ann, bob = write_on(ANN, None, creates=[transfer_row(ANN, 1)]), write_on(BOB, None)
    await store.commit([ann, bob])
    batch = [
        write_on(CAT, None, creates=[transfer_row(CAT, 7)]),
        write_on(ANN, ann.wallet, creates=[transfer_row(ANN, 1)]),
        write_on(BOB, bob.wallet, count=3, expected_revision=5),
        write_on(DAN, None, count=2),
    ]
    assert await store.commit(batch) == [APPLIED, REFUSED, REFUSED, APPLIED]
    assert [await head_of(store, key) for key in (CAT, ANN, BOB, DAN)] == [batch[0].wallet, ann.wallet, bob.wallet, batch[3].wallet]
    after = [write_on(CAT, batch[0].wallet), write_on(DAN, batch[3].wallet), write_on(ANN, ann.wallet), write_on(BOB, bob.wallet)]
    assert await store.commit(after) == [APPLIED] * 4


async def test_wallet_refused_then_made(store: Store) -> None:
    """A wallet whose making was refused is not there, and can be made later."""
    await store.commit([write_on(ANN, None)])
    refused = write_on(BOB, None, expected_revision=4)
    assert await store.commit([write_on(CAT, None), refused]) == [APPLIED, REFUSED]
    assert await head_of(store, BOB) is None
    made = write_on(BOB, None)
    assert await store.commit([made]) == [APPLIED]
    assert await store.commit([write_on(BOB, made.wallet)]) == [APPLIED]


async def test_nothing_to_commit(store: Store) -> None:
    """No writes, no results."""
    assert await store.commit([]) == []


async def test_large_commit(store: Store) -> None:
    """A commit of a thousand wallets is one commit like any other."""
    keys = [WalletKey("acme", f"player {number}", "EUR") for number in range(1_000)]
    assert await store.commit([write_on(key, None, creates=[transfer_row(key, 1)]) for key in keys]) == [APPLIED] * 1_000
    assert (await store.sums("acme"))[0].wallets == 1_000


async def test_load_gives_none_where_nothing_is(store: Store) -> None:
    """Every key that was asked for is in the answer; rows come back with the type they were stored as."""
    keys = [wallet_key(ANN), Key(ANN, "session", bytes(16)), Key(ANN, "seed", bytes(20)), Key(ANN, "epoch", bytes(4))]
    assert await store.load(keys) == dict.fromkeys(keys)
    assert await store.load([]) == {}
    await store.commit([write_on(ANN, None)])
    assert await store.load(keys[1:]) == dict.fromkeys(keys[1:])
    assert not isinstance((await store.load(keys))[keys[0]], Session)
