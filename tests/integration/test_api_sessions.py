"""SessionService over the wire: opening, seeds, rotation, closing, lists."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from grpc import StatusCode

from croupier.limits import Limits
from croupier.pb import session_service_pb2 as pb
from croupier.pb.round_service_pb2 import ROUND_STATE_SETTLED
from tests.integration.calling import EUR, STAND, Caller, act, finish, new_id, new_wallet, open_blackjack, refused
from tests.integration.serving import Serving, settings


def rotate(acme: Caller, session: str, number: int, **fields: Any) -> Any:
    return acme.call("SessionService.RotateSeed", session=session, seed_number=number, **fields)


def test_open_get_refresh(serving: Serving, acme: Caller) -> None:
    """A session opens its wallet, shows two commitments and no seed, and its token lets its player in."""
    wallet = new_wallet()
    opened = acme.open(wallet, client_seed="luck")
    session = opened.session
    assert session.name.startswith(f"{wallet}/sessions/")
    assert (session.game, session.state, session.rounds) == ("games/dice-10000", pb.SESSION_STATE_OPEN, 0)
    assert (session.currency_code, session.balance_micros, session.step_micros) == ("EUR", 0, 10_000)
    assert (session.seed.number, session.seed.client_seed, session.seed.server_seed) == (1, "luck", "")
    assert len(session.seed.server_seed_hash) == len(session.next_server_seed_hash) == 64
    assert acme.call("SessionService.GetSession", name=session.name).session == session
    player = acme.as_(opened.token)
    assert player.call("SessionService.GetSession", name=session.name).session == session
    fresh = acme.call("SessionService.RefreshSession", name=session.name)
    assert acme.as_(fresh.token).call("SessionService.GetSession", name=session.name).session == session
    life_s = fresh.token_expire_time.ToMilliseconds() / 1000 - session.create_time.ToMilliseconds() / 1000
    assert 0 <= life_s - serving.config.token_ttl_s < 10


def test_the_client_seed_is_the_session_unless_given(acme: Caller) -> None:
    """Without a client seed the session's id in hex is one, so that no two sessions share it by default."""
    session = acme.open(new_wallet()).session
    assert session.seed.client_seed == session.name.rsplit("/", 1)[1].replace("-", "")


def test_a_session_keeps_its_currency_step(acme: Caller) -> None:
    """The smallest amount follows the currency: whole yen, thousandths of a dinar (wallet convention 6)."""
    assert acme.open(new_wallet(currency="JPY")).session.step_micros == 1_000_000
    assert acme.open(new_wallet(currency="KWD")).session.step_micros == 1_000


