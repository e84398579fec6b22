"""The durability classes that the campaign's usual stage, which is of class geo, does not show: what a cut, a kill or a move of homes does to each."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from croupier.dev.plan import Plan
from croupier.errors import Refusal, StoreFailed
from croupier.stores.cassandra.opening import CassandraStore
from tests.cluster.injections import HARM_S, Injection, hung_cassandra, killed_cassandra, killed_node, region_cut, rolling_nodes
from tests.cluster.stage import REGIONS, Stage
from tests.faults.checker import wallet_key_of

_PLAYERS, _PAUSE_S = 12, 0.3
"""Calmer players, whose wallets are moved between two of their calls: one that is written to all the time stays where it is."""
_MOVERS, _MOVE_S_MAX = 3, 2.0
HOME: dict[str, Any] = {"cassandra": {"durability": "home", "accept": ["replicas"]}}
"""One replica in each region, which is accepted by name: a region's only Cassandra node is the whole region to its wallets."""


class Trial(NamedTuple):
    """A class, how its nodes are set, and what is done to them."""

    name: str
    settings: dict[str, Any]
    replicas: dict[str, int]
    injections: tuple[Injection, ...]


def trials(plan: Plan) -> list[Trial]:
    """Class local in the first region, with engine nodes that stand in all three; and class home over all of them."""
    cuts = [region_cut(direction, region=REGIONS[0], takes_quorum=True) for direction in ("both", "in", "out")] if plan.isolated else []
    machines = (
        killed_cassandra(0, takes_quorum=True),
        hung_cassandra(0, takes_quorum=True),
        Injection("engine node killed at any moment", killed_node),
        Injection("rolling restart of the engine nodes", rolling_nodes),
    )
    points = [f"{node.address}:{plan.ports.cql}" for node in plan.of_kind("cassandra") if node.region == REGIONS[0]]
    local = {"region": REGIONS[0], "cassandra": {"durability": "local", "accept": ["replicas"], "contact_points": {REGIONS[0]: points}}}
    moves = [moving(None), *(moving(one) for one in (*machines[:3], *cuts[:1]))]
    return [
        Trial("local", local, {REGIONS[0]: 1}, (*cuts, *machines)),
        Trial("home", HOME, dict(plan.regions), (*cuts, *machines, *moves)),
    ]


def moving(meanwhile: Injection | None) -> Injection:
    """Homes of wallets go round the regions all the time, while something else is done as well."""

    async def act(stage: Stage) -> int:
        moved: list[str] = []
        crowd = stage.new_crowd(_PLAYERS, pause_s=_PAUSE_S)
        wallets = sorted({player.wallet for player in crowd.players})
        async with stage.reads(stage.nodes[-1]) as store, crowd.playing(), _going_round(store, wallets, stage.chance, moved):
            await asyncio.sleep(HARM_S)
            faults = await meanwhile.act(stage) if meanwhile else 0
            await asyncio.sleep(HARM_S)
            await stage.mend()  # Players leave only when they know what became of what they wanted.
        if not moved:
            stage.missed.append("no home moved")
        print(f"  {len(moved)} homes moved", flush=True)
        return faults

    name = "homes move" + (f", {meanwhile.name}" if meanwhile else "")
    return Injection(name, act, takes_quorum=bool(meanwhile and meanwhile.takes_quorum))


@contextlib.asynccontextmanager
async def _going_round(store: CassandraStore, wallets: Sequence[str], chance: random.Random, moved: list[str]) -> AsyncIterator[None]:
    """Moves one wallet after another. What takes too long is cut off where it is, and finished by whoever comes next."""

    async def go_round() -> None:
        while True:
            wallet, region = chance.choice(wallets), chance.choice(REGIONS)
            with contextlib.suppress(Refusal, StoreFailed, TimeoutError):
                if await asyncio.wait_for(store.move_home(wallet_key_of(wallet), region), _MOVE_S_MAX):
                    moved.append(wallet)
            await asyncio.sleep(_PAUSE_S)

    tasks = [asyncio.create_task(go_round()) for _ in range(_MOVERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
