"""Each guard switched off in turn, on a cluster that is whole: the suite must notice, or it proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from tests.cluster.duels import same_id_at_two_nodes, same_id_other_content
from tests.cluster.singletons import stale_holder
from tests.cluster.stage import Machines, Report, Stage

_LOAD_S = 6.0
_PLAYERS = 24
APART: dict[str, Any] = {"etcd": {"endpoints": []}}
"""Nodes that don't know of one another forward nothing, so that each writes to every wallet and only the store's conditions are left."""


class Control(NamedTuple):
    """A guard, how it is tried without it, and what must be found then."""

    name: str
    settings: dict[str, Any]
    finds: Callable[[Report], int]


async def is_caught(cluster: Machines, control: Control, seed: int) -> bool:
    """Whether load on nodes without this guard comes to what it must come to."""
    stage = Stage(cluster, f"without_{control.name}", seed, players=_PLAYERS, settings=control.settings)
    try:
        await stage.up(control.name)
        await contend(stage, _LOAD_S, twins=160)
        report = await stage.report()
    finally:
        await stage.down()
    print(f"  without {control.name}: {report.findings.examples[:1]}, porcupine: {len(report.verdict.illegal)} wallets illegal", flush=True)
    return control.finds(report) > 0


async def contend(stage: Stage, seconds: float, twins: int) -> None:
    """Load that begins at any node, and ids that meet at two."""
    crowd = stage.new_crowd(_PLAYERS, strays=1.0)
    async with crowd.playing():
        await asyncio.sleep(seconds)
    await same_id_at_two_nodes(crowd, twins)
    await same_id_other_content(crowd, twins // 4)


async def is_fence_missed(cluster: Machines, seed: int) -> bool:
    """Whether a stale holder's write is seen to be taken where the store does not ask for the fence."""
    stage = Stage(cluster, "without_fence", seed, players=2)
    try:
        await stage.up("fence")
        return (await stale_holder(stage, "fence")).is_accepted
    finally:
        await stage.down()


LOAD_CONTROLS = (
    Control("revision_check", APART, lambda report: report.findings.drift),
    Control("new_id_check", {}, lambda report: report.findings.double),
    Control("unknown_resolver", {}, lambda report: report.findings.lost),
    Control("dirty_note", {}, lambda report: report.unnoted),
    Control("local_serial", APART, lambda report: report.findings.drift + report.findings.double),
)
"""Those that load finds. The fence has a trial of its own."""


async def tried(cluster: Machines, seed: int, wants: Callable[[str], bool]) -> AsyncIterator[tuple[str, bool]]:
    """Every control that is wanted, and whether it was caught."""
    trials: list[tuple[str, Callable[[], Awaitable[bool]]]] = [
        (control.name, lambda control=control: is_caught(cluster, control, seed)) for control in LOAD_CONTROLS
    ]
    trials.append(("fence", lambda: is_fence_missed(cluster, seed)))
    for name, trial in trials:
        if wants(f"control {name}"):
            try:
                yield name, await trial()
            except Exception as error:  # A control that cannot be tried was not caught, and the others are tried all the same.
                print(f"  control {name} could not be tried: {error!r}", flush=True)
                yield name, False
