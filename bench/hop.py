"""What a call costs more where the store answers late: the way through the awaiting runner, as a store asked over a network will need it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import load, paired, players
from bench.load import Shape
from bench.servers import FRONT, Croupier
from bench.transport import Effort

_PLAY = Shape("play", 4, 64)
_WALLETS = 256
_WARM_UP_S = 0.4


def hop(folder: Path, effort: Effort) -> dict[str, Any]:
    """CPU microseconds a Play at 64 callers: with the memory store inline, and with the same store answering from another thread, its answers gathered into
    one wake-up of the event loop or each with a wake-up of its own; or answering at a later turn of the loop, without another thread.
    """
    settings = {
        "inline": {"store": "memory"},
        "late": {"store": "memory_late", "memory_late_by": "batches"},
        "late, one by one": {"store": "memory_late", "memory_late_by": "thread"},
        "late, by the loop": {"store": "memory_late", "memory_late_by": "loop"},
    }
    with ExitStack() as running:
        servers = {name: running.enter_context(Croupier(folder / name, FRONT | chosen)) for name, chosen in settings.items()}
        tables = {name: players.open_sessions(server.address, server.data, _WALLETS) for name, server in servers.items()}
        for name, server in servers.items():
            load.run(server, tables[name], _PLAY, _WARM_UP_S)
        candidates = {name: lambda name=name: load.run(servers[name], tables[name], _PLAY, effort.duration_s)._asdict() for name in servers}
        samples = paired.interleave(candidates, effort.rounds)
    return {
        "shape": str(_PLAY),
        **paired.summary(samples),
        "hop_us": _more(samples, "late"),
        "hop_one_by_one_us": _more(samples, "late, one by one"),
        "hop_loop_us": _more(samples, "late, by the loop"),
    }


def _more(samples: paired.Samples, name: str) -> dict[str, float]:
    return paired.spread([late["cpu_us"] - inline["cpu_us"] for late, inline in zip(samples[name], samples["inline"], strict=True)])
