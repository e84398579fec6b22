"""Players of the Python SDK at a fixed pace, and what they notice of a fault: calls that failed, how long calls took, how long a wallet had no answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from croupier_client import AsyncClient, AsyncSessionHandle, CroupierError, bets, micros, new_id, verify_ledger
from tests.cluster.sdk_stage import OPERATOR, EngineNodes

PLAYERS, PACE_S, LOOKED_AT_S = 40, 0.2, 3.0
"""200 rounds a second."""
VICTIM = "node-1"
DICE = bets.dice_over(micros("0.10"), 5_000)


@dataclass
class Course:
    """What the players saw."""

    took_s: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When each round was due, and how long after that it was answered."""
    answered: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """When each wallet's rounds were answered."""
    failures: list[CroupierError] = field(default_factory=list[CroupierError])

    def noticed(self, since: float, until: float) -> Noticed:
        """What of it fell into a time."""
        everyone = sorted(moment for moments in self.answered.values() for moment in moments)
        return Noticed(
            [took for due, took in self.took_s if since - 1.5 <= due <= until],
            [_longest(moments, since, until) - PACE_S for moments in self.answered.values()],
            [_longest(everyone, since, until)],
            [str(failure) for failure in self.failures],
        )


@dataclass(frozen=True)
class Noticed:
    """What players noticed of one fault, or of several of its kind. Times in seconds."""

    took_s: list[float]
    """How long each call took, from 1.5 s before the fault on."""
    gaps_s: list[float]
    """For each wallet the longest time without an answer, less its pace."""
    silences_s: list[float]
    """For each fault the longest time without any answer."""
    failures: list[str]

    def __add__(self, other: Noticed) -> Noticed:
        return Noticed(
            self.took_s + other.took_s, self.gaps_s + other.gaps_s, self.silences_s + other.silences_s, self.failures + other.failures
        )

    def __str__(self) -> str:
        times = (*_figures(self.took_s), *_figures(self.gaps_s), max(self.silences_s))
        return f"{len(self.silences_s)} | {len(self.took_s):,} | {len(self.failures)} | " + " | ".join(
            f"{1_000 * seconds:,.0f}" for seconds in times
        )


HEADER = "faults | calls | failed | call p50, ms | p99 | max | gap of a wallet p50, ms | p99 | max | longest without any answer, ms"


async def suffer(nodes: EngineNodes, fault: str) -> Noticed:
    """Plays 200 rounds a second at one node, does that to it, and says what players noticed. Each wallet's ledger must hold its rounds once."""
    wallets, victim = nodes.wallets_of(VICTIM, PLAYERS, f"{fault}-{new_id()[-8:]}"), nodes.nodes[VICTIM]
    async with AsyncClient(nodes.addresses[:2], nodes.key, operator=OPERATOR) as client:
        async with playing(client, wallets, PACE_S) as course:
            await asyncio.sleep(1.5)
            began = time.monotonic()
            await asyncio.to_thread(getattr(victim, fault))
            await asyncio.sleep(max(0.0, began + LOOKED_AT_S - time.monotonic()))
        if victim.is_alive:
            victim.thaw()
        for wallet in wallets[:: PLAYERS // 5]:
            assert await is_in_order(client, wallet, len(course.answered[wallet])), wallet
    return course.noticed(began, began + LOOKED_AT_S)


@asynccontextmanager
async def playing(client: AsyncClient, wallets: Sequence[str], pace_s: float) -> AsyncIterator[Course]:
    """One player a wallet, each playing a round every `pace_s`, until the block ends."""
    course, over = Course(), asyncio.Event()
    sessions = [await _open(client, wallet) for wallet in wallets]
    players = [
        asyncio.create_task(_play(session, course, over, pace_s, number * pace_s / len(sessions)))
        for number, session in enumerate(sessions)
    ]
    yield course
    over.set()
    await asyncio.gather(*players)


async def is_in_order(client: AsyncClient, wallet: str, rounds: int) -> bool:
    """Whether a wallet's ledger holds its deposit, its session and exactly so many rounds, and its chain is whole."""
    entries = [entry async for entry in client.entries(wallet)]
    return len(entries) == rounds + 2 and verify_ledger(await client.get_wallet(wallet), entries[::-1]) == []


async def _open(client: AsyncClient, wallet: str) -> AsyncSessionHandle:
    await client.deposit(wallet, micros(1_000))
    return await client.open_session(wallet, "games/dice-10000")


async def _play(session: AsyncSessionHandle, course: Course, over: asyncio.Event, pace_s: float, offset_s: float) -> None:
    due = time.monotonic() + offset_s
    answered = course.answered.setdefault(session.wallet, [])
    while not over.is_set():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        try:
            await session.play(DICE)
        except CroupierError as error:
            course.failures.append(error)
        now = time.monotonic()
        answered.append(now)
        course.took_s.append((due, now - due))
        # Whoever waited for an answer does not make up for what was missed.
        due = max(due + pace_s, now)


def at(times_s: Sequence[float], share: float) -> float:
    """The time that this share of them did not exceed."""
    return sorted(times_s)[min(len(times_s) - 1, int(len(times_s) * share))]


def _figures(times_s: Sequence[float]) -> tuple[float, float, float]:
    return at(times_s, 0.5), at(times_s, 0.99), max(times_s)


def _longest(moments: Sequence[float], since: float, until: float) -> float:
    return max((later - earlier for earlier, later in pairwise(moments) if later >= since and earlier <= until), default=until - since)
