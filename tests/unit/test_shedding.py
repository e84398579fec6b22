"""A node at its limit of writes: new rounds are turned away before the store is asked, and what settles or resumes is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from croupier.errors import Overloaded
from croupier.model import WalletKey
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Call, Result
from croupier.runners.limiter import Bounds, Limiter
from croupier.runners.shedding import NEW, SETTLING, Shedding, settles
from tests.casino import BLACKJACK, EUR, WALLET, Desk, blackjack_action, blackjack_bet, dice_bet
from tests.unit.slow_store import Slow, awaiting, deposit, reasons, slow_desk, wallet

STAND = 2
LIMIT, SHARE = 4, 2
BOUNDS = Bounds(start=LIMIT, lowest=1, highest=LIMIT, settling_part=0, settling_lowest=SHARE)
ELSEWHERE = {"node": "n2", "address": "127.0.0.1:7402", "region": "eu"}


def shedding_of(desk: Desk) -> Shedding:
    return Shedding(Limiter(BOUNDS), desk.runner.cached.peek, lambda: ELSEWHERE)


async def fill(desk: Desk, store: Slow, runner: Awaiting, count: int = LIMIT) -> list[asyncio.Future[list[Result]]]:
    """As many writes as the limit allows, none of which the store answers."""
    busy = [wallet(number) for number in range(count)]
    store.held.update(busy)
    filling = [runner.call_many([Call(deposit(desk, key))]) for key in busy]
    for key in busy:
        await store.event(key).wait()
    return filling


async def open_hands(desk: Desk, runner: Awaiting, players: Sequence[WalletKey]) -> list[RoundView]:
    """An open blackjack round for each."""
    hands: list[RoundView] = []
    for player in players:
        await runner.call(deposit(desk, player, 1_000 * EUR))
        opened = await runner.call(OpenSession(player, desk.id(), BLACKJACK, "luck"))
        assert isinstance(opened, SessionView)
        while True:
            view = await runner.call(PlayRound(player, opened.session.id, desk.id(), blackjack_bet()))
            assert isinstance(view, RoundView)
            if not view.round.settled:
                hands.append(view)
                break
    return hands


def step(hand: RoundView) -> Act:
    return Act(hand.wallet, hand.round.id, hand.step + 1, blackjack_action(STAND))


async def test_new_rounds_are_turned_away_before_the_store_is_asked() -> None:
    """At the limit a new round is refused with a time and a place, costs the store nothing, and is taken again once there is room."""
    desk, store = slow_desk()
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        filling = await fill(desk, store, runner)
        written = len(store.written)
        with pytest.raises(Overloaded, match="n2 at") as refused:
            runner.call_many([Call(deposit(desk))])
        assert refused.value.metadata == ELSEWHERE
        assert refused.value.retry_after_s > 0
        assert runner.shedding is not None
        assert runner.shedding.counts == {NEW: 1, SETTLING: 0}
        assert len(store.written) == written
        store.let_go()
        await asyncio.gather(*filling)
        await runner.call(deposit(desk))
    assert runner.writing == 0


async def test_rounds_in_play_are_finished_while_new_ones_are_turned_away() -> None:
    """Steps, and a round that is asked for again while it is open, have a share of their own; so does closing a session."""
    desk, store = slow_desk()
    players = [wallet(number) for number in range(100, 103)]
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        hands = await open_hands(desk, runner, players)
        filling = await fill(desk, store, runner)
        for hand in hands:
            again = PlayRound(hand.wallet, hand.round.session, hand.round.id, hand.round.bet)
            assert settles(again, desk.runner.cached.peek(hand.wallet))
            assert not settles(PlayRound(hand.wallet, hand.round.session, desk.id(), dice_bet()), desk.runner.cached.peek(hand.wallet))
            assert isinstance(await runner.call(again), RoundView)
            with pytest.raises(Overloaded):
                await runner.call(PlayRound(hand.wallet, hand.round.session, desk.id(), dice_bet()))
            view = await runner.call(step(hand))
            assert isinstance(view, RoundView)
            await runner.call(CloseSession(hand.wallet, hand.round.session))
        store.let_go()
        await asyncio.gather(*filling)


async def test_the_share_has_an_end() -> None:
    """Where what settles fills its own share too, it is turned away as well: the store is never asked for more."""
    desk, store = slow_desk()
    players = [wallet(number) for number in range(100, 100 + SHARE + 1)]
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        hands = await open_hands(desk, runner, players)
        filling = await fill(desk, store, runner)
        store.held.update(players)
        filling += [runner.call_many([Call(step(hand))]) for hand in hands[:SHARE]]
        with pytest.raises(Overloaded):
            runner.call_many([Call(step(hands[SHARE]))])
        assert runner.shedding is not None
        assert runner.shedding.counts[SETTLING] == 1
        store.let_go()
        await asyncio.gather(*filling)


async def test_what_shares_a_write_is_no_further_one() -> None:
    """Calls for a wallet whose write is under way are taken at the limit too: they go into its next one."""
    desk, store = slow_desk()
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        filling = await fill(desk, store, runner)
        filling += [runner.call_many([Call(deposit(desk, wallet(0)))]) for _ in range(10)]
        store.let_go()
        results = await asyncio.gather(*filling)
        assert not any(reason for result in results for reason in reasons(result))


async def test_new_rounds_leave_room_in_the_queue() -> None:
    """Of the calls that wait, whichever wallet they are for, new ones may be three quarters."""
    desk, store = slow_desk()
    async with awaiting(desk, shedding=shedding_of(desk), max_queue=16) as runner:
        hands = await open_hands(desk, runner, [WALLET])
        store.held.add(WALLET)
        waiting = [runner.call_many([Call(deposit(desk))]) for _ in range(12)]
        with pytest.raises(Overloaded):
            runner.call_many([Call(deposit(desk))])
        waiting += [runner.call_many([Call(step(hands[0]))])]
        await asyncio.sleep(0.01)
        store.let_go()
        await asyncio.gather(*waiting)


async def test_one_refusal_serves_all_of_a_moment() -> None:
    """Turning away is cheap: the same refusal is told to everybody for a few milliseconds, and does not grow."""
    desk, store = slow_desk()
    async with awaiting(desk, shedding=shedding_of(desk)) as runner:
        filling = await fill(desk, store, runner)
        told: list[Overloaded] = []
        for _ in range(3):
            with pytest.raises(Overloaded) as refused:
                runner.call_many([Call(deposit(desk))])
            told.append(refused.value)
        assert len(set(map(id, told))) <= 2
        store.let_go()
        await asyncio.gather(*filling)


async def test_the_limit_learns_from_writes_and_not_from_refusals() -> None:
    """A call that is refused from the cache took no time, and says nothing of the store."""
    desk, _ = slow_desk()
    shedding = shedding_of(desk)
    async with awaiting(desk, shedding=shedding) as runner:
        await runner.call(deposit(desk))
        seen = len(shedding.limiter._samples)
        with pytest.raises(Exception, match="session"):
            await runner.call(PlayRound(WALLET, desk.id(), desk.id(), dice_bet()))
        assert len(shedding.limiter._samples) == seen == 1
