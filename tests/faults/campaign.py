"""Campaigns: lives of a server under load, each ended by a kill, then one more life to settle what is unknown, and the comparison."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from tests.faults.checker import Findings, compare
from tests.faults.load import Line, play_on, settle
from tests.faults.points import ANY_MOMENT, Point, faults
from tests.faults.process import Server, ServerDied, audit
from tests.faults.wishes import Player

PLAYERS = 32
KILLED = -9
LIFE_S_MAX = 3.0
"""A kill at a point that is not reached by then comes at any moment."""


class Outcome(Struct):
    """What a campaign came to."""

    findings: Findings
    kills: Counter[str]
    unknown: int = 0
    """Calls whose answer never came, or that were told OUTCOME_UNKNOWN; every one was asked for again under its id."""
    retried: int = 0
    audit: dict[str, object] = {}
    log: str = ""

    @property
    def is_clean(self) -> bool:
        """Nothing was broken."""
        return self.findings.is_clean and self.audit.get("ok") is True


class Campaign:
    """Players and a data folder that outlive the servers."""

    def __init__(self, data: Path, seed: int, players: int = PLAYERS) -> None:
        self.data = data
        self.chance = random.Random(seed)
        self.players = [Player(number, random.Random(f"{seed}/{number}")) for number in range(players)]
        self.faults: list[str] = []
        self.unknown = 0
        self.kills: Counter[str] = Counter()

    async def live(self, servers: Sequence[Server], seconds: float) -> list[int]:
        """Load on servers until each has ended; those that run longer than that are killed. Their exit codes."""
        lines = [Line(server.address, server.key) for server in servers]
        load = [asyncio.create_task(play_on(player, lines, self.chance)) for player in self.players]
        ends = [asyncio.create_task(server.ended()) for server in servers]
        await asyncio.wait(ends, timeout=seconds)
        for server in servers:
            server.kill()
        codes = list(await asyncio.gather(*ends))
        await asyncio.gather(*load)
        await self._hang_up(lines)
        return codes

    async def be_killed(self, point: Point, passing: int, control: str) -> None:
        """One life that ends at a point, which may come while the server still starts, or at any moment."""
        try:
            server = await Server.start(self.data, point, passing, control=control)
        except ServerDied as error:
            code, where = error.code, f"{point.name}_at_start"
        else:
            seconds = self.chance.uniform(0.1, 0.9) if point is ANY_MOMENT else LIFE_S_MAX
            (code,), where = await self.live([server], seconds), point.name
        self.kills[where] += code == KILLED
        if code != KILLED:
            self.faults.append(f"a server that was to be killed at {where} ended with {code}")

    async def play_a_little(self, server: Server, rounds: int) -> None:
        """Load until the players have asked for that many things more, all answered."""
        line = Line(server.address, server.key)
        enough = sum(len(player.wishes) for player in self.players) + rounds

        def is_enough() -> bool:
            return sum(len(player.wishes) for player in self.players) >= enough

        await asyncio.gather(*(play_on(player, [line], self.chance, is_enough) for player in self.players))
        await self._hang_up([line])

    async def settle(self, control: str = "") -> None:
        """One more life, in which every player learns what it does not know; ends with a drain."""
        server = await Server.start(self.data, control=control)
        line = Line(server.address, server.key)
        await asyncio.gather(*(settle(player, [line]) for player in self.players))
        await self._hang_up([line])
        code = await server.drain()
        if code:
            self.faults.append(f"a drain ended with {code}")

    def outcome(self) -> Outcome:
        """Compares players and folder, and lets `croupier audit` judge the folder too."""
        findings = self.compared()
        findings.lost += len(self.faults)
        findings.examples = [*self.faults[:10], *findings.examples]
        retried = sum(wish.sent > 1 for player in self.players for wish in player.wishes)
        log = self.data / "server.log"
        return Outcome(findings, self.kills, self.unknown, retried, audit(self.data), log.read_text() if log.exists() else "")

    def compared(self) -> Findings:
        """What the folder holds, against what the players were told so far."""
        return compare(self.data, self.players)

    async def _hang_up(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self.faults += line.faults
            self.unknown += line.unanswered
            await line.close()


async def kill_often(data: Path, seed: int, kills: Sequence[tuple[Point, int]], control: str = "") -> Outcome:
    """A life for each kill, each beginning with retries of what the one before left unknown."""
    campaign = Campaign(data, seed)
    for point, passing in kills:
        await campaign.be_killed(point, passing, control)
    await campaign.settle(control)
    return campaign.outcome()


async def two_owners(data: Path, seed: int, kills: int, control: str) -> Outcome:
    """Two servers on one file, which nothing but a test can start; both killed, again and again."""
    campaign = Campaign(data, seed)
    for _ in range(kills):
        servers = [await Server.start(data, control=control) for _ in range(2)]
        await campaign.live(servers, campaign.chance.uniform(0.5, 1.0))
        campaign.kills["both_owners"] += 1
    await campaign.settle(control)
    return campaign.outcome()


class Control(NamedTuple):
    """How a guard that is switched off is tried, and which count must then not be 0."""

    name: str
    kills: int
    finds: str


CONTROLS = (
    Control("answer_before_commit", 4, "lost"),
    Control("new_id_check", 4, "double"),
    Control("step_check", 12, "double"),
)
"""Those that a campaign of kills must catch; disk.py and two_owners have their own."""


async def is_caught(data: Path, seed: int, control: Control) -> bool:
    """Whether a campaign without this guard finds what it must."""
    outcome = await kill_often(data, seed, faults(control.kills, random.Random(seed)), control.name)
    return bool(getattr(outcome.findings, control.finds))
