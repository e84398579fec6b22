"""Players of one region each, through the Python client: rounds come as they come, whether earlier ones were answered or not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from croupier_client import AsyncClient, CroupierError, bets, new_id
from croupier_client.aio_session import AsyncSessionHandle
from croupier_client.pb import round_service_pb2 as pb
from croupier_client.retry import RetryPolicy, is_retried

T = TypeVar("T")
DEADLINE_S = 2.0
"""A player gives a round up after that."""
_GAME = "games/dice-10001"
_BET = bets.dice_over(1_000_000, 5_050)
_DEPOSIT_MICROS = 1_000_000 * 1_000_000
_CLIENTS = 4
_SEATED_AT_ONCE, _SETTLED_AT_ONCE = 24, 8
_PATIENT_S, _PAUSE_S = 60.0, 0.2


class Asked(Struct, frozen=True):
    """A round that was asked for."""

    began_s: float
    took_s: float
    reason: str
    """Why it was given up; empty if it was answered."""


class _Player:
    def __init__(self, client: AsyncClient, wallet: str) -> None:
        self.client = client
        self.wallet = wallet
        self.session: AsyncSessionHandle | None = None
        self.known: dict[str, pb.Round] = {}
        self.unknown: list[str] = []


class Players:
    """Those of a region."""

    def __init__(self, region: str, addresses: Sequence[str], key: str, count: int, chance: random.Random) -> None:
        self.region = region
        self.asked: list[Asked] = []
        self.unseated = 0
        """Rounds that were due when every player waited for one."""
        policy = RetryPolicy(deadline_s=DEADLINE_S, attempt_timeout_s=1.0)
        self._clients = [AsyncClient(addresses, key, operator="demo", region=region, policy=policy, discover=True) for _ in range(_CLIENTS)]
        self._players = [
            _Player(client := self._clients[number % _CLIENTS], client.wallet_name(f"spike-{region}-{number}", "EUR"))
            for number in range(count)
        ]
        self._idle = list(self._players)
        self._chance = chance
        self._running: set[asyncio.Task[None]] = set()

    async def sit_down(self) -> None:
        """Everybody gets money and opens a session, a few at a time."""
        at_once = asyncio.Semaphore(_SEATED_AT_ONCE)

        async def seat(player: _Player) -> None:
            async with at_once:
                await _patiently(lambda id_: player.client.deposit(player.wallet, _DEPOSIT_MICROS, transfer_id=id_))
                player.session = await _patiently(lambda id_: player.client.open_session(player.wallet, _GAME, session_id=id_))

        await asyncio.gather(*(seat(player) for player in self._players))

    async def play(self, rate: float, seconds: float) -> None:
        """So many rounds a second, for that long; those under way go on."""
        end_s = due_s = time.monotonic()
        end_s += seconds
        while (due_s := due_s + self._chance.expovariate(rate)) < end_s:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if not self._idle:
                self.unseated += 1
                continue
            player = self._idle.pop(self._chance.randrange(len(self._idle)))
            task = asyncio.create_task(self._round(player))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settle(self) -> int:
        """Rounds that were given up are asked for again, under their ids; then every wallet must hold what its rounds say. Micros that are off."""
        await asyncio.gather(*self._running)
        at_once = asyncio.Semaphore(_SETTLED_AT_ONCE)

        async def settled(player: _Player) -> int:
            async with at_once:
                return await self._settled(player)

        return sum(await asyncio.gather(*map(settled, self._players)))

    async def close(self) -> None:
        """Hangs up."""
        for client in self._clients:
            await client.close()

    async def _round(self, player: _Player) -> None:
        assert player.session is not None
        id_, began_s, reason = new_id(), time.monotonic(), ""
        try:
            player.known[id_] = await player.session.play(_BET, round_id=id_)
        except CroupierError as error:
            reason = error.reason or error.code.name
            player.unknown.append(id_)
        self.asked.append(Asked(began_s, time.monotonic() - began_s, reason))
        self._idle.append(player)

    async def _settled(self, player: _Player) -> int:
        session = player.session
        assert session is not None
        for id_ in player.unknown:
            player.known[id_] = await _patiently(lambda _, id_=id_: session.play(_BET, round_id=id_))
        wallet = await _patiently(lambda _: player.client.get_wallet(player.wallet))
        won = sum(round_.payout_micros - round_.stake_micros for round_ in player.known.values())
        numbers = sorted(round_.number for round_ in player.known.values())
        assert numbers == list(range(1, len(numbers) + 1)), f"{player.wallet} has rounds {numbers}"
        return abs(wallet.balance_micros - _DEPOSIT_MICROS - won)


async def _patiently(ask: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """The answer to a call, sent under one id until there is one."""
    id_, end_s = new_id(), time.monotonic() + _PATIENT_S
    while True:
        try:
            return await ask(id_)
        except CroupierError as error:
            if not is_retried(error) or time.monotonic() > end_s:
                raise
            await asyncio.sleep(_PAUSE_S)
