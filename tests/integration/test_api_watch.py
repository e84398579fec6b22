"""WatchWallet over the wire: every entry once, in order, across reconnections; heartbeats; when it ends."""

from __future__ import annotations

import threading
from pathlib import Path

from grpc import StatusCode

from croupier.pb import round_service_pb2
from tests.integration.calling import EUR, Caller, dice, new_id, new_wallet, refused
from tests.integration.serving import Serving, eventually, settings


def test_from_now_on(acme: Caller) -> None:
    """Without a token a watch starts with the next entry, and shows each as the ledger has it."""
    wallet = new_wallet()
    acme.deposit(wallet)
    watch = acme.watch(wallet)
    (start,) = watch.take(1)
    assert not start.HasField("entry")
    assert start.resume_token == "1"  # noqa: S105
    acme.deposit(wallet, EUR)
    acme.deposit(wallet, 2 * EUR)
    entries = watch.entries(2)
    watch.stream.cancel()
    assert [entry.transfer_micros for entry in entries] == [EUR, 2 * EUR]
    assert entries[::-1] == list(acme.call("WalletService.ListEntries", wallet=wallet, page_size=2).entries)


def test_resuming_leaves_no_gap_and_repeats_nothing(acme: Caller) -> None:
    """A watcher that is cut off at any entry and comes back with its last token sees every revision once, while others write on."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    done = threading.Event()

    def write() -> None:
        for _ in range(60):
            acme.play(session)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    revisions: list[int] = []
    token = "0"  # noqa: S105
    cut = 1
    while len(revisions) < 62:
        watch = acme.watch(wallet, token)
        for _ in range(cut):
            (response,) = watch.take(1)
            token = response.resume_token
            if response.HasField("entry"):
                revisions.append(response.entry.revision)
        watch.stream.cancel()
        cut = cut % 7 + 1
    writer.join()
    assert done.is_set()
    assert revisions == list(range(1, len(revisions) + 1))


def test_a_long_history_is_caught_up_with(acme: Caller) -> None:
    """More entries than one page of the store: all of them, in order, then heartbeats."""
    wallet = new_wallet()
    acme.deposit(wallet, 10_000 * EUR)
    session = acme.open(wallet).session.name
    plays = [round_service_pb2.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)) for _ in range(1_000)]
    acme.call("RoundService.PlayBatch", plays=plays)
    watch = acme.watch(wallet, "0")
    assert [entry.revision for entry in watch.entries(1_002)] == list(range(1, 1_003))
    (beat,) = watch.take(1)
    assert (beat.HasField("entry"), beat.resume_token) == (False, "1002")
    watch.stream.cancel()


def test_tokens_that_cannot_be_gone_on_from(acme: Caller) -> None:
    """A token ahead of the ledger, or one that was never given out, is OUT_OF_RANGE; a wallet that is not there NOT_FOUND."""
    wallet = new_wallet()
    acme.deposit(wallet)
    for token in ("2", "999999999999999999", "-1", "x", "1.0", " 1", "\u0661"):
        said = refused(acme.watch(wallet, token).rest)
        assert said[:3] == (StatusCode.OUT_OF_RANGE, "TOKEN_OUT_OF_RANGE", "resume_token")
    assert refused(acme.watch(new_wallet()).rest)[:3] == (StatusCode.NOT_FOUND, "WALLET_NOT_FOUND", "name")
    assert refused(acme.watch(wallet.replace("acme", "zenith")).rest).code == StatusCode.PERMISSION_DENIED


def test_a_watch_does_not_outlive_its_credentials(serving: Serving, acme: Caller) -> None:
    """Once the token of its player has expired a watch ends, and says so (S7)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    watch = acme.as_(serving.token(session, life_s=1)).watch(wallet)
    assert refused(watch.rest)[:2] == (StatusCode.UNAUTHENTICATED, "SESSION_EXPIRED")


def test_watchers_that_leave_are_forgotten(serving: Serving, acme: Caller) -> None:
    """Nothing is kept for a watcher that has gone."""
    wallet = new_wallet()
    acme.deposit(wallet)
    before = len(serving.server.hub._watchers)
    watches = [acme.watch(wallet) for _ in range(5)]
    eventually(lambda: len(serving.server.hub._watchers) == before + 1)
    for watch in watches:
        watch.stream.cancel()
    eventually(lambda: len(serving.server.hub._watchers) == before)


def test_a_drain_ends_the_stream(tmp_path: Path) -> None:
    """When the node leaves service its watches end without an error, so that watchers resume elsewhere."""
    with Serving(settings(tmp_path, store="memory")) as serving:
        acme, wallet = serving.caller(), new_wallet()
        acme.deposit(wallet)
        watch = acme.watch(wallet, "0")
        assert watch.entries(1)[0].revision == 1
    assert watch.rest() == []