def test_rotation_reveals_what_was_committed_to(acme: Caller) -> None:
    """The revealed seed fits the hash shown before, the next one takes over as announced, and repeating gives the same reveal (R3)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, client_seed="mine").session
    rounds = [acme.play(session.name) for _ in range(3)]
    assert acme.call("SessionService.GetSession", name=session.name).session.seed.last_round == 3
    rotated = rotate(acme, session.name, 1, client_seed="other")
    revealed = rotated.revealed
    assert hashlib.sha256(bytes.fromhex(revealed.server_seed)).hexdigest() == session.seed.server_seed_hash
    assert {round_.server_seed_hash for round_ in rounds} == {revealed.server_seed_hash}
    assert (revealed.first_round, revealed.last_round, revealed.client_seed) == (1, 3, "mine")
    seed = rotated.session.seed
    assert (seed.number, seed.server_seed_hash, seed.client_seed, seed.first_round) == (2, session.next_server_seed_hash, "other", 4)
    assert seed.server_seed == ""
    again = rotate(acme, session.name, 1, client_seed="ignored")
    assert again.revealed == revealed
    assert again.session == rotated.session
    said = refused(rotate, acme, session.name, 3)
    assert (said.code, said.reason, said.field) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "seed_number")


def test_seeds_are_listed_newest_first(acme: Caller) -> None:
    """Every seed is listed once, revealed but for the one in force; pages join up and forged tokens are refused."""
    session = acme.open(new_wallet()).session
    for number in range(1, 6):
        rotate(acme, session.name, number)
    seeds = acme.call("SessionService.ListSeeds", session=session.name).seeds
    assert [seed.number for seed in seeds] == [6, 5, 4, 3, 2, 1]
    assert [bool(seed.server_seed) for seed in seeds] == [False] + [True] * 5
    found, token = [], ""
    while True:
        page = acme.call("SessionService.ListSeeds", session=session.name, page_size=2, page_token=token)
        found += page.seeds
        token = page.next_page_token
        if not token:
            break
    assert found == list(seeds)
    for forged in ("0", "7", "x", "999999999999999999"):
        said = refused(acme.call, "SessionService.ListSeeds", session=session.name, page_token=forged)
        assert (said.code, said.reason, said.field) == (StatusCode.OUT_OF_RANGE, "TOKEN_OUT_OF_RANGE", "page_token")


def test_client_seed(acme: Caller) -> None:
    """The client seed is for the rounds to come; setting it again changes nothing; what cannot be one is refused."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    first = acme.play(session)
    changed = acme.call("SessionService.SetClientSeed", session=session, client_seed="fresh").session
    assert changed.seed.client_seed == "fresh"
    revision = acme.head(wallet).revision
    assert acme.call("SessionService.SetClientSeed", session=session, client_seed="fresh").session == changed
    assert acme.head(wallet).revision == revision
    assert first.client_seed != acme.play(session).client_seed == "fresh"
    for malformed in ("", "a:b", "with space", "é", "x" * 65, "tab\t", "nul\x00"):
        said = refused(acme.call, "SessionService.SetClientSeed", session=session, client_seed=malformed)
        assert (said.code, said.reason, said.field) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "client_seed")
    assert acme.call("SessionService.SetClientSeed", session=session, client_seed="x" * 64)


def test_closing(acme: Caller) -> None:
    """Closing reveals the seed, ends play, and gives the same answer again; an open round forbids it (G2)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, "blackjack-classic").session.name
    round_ = open_blackjack(acme, session)
    for method, field in (("CloseSession", "name"), ("RotateSeed", "session"), ("SetClientSeed", "session")):
        more = {"RotateSeed": {"seed_number": 1}, "SetClientSeed": {"client_seed": "x"}}.get(method, {})
        said = refused(acme.call, f"SessionService.{method}", **{field: session}, **more)
        assert (said.code, said.reason) == (StatusCode.FAILED_PRECONDITION, "ROUND_OPEN")
        assert said.metadata == {"round": round_.name}
    finish(acme, round_)
    closed = acme.call("SessionService.CloseSession", name=session)
    assert closed.session.state == pb.SESSION_STATE_CLOSED
    assert closed.session.HasField("close_time")
    assert hashlib.sha256(bytes.fromhex(closed.revealed.server_seed)).hexdigest() == round_.server_seed_hash
    assert acme.call("SessionService.CloseSession", name=session) == closed
    assert acme.call("SessionService.ListSeeds", session=session).seeds[0] == closed.revealed
    assert refused(acme.play, session).reason == "SESSION_CLOSED"
    assert refused(acme.call, "SessionService.RefreshSession", name=session).reason == "SESSION_CLOSED"
    assert refused(rotate, acme, session, 2).reason == "SESSION_CLOSED"
    assert rotate(acme, session, 1).revealed == closed.revealed


def test_a_round_outlives_the_token_of_its_player(serving: Serving, acme: Caller) -> None:
    """With an expired token no money moves, the round waits, and the operator or a fresh token finishes it (S7, G6; wallet convention 4)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, "blackjack-classic").session.name
    round_ = open_blackjack(acme, session)
    revision = acme.head(wallet).revision
    late = acme.as_(serving.token(session, life_s=-1))
    for call in (lambda: act(late, round_, STAND), lambda: late.play(session)):
        said = refused(call)
        assert said[:2] == (StatusCode.UNAUTHENTICATED, "SESSION_EXPIRED")
    assert acme.head(wallet).revision == revision
    fresh = acme.as_(acme.call("SessionService.RefreshSession", name=session).token)
    assert fresh.call("RoundService.GetOpenRound", session=session).round == round_
    assert finish(fresh, round_).state == ROUND_STATE_SETTLED
    assert finish(acme, open_blackjack(acme, session)).state == ROUND_STATE_SETTLED


