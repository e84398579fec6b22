"""The Python client, blocking and asyncio, against a live server: every family played, repeated, verified; ledger and watch followed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

import pytest

from croupier_client import AsyncClient, Client, SessionHandle, bets, errors, micros, new_id, play_request, verify_ledger
from croupier_client.demo.tour import choose
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import wallet_service_pb2 as wallets
from croupier_client.verify import round_detail
from tests.integration.live import LiveServer

BETS = {
    "games/dolphins-pearl": bets.slots(micros("0.10")),
    "games/atkins-diet": bets.slots(micros("0.20")),
    "games/sizzling-hot": bets.slots(micros("0.05")),
    "games/roulette-french": bets.roulette(bets.wager("red", micros(1)), bets.wager("split", micros(1), [0, 2])),
    "games/roulette-american": bets.roulette(bets.wager("top_line", micros(1)), bets.wager("six_line", micros(1), range(1, 7))),
    "games/dice-10001": bets.dice_under(micros(1), 4_950),
    "games/blackjack-classic": bets.blackjack(micros(2)),
    "games/blackjack-no-hole": bets.blackjack(micros("1.11")),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("live")) as server:
        yield server


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def wallet(client: Client) -> str:
    """A wallet of its own with 1,000 EUR."""
    name = client.wallet_name(new_id(), "EUR")
    client.deposit(name, micros(1_000))
    return name


def finish(session: SessionHandle, round_: rounds.Round) -> rounds.Round:
    while round_.state == rounds.ROUND_STATE_OPEN:
        round_ = session.act(round_, choose(round_.outcome.blackjack))
    return round_


@pytest.mark.parametrize("game", BETS)
def test_rounds_of_every_family_verify_in_pure_python(client: Client, wallet: str, game: str) -> None:
    """Played over the wire, stored, read back and recomputed from the revealed seed by the second evaluator."""
    session = client.open_session(wallet, game, client_seed="my-own")
    played = [finish(session, session.play(BETS[game])) for _ in range(8)]
    assert "not been revealed" in str(session.verify(played[0]))
    session.rotate_seed("another")
    played += [finish(session, session.play(BETS[game])) for _ in range(3)]
    session.close()
    stored = list(session.rounds())
    assert stored == played[::-1]
    for round_ in stored:
        report = session.verify(round_)
        assert report.matches, str(report)
        assert client.verify_round(round_.name).matches


def test_the_same_id_gives_the_same_bytes(client: Client, wallet: str) -> None:
    """Deposit, session, round and step: repeated, each gives its stored answer and has no second effect."""
    id_ = new_id()
    deposits = [client.deposit(wallet, micros(5), transfer_id=id_) for _ in range(3)]
    assert deposits[0] == deposits[1] == deposits[2]
    session = client.open_session(wallet, "games/blackjack-classic", session_id=id_)
    assert client.open_session(wallet, "games/blackjack-classic", session_id=id_).state == session.state
    while (round_ := session.play(bets.blackjack(micros(1)), id_)).state != rounds.ROUND_STATE_OPEN:
        id_ = new_id()
    action = choose(round_.outcome.blackjack)
    steps = [client.act(round_.name, 1, action) for _ in range(3)]
    assert steps[0] == steps[1] == steps[2]
    assert session.play(bets.blackjack(micros(1)), id_) == round_
    entries = list(client.entries(wallet))
    assert [entry.reference_id for entry in entries if entry.kind == wallets.ENTRY_KIND_DEPOSIT].count(
        deposits[0].name.rsplit("/", 1)[1]
    ) == 1
    assert sum(entry.reference_id == id_ and entry.step <= 1 for entry in entries if entry.kind == wallets.ENTRY_KIND_ROUND) == 2


def test_the_ledger_is_a_chain_that_anyone_can_check(client: Client, wallet: str) -> None:
    """The second implementation of the chain agrees with the server's, and notices an altered, missing or swapped entry."""
    session = client.open_session(wallet, "games/dice-10001")
    played = [session.play(BETS["games/dice-10001"]) for _ in range(5)]
    session.close()
    client.withdraw(wallet, micros(1))
    head, entries = client.get_wallet(wallet), list(client.entries(wallet))[::-1]
    assert verify_ledger(head, entries) == []
    details = {entry.reference_id: entry.detail_hash for entry in entries if entry.kind == wallets.ENTRY_KIND_ROUND}
    assert details == {round_.name.rsplit("/", 1)[1]: round_detail(round_) for round_ in played}
    altered = wallets.Entry.FromString(entries[3].SerializeToString())
    altered.payout_micros += 10_000
    assert "revision 4: the chain hash" in verify_ledger(head, [*entries[:3], altered, *entries[4:]])[0]
    assert verify_ledger(head, [*entries[:3], *entries[4:]])[0] == "revision 5 follows 3"
    assert "another hash or balance" in verify_ledger(head, entries[:-1])[-1]


