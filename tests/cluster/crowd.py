"""Load on a cluster: players who go on whatever breaks, and ask another node, with the same id, for what one does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise

from tests.faults.load import Line, ask
from tests.faults.wishes import Player, Wish

ATTEMPT_S_MAX = 3.0
"""After that a player asks another node."""
CALL_S_MAX = 20.0
"""After that the call counts as failed, as it would to a caller with a deadline; the player goes on asking, and plays nothing else meanwhile."""
_EJECTED_S = 1.0
"""How long a node is left out that did not answer."""
_PAUSE_S = 0.05
_SETTLE_S_MAX = 60.0


class Lines:
    """A client's connections to every node."""

    def __init__(self, addresses: Mapping[str, str], key: str, attempt_s_max: float = ATTEMPT_S_MAX) -> None:
        """`addresses` by the names of the nodes."""
        self._lines = {node: Line(address, key, attempt_s_max) for node, address in addresses.items()}
        self._out_until = dict.fromkeys(addresses, 0.0)

    def by_preference(self, wallet: str) -> list[Line]:
        """All of them: the wallet's preferred node first, those that did not answer lately last."""
        now = time.monotonic()
        ordered = sorted(self._lines, key=lambda node: (self._out_until[node] > now, _weight(node, wallet)))
        return [self._lines[node] for node in ordered]

    def all(self) -> list[Line]:
        """All of them, in the order of the nodes."""
        return list(self._lines.values())

    def heed(self) -> None:
        """Leaves out for a while whoever did not answer."""
        for node, line in self._lines.items():
            if line.is_lost:
                line.is_lost = False
                self._out_until[node] = time.monotonic() + _EJECTED_S

    @property
    def faults(self) -> list[str]:
        """What nodes said that contradicts what they had said."""
        return [fault for line in self._lines.values() for fault in line.faults]

    @property
    def unanswered(self) -> int:
        """Attempts that left open what became of them."""
        return sum(line.unanswered for line in self._lines.values())

    async def close(self) -> None:
        """Hangs up."""
        for line in self._lines.values():
            await line.close()


class Crowd:
    """Players with their lines."""

    def __init__(self, seed: int, players: int, lines: Lines, *, strays: float = 0.1, pause_s: float = 0.0) -> None:
        """`strays` is the share of calls that begin at any node; `pause_s` is how long a player rests between two calls on average."""
        self.chance = random.Random(seed)
        self.players = [Player(number, random.Random(f"{seed}/{number}")) for number in range(players)]
        self.lines = lines
        self.failed: list[Wish] = []
        """Those given up in time; settled at the end."""
        self._strays = strays
        self._pause_s = pause_s
        self._is_over = False

    @contextlib.asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        """Load while inside."""
        self._is_over = False
        tasks = [asyncio.create_task(self._play(player)) for player in self.players]
        try:
            yield
        finally:
            self._is_over = True
            await asyncio.gather(*tasks)

    @property
    def wishes(self) -> list[Wish]:
        """All that was asked for."""
        return [wish for player in self.players for wish in player.wishes]

    async def settle(self) -> None:
        """Every player learns what it does not know; for when everything is mended."""
        await asyncio.gather(*(self._settle(player) for player in self.players))

    async def _play(self, player: Player) -> None:
        while not self._is_over:
            wishes = player.wants()
            first, other, *_ = self.choose(player.wallet) * 2
            await ask(player, wishes, first, other, self.chance)
            self.lines.heed()
            for wish in wishes:
                if not await self.insist(player.wallet, wish, CALL_S_MAX):
                    self.failed.append(wish)
                    # Who wanted the same step once more could not be told apart from who asked for it twice.
                    if not await self.insist(player.wallet, wish, _SETTLE_S_MAX):
                        return
                player.learns(wish)
            if self._pause_s:
                await asyncio.sleep(self.chance.expovariate(1 / self._pause_s))

    def choose(self, wallet: str) -> list[Line]:
        """Where a call goes first, and then."""
        lines = self.lines.by_preference(wallet)
        if self.chance.random() < self._strays:
            self.chance.shuffle(lines)
        return lines

    async def insist(self, wallet: str, wish: Wish, seconds: float) -> bool:
        """Asks one node after another until it is known what became of a wish, or it takes too long; says whether it is known."""
        end = (wish.attempts[0].sent_ns / 1e9 if wish.attempts else time.monotonic()) + seconds
        number = 0
        while not wish.is_settled and time.monotonic() < end:
            number += 1
            line = self.lines.by_preference(wallet)[number // 2 % len(self.lines.all())]
            await line.send(wish)
            self.lines.heed()
            if not wish.is_settled:
                await asyncio.sleep(_PAUSE_S * self.chance.uniform(0.5, 1.5))
        return wish.is_settled

    async def _settle(self, player: Player) -> None:
        for wish in player.wishes:
            if not wish.is_settled:
                since_s = time.monotonic() - wish.attempts[0].sent_ns / 1e9 if wish.attempts else 0.0
                await self.insist(player.wallet, wish, since_s + _SETTLE_S_MAX)
                player.learns(wish)


def longest_gap_s(wishes: Sequence[Wish], begin_ns: int, end_ns: int) -> float:
    """The longest time within which no call was answered."""
    moments = sorted(wish.answered_ns for wish in wishes if begin_ns <= wish.answered_ns <= end_ns)
    edges = [begin_ns, *moments, end_ns]
    return max((later - earlier) / 1e9 for earlier, later in pairwise(edges))


def slowest_s(wishes: Sequence[Wish], begin_ns: int, end_ns: int, share: float) -> float:
    """The time from the first sending to the answer that `share` of the calls sent within that time did not exceed."""
    took = sorted(
        (wish.answered_ns - wish.attempts[0].sent_ns) / 1e9
        for wish in wishes
        if wish.answered_ns and begin_ns <= wish.attempts[0].sent_ns <= end_ns
    )
    return took[min(len(took) - 1, int(len(took) * share))] if took else 0.0


async def until(what: Callable[[], bool], seconds: float) -> bool:
    """Waits for something to be so; says whether it is."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


def _weight(node: str, wallet: str) -> int:
    """Rendezvous hash, as the nodes' own; the highest wins."""
    return -int.from_bytes(hashlib.sha256(f"{node}\0{wallet}".encode()).digest()[:8], "big")
