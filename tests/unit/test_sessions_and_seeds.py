"""Sessions and their seeds, decided: opening, client seeds, rotation by hand, by count and by time, revealing, closing."""

from __future__ import annotations

import hashlib
import random

import pytest
from msgspec import structs

from croupier.errors import Refusal
from croupier.model import EntryKind, Key, Seed, Session, WalletKey, seed_key
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession, RevealView, RotateSeed, SetClientSeed
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.stores.store import drive
from tests.casino import BLACKJACK, DICE, NOW_MS, VAULT, WALLET, Desk, blackjack_action, dice_bet, legal_actions, uuid7

STAND = 2
HOUR_MS = 3_600_000


def reasons(*results: object) -> list[str]:
    return [result.reason if isinstance(result, Refusal) else "ok" for result in results]


def stored_session(desk: Desk, session: bytes) -> Session:
    key = Key(WALLET, "session", session)
    found = drive(desk.store.load([key]))[key]
    assert isinstance(found, Session)
    return found


def revealed_seed(desk: Desk, session: bytes, number: int) -> Seed | None:
    key = seed_key(WALLET, session, number)
    found = drive(desk.store.load([key]))[key]
    assert found is None or isinstance(found, Seed)
    return found


def rotations(desk: Desk) -> int:
    return sum(entry.kind is EntryKind.SEED_ROTATED for entry in desk.entries())


@pytest.mark.parametrize(
    ("age_days", "currency", "game", "is_disabled", "expected"),
    [
        (40, "ZZZ", "no-game", True, "ID_OUT_OF_WINDOW"),
        (0, "ZZZ", "no-game", True, "FIELD_INVALID"),
        (0, "EUR", "no-game", True, "GAME_NOT_FOUND"),
        (0, "EUR", DICE, True, "GAME_DISABLED"),
        (0, "EUR", DICE, False, "ok"),
    ],
)
def test_refusals_of_an_opening_in_order(age_days: int, currency: str, game: str, is_disabled: object, expected: str) -> None:
    """What is wrong first in the documented order is told; an opening makes the wallet where there is none."""
    desk = Desk()
    if is_disabled:
        desk.runner.house = structs.replace(desk.runner.house, disabled={DICE: "inspection"})
    wallet = WalletKey("acme", "new", currency)
    id_ = uuid7(NOW_MS - age_days * 86_400_000, desk.chance)
    assert reasons(*desk.results(OpenSession(wallet, id_, game, ""))) == [expected]
    assert len(desk.entries(wallet)) == (expected == "ok")


def test_opening_twice_is_one_session() -> None:
    """S4: the same id again gives the session as it stands, with the seed it opened with; another game or client seed under it is ID_REUSED."""
    desk = Desk()
    desk.deposit()
    id_ = desk.id()
    first = desk.run(OpenSession(WALLET, id_, DICE, "luck"), SessionView)
    desk.play(id_)
    again = desk.run(OpenSession(WALLET, id_, DICE, "luck"), SessionView)
    assert again.session.seed == first.session.seed and again.session.rounds == 1
    assert reasons(*desk.results(OpenSession(WALLET, id_, BLACKJACK, "luck"), OpenSession(WALLET, id_, DICE, "other"))) == ["ID_REUSED"] * 2
    desk.close(id_)
    assert reasons(*desk.results(OpenSession(WALLET, id_, DICE, "luck"))) == ["SESSION_CLOSED"]


def test_seeds_are_committed_to_and_sealed() -> None:
    """R1, R2, R15: the first seed and the next are fresh, sealed under the session's own name, and bound to the hash that was shown."""
    desk = Desk()
    session, other = stored_session(desk, desk.open()), stored_session(desk, desk.open())
    bound = f"{WALLET}/sessions/".encode() + session.id
    opened = {VAULT.open(session.seed.sealed, bound), VAULT.open(session.next_seed.sealed, bound)}
    assert {hashlib.sha256(seed).digest() for seed in opened} == {session.seed.commitment, session.next_seed.commitment}
    assert len(opened) == 2
    assert not {session.seed.commitment, session.next_seed.commitment} & {other.seed.commitment, other.next_seed.commitment}
    assert not any(seed in session.seed.sealed for seed in opened)


def test_no_two_sessions_share_a_seed() -> None:
    """R2: ten thousand sessions under real entropy have twenty thousand different seeds."""
    desk = Desk()
    entropy = random.SystemRandom().randbytes
    desk.runner._entropy = entropy
    opened = desk.results(*(OpenSession(WALLET, desk.id(), DICE, "") for _ in range(10_000)))
    sessions = [one.session for one in opened if isinstance(one, SessionView)]
    assert len({hash_ for one in sessions for hash_ in (one.seed.commitment, one.next_seed.commitment)}) == 20_000