def test_lists_are_read_to_their_end(client: Client, wallet: str) -> None:
    """2,200 rounds in three batches come back over several pages, newest first, each once."""
    session = client.open_session(wallet, "games/dice-10001")
    ids: list[str] = []
    for size in (1_000, 1_000, 200):
        answers = session.play_batch([bets.dice_over(micros("0.10"), 5_050)] * size)
        ids += [answer.get().name for answer in answers]
    assert [round_.name for round_ in session.rounds()] == ids[::-1]
    assert client.get_wallet(wallet).revision == 2_202
    assert len(list(client.entries(wallet))) == 2_202


def test_a_stream_of_plays_is_answered_in_order(client: Client, wallet: str) -> None:
    """500 plays, each tenth with a bet that is not offered: answers in order, refusals typed, the others numbered without a gap."""
    session = client.open_session(wallet, "games/dice-10001")
    good, bad = bets.dice_over(micros("0.10"), 5_050), bets.dice_over(micros("0.10"), 10_001)
    answers = list(session.play_stream((bad if n % 10 == 0 else good for n in range(500)), window=32))
    refused = [answer.error for answer in answers if answer.error]
    assert len(refused) == 50
    assert {(type(error), error.reason, error.field) for error in refused} == {(errors.RequestInvalid, "BET_INVALID", "bet.dice.target")}
    assert [answer.get().number for answer in answers if answer.round] == list(range(1, 451))
    assert all(error.id == answer.request.round_id for answer in answers if (error := answer.error))


def test_a_player_plays_with_the_session_token(server: LiveServer, client: Client, wallet: str) -> None:
    """The token of a session plays, rotates, lists and watches its own session, and moves no money."""
    session = client.open_session(wallet, "games/dice-10001")
    with server.client(session.token) as player:
        mine = player.session(session.name)
        round_ = mine.play(BETS["games/dice-10001"])
        mine.rotate_seed()
        assert mine.verify(round_).matches
        assert next(player.watch_wallet(wallet)).resume_token
        with pytest.raises(errors.Forbidden):
            player.withdraw(wallet, micros(1))
    with server.client(session.refresh_token()) as player:
        assert player.get_session(session.name).rounds == 1


async def test_the_asyncio_client_does_all_that_too(server: LiveServer) -> None:
    """Ten players at once through one AsyncClient: play, stream, watch, rotate, verify."""
    async with AsyncClient(server.address, server.facts["operator_key"], operator="demo") as client:

        async def visit() -> int:
            wallet = client.wallet_name(new_id(), "EUR")
            await client.deposit(wallet, micros(100))
            watch = client.watch_wallet(wallet)
            await anext(watch)
            session = await client.open_session(wallet, "games/roulette-french")
            round_ = await session.play(BETS["games/roulette-french"])
            answers = [answer async for answer in session.play_stream([BETS["games/roulette-french"]] * 20)]
            batch = await session.play_batch([BETS["games/roulette-french"]] * 5)
            await session.rotate_seed()
            stored = [round_ async for round_ in session.rounds()]
            assert stored == [round_, *(answer.get() for answer in [*answers, *batch])][::-1]
            for one in stored:
                assert (await session.verify(one)).matches
            seen = [(await anext(watch)).entry.revision for _ in range(28)]
            assert seen == list(range(2, 30))
            await session.close()
            return len(stored)

        assert await asyncio.gather(*(visit() for _ in range(10))) == [26] * 10
        assert "games/dice-10001" in [game.name async for game in client.games()]


def test_batches_of_several_sessions(client: Client, wallet: str) -> None:
    """One batch plays rounds of different sessions of the tenant."""
    dice = client.open_session(wallet, "games/dice-10001")
    wheel = client.open_session(wallet, "games/roulette-french")
    plays = [play_request(dice.name, BETS["games/dice-10001"], None), play_request(wheel.name, BETS["games/roulette-french"], None)]
    assert [answer.get().session_id for answer in client.play_batch(plays)] == [dice.name.rsplit("/", 1)[1], wheel.name.rsplit("/", 1)[1]]


def test_a_watch_can_be_taken_up_later(client: Client, wallet: str) -> None:
    """With the token of the last message a new watch goes on behind it, though the entries came in between."""
    watch = client.watch_wallet(wallet)
    token = next(watch).resume_token
    for _ in range(5):
        client.deposit(wallet, micros(1))
    first = [message.entry.revision for message in islice(watch, 2)]
    later = [message for message in islice(client.watch_wallet(wallet, token), 6) if message.HasField("entry")]
    assert first == [2, 3]
    assert [message.entry.revision for message in later] == [2, 3, 4, 5, 6]