def test_sessions_are_listed_newest_first(acme: Caller) -> None:
    """Pages of ListSessions join up; each session shows the wallet's balance; a token past the end gives an empty page."""
    wallet = new_wallet()
    opened = [acme.open(wallet).session.name for _ in range(5)]
    acme.deposit(wallet, 7 * EUR)
    found, token = [], ""
    while True:
        page = acme.call("SessionService.ListSessions", wallet=wallet, page_size=2, page_token=token)
        found += page.sessions
        token = page.next_page_token
        if not token:
            break
    assert [session.name for session in found] == opened[::-1]
    assert {session.balance_micros for session in found} == {7 * EUR}
    assert not acme.call("SessionService.ListSessions", wallet=new_wallet()).sessions
    said = refused(acme.call, "SessionService.ListSessions", wallet=wallet, page_token="0")  # noqa: S106
    assert (said.code, said.field) == (StatusCode.OUT_OF_RANGE, "page_token")


def test_opening_again(acme: Caller) -> None:
    """The same id and content give the same session, other content ID_REUSED, a closed one SESSION_CLOSED."""
    wallet, session_id = new_wallet(), new_id()
    fields: dict[str, Any] = {"wallet": wallet, "session_id": session_id, "game": "games/dice-10000", "client_seed": "a"}
    first = acme.call("SessionService.OpenSession", **fields)
    assert acme.call("SessionService.OpenSession", **fields).session == first.session
    for change in ({"game": "games/dice-10001"}, {"client_seed": "b"}, {"client_seed": ""}):
        said = refused(acme.call, "SessionService.OpenSession", **{**fields, **change})
        assert (said.code, said.reason, said.field) == (StatusCode.ALREADY_EXISTS, "ID_REUSED", "session_id")
    acme.call("SessionService.CloseSession", name=first.session.name)
    assert refused(acme.call, "SessionService.OpenSession", **fields).reason == "SESSION_CLOSED"


def test_a_seed_rotates_by_itself(tmp_path: Path) -> None:
    """After as many rounds as the limit says a seed is revealed and the next takes over, with an entry each time (R3)."""
    with Serving(settings(tmp_path, store="memory", limits=Limits(seed_max_rounds=3))) as serving:
        acme, wallet = serving.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        rounds = [acme.play(session) for _ in range(10)]
        assert [round_.seed_number for round_ in rounds] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
        assert [round_.number for round_ in rounds] == list(range(1, 11))
        seeds = acme.call("SessionService.ListSeeds", session=session).seeds
        assert [(seed.first_round, seed.last_round) for seed in seeds] == [(10, 10), (7, 9), (4, 6), (1, 3)]
        for round_ in rounds[:9]:
            assert acme.call("RoundService.VerifyRound", name=round_.name).matches
        kinds = [entry.kind for entry in acme.call("WalletService.ListEntries", wallet=wallet).entries]
        assert len(kinds) == acme.head(wallet).revision == 2 + 10 + 3


def test_a_seed_rotates_by_its_age(tmp_path: Path) -> None:
    """A seed that has served its time is revealed after the round that finds it so; the next round draws from the next one (R3)."""
    with Serving(settings(tmp_path, store="memory", limits=Limits(seed_max_age_ms=0))) as serving:
        acme, wallet = serving.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        rounds = [acme.play(session) for _ in range(3)]
        assert [round_.seed_number for round_ in rounds] == [1, 2, 3]
        assert all(acme.call("RoundService.VerifyRound", name=round_.name).matches for round_ in rounds)
