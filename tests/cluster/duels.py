"""Calls that meet on purpose: one id at two nodes at once, one id with two contents, eight callers with money for one bet."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from croupier_client.ids import new_id
from croupier_client.pb import dice_pb2, games_pb2
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import session_service_pb2 as sessions
from croupier_client.pb import wallet_service_pb2 as wallets
from tests.cluster.crowd import CALL_S_MAX, Crowd
from tests.faults.wishes import EUR, Player, Wish

_AT_ONCE = 8
_SPENDERS = 8


class Duelist(Player):
    """A wallet with one dice session, which only duels use; the checker judges it like every player's."""

    def __init__(self, crowd: Crowd, name: str) -> None:
        super().__init__(0, crowd.chance)
        self.wallet = f"operators/demo/players/{name}/wallets/EUR"
        self.session = f"{self.wallet}/sessions/{new_id()}"
        self._crowd = crowd
        crowd.players.append(self)

    async def opens(self, deposit_micros: int) -> None:
        """Money, and a session."""
        await self.one(self.deposit(deposit_micros))
        id_ = self.session.rpartition("/")[2]
        await self.one(Wish("OpenSession", sessions.OpenSessionRequest(wallet=self.wallet, session_id=id_, game="games/dice-10000")))

    async def one(self, wish: Wish) -> None:
        """One call, insisted on."""
        self.wishes.append(wish)
        await self._crowd.insist(self.wallet, wish, CALL_S_MAX)

    def deposit(self, amount_micros: int, id_: str = "") -> Wish:
        """Money in."""
        return Wish("Deposit", wallets.DepositRequest(wallet=self.wallet, transfer_id=id_ or new_id(), amount_micros=amount_micros))

    def withdraw(self, amount_micros: int) -> Wish:
        """Money out."""
        return Wish("Withdraw", wallets.WithdrawRequest(wallet=self.wallet, transfer_id=new_id(), amount_micros=amount_micros))

    def play(self, stake_micros: int, id_: str = "") -> Wish:
        """A round of dice."""
        dice = dice_pb2.DiceBet(stake_micros=stake_micros, side=dice_pb2.DICE_SIDE_UNDER, target=5_000)
        return Wish("Play", rounds.PlayRequest(session=self.session, round_id=id_ or new_id(), bet=games_pb2.Bet(dice=dice)))


async def same_id_at_two_nodes(crowd: Crowd, count: int) -> int:
    """So many rounds, each sent to two nodes at the same moment; how many were answered by both with the same bytes."""

    async def duel(duelist: Duelist, times: int) -> int:
        await duelist.opens(1_000 * EUR)
        both = 0
        for _ in range(times):
            wish = duelist.play(EUR)
            duelist.wishes.append(wish)
            first, second = crowd.chance.sample(crowd.lines.all(), 2)
            await asyncio.gather(first.send(wish), second.send(wish))
            both += sum(attempt.said == "OK" for attempt in wish.attempts) == 2
            crowd.lines.heed()
            await crowd.insist(duelist.wallet, wish, CALL_S_MAX)
        return both

    duelists = [Duelist(crowd, f"twin-{number}") for number in range(_AT_ONCE)]
    return sum(await asyncio.gather(*(duel(duelist, count // _AT_ONCE) for duelist in duelists)))


async def same_id_other_content(crowd: Crowd, count: int) -> int:
    """So many ids, each sent to two nodes at once with two contents; in how many exactly one was taken and the other refused as reused."""

    async def duel(duelist: Duelist, times: int) -> int:
        await duelist.opens(1_000 * EUR)
        sound = 0
        for number in range(times):
            id_ = new_id()
            pair = [duelist.play(stake * EUR, id_) if number % 2 else duelist.deposit(stake * EUR, id_) for stake in (1, 2)]
            duelist.wishes += pair
            await _sent_at_once(crowd, pair)
            sound += sorted(wish.refusal for wish in pair) == ["", "ID_REUSED"]
        return sound

    duelists = [Duelist(crowd, f"reuser-{number}") for number in range(_AT_ONCE)]
    return sum(await asyncio.gather(*(duel(duelist, count // _AT_ONCE) for duelist in duelists)))


async def overspend(crowd: Crowd, count: int) -> Counter[str]:
    """So many times eight callers at once, at all nodes, want the last euro of a wallet: what they were told. OK must come once each time."""
    told: Counter[str] = Counter()

    async def contest(number: int) -> None:
        duelist = Duelist(crowd, f"spender-{number}")
        await duelist.opens(EUR)
        wishes = [duelist.withdraw(EUR) if number % 2 else duelist.play(EUR) for _ in range(_SPENDERS)]
        duelist.wishes += wishes
        await _sent_at_once(crowd, wishes)
        told.update(wish.refusal or "OK" for wish in wishes if number % 2)

    for first in range(0, count, _AT_ONCE):
        await asyncio.gather(*(contest(number) for number in range(first, min(first + _AT_ONCE, count))))
    return told


async def _sent_at_once(crowd: Crowd, wishes: Sequence[Wish]) -> None:
    lines = crowd.lines.all()
    random.Random(crowd.chance.random()).shuffle(lines)
    await asyncio.gather(*(lines[number % len(lines)].send(wish) for number, wish in enumerate(wishes)))
    crowd.lines.heed()
    wallet = str(getattr(wishes[0].request, "wallet", "")) or wishes[0].request.session.rpartition("/sessions/")[0]  # type: ignore[attr-defined]
    await asyncio.gather(*(crowd.insist(wallet, wish, CALL_S_MAX) for wish in wishes))
