"""AdminService over the wire: the node, switches that let rounds in play finish, and what outlives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from grpc import StatusCode

from croupier.pb import admin_service_pb2 as admin_pb
from croupier.pb import round_service_pb2 as pb
from croupier.stores.sqlite import open_documents
from croupier.stores.store import Document, drive
from croupier.switches import SWITCH_KIND, Switch
from tests.integration.calling import STAND, Caller, act, blackjack, dice, finish, new_id, new_wallet, open_blackjack, refused
from tests.integration.serving import Serving, Spawned, eventually, settings

BLACKJACK = "games/blackjack-classic"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Serving]:
    """A server whose games a test may switch."""
    with Serving(settings(tmp_path)) as running:
        yield running


def switched(admin: Caller, game: str, reason: str = "") -> list[str]:
    """Disables a game, or enables it where there is no reason; the games disabled then."""
    if reason:
        return [one.game for one in admin.call("AdminService.DisableGame", game=game, reason=reason).disabled_games]
    return [one.game for one in admin.call("AdminService.EnableGame", game=game).disabled_games]


def test_the_node(node: Serving) -> None:
    """GetNode says name, version, state, store and counts."""
    admin, acme, wallet = node.caller("admin"), node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    for _ in range(3):
        acme.play(session)
    found = admin.call("AdminService.GetNode").node
    assert (found.name, found.state, found.store, found.rounds) == ("nodes/node-1", admin_pb.NODE_STATE_SERVING, "sqlite", 3)
    assert found.version
    assert found.start_time.seconds
    assert not found.disabled_games


def test_rounds_in_play_finish_first(node: Serving) -> None:
    """G8: a disabled game takes no new rounds and sessions, open rounds go on to their end, other games are untouched, and who did it is told."""
    admin, acme, wallet = node.caller("admin"), node.caller(), new_wallet()
    acme.deposit(wallet)
    session, other = (acme.open(wallet, game).session.name for game in ("blackjack-classic", "dice-10000"))
    round_ = open_blackjack(acme, session)
    idle = acme.open(wallet, "blackjack-classic").session.name
    assert switched(admin, BLACKJACK, "under repair") == [BLACKJACK]
    for call in (lambda: acme.play(idle, blackjack()), lambda: acme.open(wallet, "blackjack-classic")):
        said = refused(call)
        assert said[:2] == (StatusCode.FAILED_PRECONDITION, "GAME_DISABLED")
        assert "under repair" in said.message
    results = acme.call("RoundService.PlayBatch", plays=[pb.PlayRequest(session=idle, round_id=new_id(), bet=blackjack())]).results
    assert results[0].refusal.code == StatusCode.FAILED_PRECONDITION.value[0]
    assert not acme.call("CatalogService.GetGame", name=BLACKJACK).game.enabled
    assert acme.play(other).number == 1
    assert finish(acme, act(acme, round_, STAND)).state == pb.ROUND_STATE_SETTLED
    assert refused(acme.play, session, blackjack()).reason == "GAME_DISABLED"
    assert acme.call("SessionService.CloseSession", name=session)
    (record,) = admin.call("AdminService.GetNode").node.disabled_games
    assert (record.game, record.reason) == (BLACKJACK, "under repair")
    assert record.actor.startswith("key ")
    assert record.disable_time.seconds
    assert switched(admin, BLACKJACK) == []
    assert acme.play(idle, blackjack()).number == 1


def test_all_gaming(node: Serving) -> None:
    """G8: all gaming is one switch beside those of the games; money still goes in and out, and replays are still answered."""
    admin, acme, wallet = node.caller("admin"), node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    played = acme.play(session)
    switched(admin, "games/dice-10001", "old")
    assert switched(admin, "games/-", "storm") == ["games/-", "games/dice-10001"]
    assert not any(game.enabled for game in acme.call("CatalogService.ListGames").games)
    assert refused(acme.play, session).reason == "GAME_DISABLED"
    assert acme.play(session, dice(), played.name.rsplit("/", 1)[1]) == played
    acme.deposit(wallet)
    assert acme.call("WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=10_000)
    assert switched(admin, "games/-") == ["games/dice-10001"]
    assert acme.play(session).number == 2


def test_what_cannot_be_switched(node: Serving) -> None:
    """Unknown and malformed games, and a reason that is missing or too long, are refused; nothing is switched."""
    admin = node.caller("admin")
    for game, code in (("games/chess", StatusCode.NOT_FOUND), ("chess", StatusCode.INVALID_ARGUMENT), ("", StatusCode.INVALID_ARGUMENT)):
        for method, more in (("DisableGame", {"reason": "x"}), ("EnableGame", {})):
            said = refused(admin.call, f"AdminService.{method}", game=game, **more)
            assert (said.code, said.field) == (code, "game")
    for reason in ("", "x" * 257):
        assert refused(admin.call, "AdminService.DisableGame", game=BLACKJACK, reason=reason)[:3] == (
            StatusCode.INVALID_ARGUMENT,
            "FIELD_INVALID",
            "reason",
        )
    assert switched(admin, BLACKJACK, "\U0001f3b2" * 256) == [BLACKJACK]
    assert switched(admin, BLACKJACK) == []
    assert not admin.call("AdminService.GetNode").node.disabled_games


def test_switches_outlive_a_restart(tmp_path: Path) -> None:
    """A disabled game stays disabled in the next process, with its reason; an open round still goes on there (G5, G6, G8)."""
    wallet = new_wallet()
    with Spawned(tmp_path) as first:
        acme = first.caller()
        acme.deposit(wallet)
        session = acme.open(wallet, "blackjack-classic").session.name
        round_ = open_blackjack(acme, session)
        switched(first.caller("admin"), BLACKJACK, "under repair")
        first.terminate()
        assert first.exit_code() == 0
    with first.again() as second:
        acme = second.caller()
        assert refused(acme.open, wallet, "blackjack-classic").reason == "GAME_DISABLED"
        assert finish(acme, round_).state == pb.ROUND_STATE_SETTLED
        (record,) = second.caller("admin").call("AdminService.GetNode").node.disabled_games
        assert (record.game, record.reason) == (BLACKJACK, "under repair")


def test_a_switch_set_by_another_process_is_noticed(node: Serving) -> None:
    """Switches are polled from the store: one that another process wrote is in force within a poll."""
    acme, wallet = node.caller(), new_wallet()
    body = msgspec.json.encode(Switch(disabled=True, reason="by hand", actor="cli", time_ms=1))
    with closing(open_documents(node.config.database)) as beside:
        assert drive(beside.put_document(Document(SWITCH_KIND, "dice-10000", 1, body)))
    eventually(lambda: not acme.call("CatalogService.GetGame", name="games/dice-10000").game.enabled)
    assert "by hand" in refused(acme.open, wallet).message
    assert switched(node.caller("admin"), "games/dice-10000") == []
    assert acme.open(wallet).session.name