def test_a_rotation_reveals_and_goes_on() -> None:
    """R3: a rotation reveals the seed in force, puts the one in its place whose hash was shown before, and shows a new hash."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    before = stored_session(desk, session)
    for _ in range(3):
        desk.play(session)
    answer = desk.rotate(session, 1, "better luck")
    after = answer.session.session
    assert hashlib.sha256(answer.revealed.revealed).digest() == before.seed.commitment
    assert (answer.revealed.first_round, answer.revealed.last_round, answer.revealed.number) == (1, 3, 1)
    assert (after.seed.number, after.seed.commitment, after.seed.client_seed) == (2, before.next_seed.commitment, "better luck")
    assert after.seed.first_round == 4
    assert after.next_seed.commitment not in (before.seed.commitment, before.next_seed.commitment)
    assert desk.play(session).round.commitment == before.next_seed.commitment
    assert revealed_seed(desk, session, 1) == answer.revealed and revealed_seed(desk, session, 2) is None


def test_rotating_twice_reveals_once() -> None:
    """S4: naming a seed that was rotated away gives its reveal again and rotates nothing; a number ahead is refused."""
    desk = Desk()
    session = desk.open()
    first = desk.rotate(session, 1)
    assert desk.rotate(session, 1).revealed == first.revealed
    assert reasons(*desk.results(RotateSeed(WALLET, session, 5, ""), RotateSeed(WALLET, bytes(16), 1, ""))) == [
        "FIELD_INVALID",
        "SESSION_NOT_FOUND",
    ]
    assert rotations(desk) == 1


def test_a_seed_without_rounds_says_so() -> None:
    """A seed that no round was drawn from names 0 as its last round."""
    desk = Desk()
    session = desk.open()
    assert desk.rotate(session, 1).revealed.last_round == 0


def test_seeds_rotate_by_count() -> None:
    """R3: a seed serves its number of rounds and no more; each round names the seed it came from, and rounds are numbered on."""
    desk = Desk(seed_max_rounds=4)
    desk.deposit()
    session = desk.open()
    views = [desk.play(session) for _ in range(13)]
    assert [view.round.seed_number for view in views] == [1] * 4 + [2] * 4 + [3] * 4 + [4]
    assert [view.round.number for view in views] == list(range(1, 14))
    revealed = [revealed_seed(desk, session, number) for number in (1, 2, 3, 4)]
    assert [(one.first_round, one.last_round) if one else None for one in revealed] == [(1, 4), (5, 8), (9, 12), None]
    assert {view.round.commitment for view in views[:4]} == {revealed[0].commitment if revealed[0] else b""}


def test_seeds_rotate_by_time() -> None:
    """R3: a seed that has reached its age rotates with the next round; the state that was captured before can't reproduce what follows."""
    desk = Desk(seed_max_age_ms=HOUR_MS)
    desk.deposit()
    session = desk.open()
    desk.now_ms += HOUR_MS - 1
    desk.play(session)
    assert rotations(desk) == 0
    desk.now_ms += 1
    last = desk.play(session)
    assert rotations(desk) == 1
    assert desk.play(session).round.commitment != last.round.commitment
    desk.now_ms += HOUR_MS
    desk.play(session)
    assert rotations(desk) == 2


def test_a_due_seed_stays_while_a_round_is_open() -> None:
    """G6, R3: a seed that is due while a round is open rotates with the step that settles it."""
    desk = Desk(seed_max_age_ms=HOUR_MS)
    desk.deposit()
    view = desk.open_hand(desk.open(BLACKJACK))
    desk.now_ms += 2 * HOUR_MS
    step = 0
    while not view.round.settled:
        assert rotations(desk) == 0
        step += 1
        kind = STAND if STAND in legal_actions(view) else legal_actions(view)[-1]
        view = desk.run(Act(WALLET, view.round.id, step, blackjack_action(kind)), RoundView)
    assert rotations(desk) == 1


def test_a_client_seed_is_for_the_rounds_to_come() -> None:
    """Setting a client seed is an entry without money; rounds before keep theirs; setting it again changes nothing."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    before = desk.play(session)
    desk.set_client_seed(session, "new")
    entries = len(desk.entries())
    assert desk.set_client_seed(session, "new").session.seed.client_seed == "new"
    assert len(desk.entries()) == entries
    assert (before.round.client_seed, desk.play(session).round.client_seed) == ("luck", "new")


def test_an_open_round_holds_its_seeds() -> None:
    """G2: while a round is open, its session's seeds can't be changed nor the session closed."""
    desk = Desk()
    desk.deposit()
    session = desk.open(BLACKJACK)
    desk.open_hand(session)
    commands = SetClientSeed(WALLET, session, "new"), RotateSeed(WALLET, session, 1, ""), CloseSession(WALLET, session)
    assert reasons(*desk.results(*commands)) == ["ROUND_OPEN"] * 3


def test_closing_reveals_and_ends() -> None:
    """Closing reveals the seed in force; closing again says the same; a closed session takes nothing more, and its seeds can still be had."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    desk.play(session)
    closed = desk.close(session)
    assert hashlib.sha256(closed.revealed.revealed).digest() == closed.revealed.commitment
    assert desk.close(session) == closed
    assert desk.rotate(session, 1).revealed == closed.revealed
    commands = PlayRound(WALLET, session, desk.id(), dice_bet()), SetClientSeed(WALLET, session, "x"), RotateSeed(WALLET, session, 2, "")
    assert reasons(*desk.results(*commands)) == ["SESSION_CLOSED"] * 3
    assert reasons(*desk.results(CloseSession(WALLET, bytes(16)))) == ["SESSION_NOT_FOUND"]


def test_every_round_comes_out_of_its_revealed_seed() -> None:
    """R8: with the seeds that rotations and the close revealed, every round of a session is reproduced byte for byte."""
    desk = Desk(seed_max_rounds=5)
    desk.deposit(1_000_000_000)
    session = desk.open()
    views: list[RoundView] = []
    for number in range(30):
        views.append(desk.play(session, dice_bet(1_000_000 * (1 + number % 3), 100 + 300 * number)))
        if number % 7 == 0:
            desk.set_client_seed(session, f"luck {number}")
    closed = desk.run(CloseSession(WALLET, session), RevealView)
    for view in views:
        one = view.round
        seed = revealed_seed(desk, session, one.seed_number) or closed.revealed
        model = desk.runner.house.catalog.by_hash[one.model]
        played = model.play(seed.revealed, one.client_seed, one.number, one.bet, 10_000)
        assert getattr(played, "outcome", b"") == one.steps[0].outcome
