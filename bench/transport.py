"""Play, PlayBatch and PlayStream of the real server, each beside bare servers, and beside what the disk or SQLite alone can do."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench import load, paired, players
from bench.load import Shape
from bench.paired import Sample
from bench.players import Table
from bench.processes import SERVER_CORE, python, run_pinned
from bench.servers import FOLDER, GRPCIO, Croupier, Echo, Served, Tonic

BATCH = 100
WINDOW = 64
BUSY_SHARE = 0.2
"""Of the time, that the event loop of the server's process is busy with something else."""
_WALLETS = 1_000
_WARM_UP_S = 0.4


class Effort(NamedTuple):
    """How long and how often is measured."""

    rounds: int
    duration_s: float


class Stage(NamedTuple):
    """The servers of one comparison, up and idle; only one is loaded at a time."""

    croupier: Croupier
    table: Table
    grpcio: Croupier
    """The same server with grpcio's own door in place of the front door."""
    grpcio_table: Table
    echo: Echo
    tonic: Tonic
    folder: Path


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Starts the servers, and stops them in the end."""
    with ExitStack() as running:
        croupier = running.enter_context(Croupier(folder / "front"))
        table = players.open_sessions(croupier.address, croupier.data, _WALLETS)
        grpcio = running.enter_context(Croupier(folder / "grpcio", GRPCIO, name="grpcio door"))
        grpcio_table = players.open_sessions(grpcio.address, grpcio.data, _WALLETS)
        echo = running.enter_context(Echo(folder, table.answer))
        tonic = running.enter_context(Tonic(folder, table.answer))
        yield Stage(croupier, table, grpcio, grpcio_table, echo, tonic, folder)


def play_doors(stage: Stage, effort: Effort) -> dict[str, Any]:
    """Play at 64 callers: through the front door, through it beside a busy event loop, and through grpcio's door, against both echoes."""
    shape = _play(64)
    for server, table in (
        (stage.echo, stage.table),
        (stage.tonic, stage.table),
        (stage.croupier, stage.table),
        (stage.grpcio, stage.grpcio_table),
    ):
        load.run(server, table, shape, _WARM_UP_S)
    commits: list[dict[str, float]] = []
    candidates = {
        "echo": lambda: _loaded(stage.echo, stage.table, shape, effort),
        "croupier": lambda: _counted(stage.croupier, lambda: _loaded(stage.croupier, stage.table, shape, effort), commits),
        "tonic": lambda: _loaded(stage.tonic, stage.table, shape, effort),
        "busy": lambda: _beside_busy_loop(stage, shape, effort),
        "grpcio": lambda: _loaded(stage.grpcio, stage.grpcio_table, shape, effort),
    }
    samples = paired.interleave(candidates, effort.rounds)
    return {
        "shape": str(shape),
        **paired.summary(samples),
        "rounds_per_commit": paired.spread([each["rounds_per_commit"] for each in commits]),
        "ratio": paired.ratio(samples, "croupier", "echo", "rounds_per_s"),
        "cpu_ratio": paired.ratio(samples, "echo", "croupier", "cpu_us"),
        "tonic_ratio": paired.ratio(samples, "croupier", "tonic", "rounds_per_s"),
        "busy_ratio": paired.ratio(samples, "busy", "croupier", "rounds_per_s"),
        "grpcio_ratio": paired.ratio(samples, "grpcio", "echo", "rounds_per_s"),
    }


def play(stage: Stage, callers: int, effort: Effort) -> dict[str, Any]:
    """Play against the echo at `callers` closed loops."""
    return _against_echo(stage, _play(callers), effort)


def play_stream(stage: Stage, streams: int, effort: Effort) -> dict[str, Any]:
    """PlayStream against the stream echo; one session a stream."""
    return _against_echo(stage, Shape("play_stream", streams, streams, window=WINDOW), effort)


def play_batch(stage: Stage, effort: Effort, *, is_mixed: bool) -> dict[str, Any]:
    """PlayBatch of 100 rounds in one session, or in a hundred, against SQLite alone at 100 plays a commit in as many wallets.
    Two callers: one batch is committed while the next is read.
    """
    shape = Shape("play_batch", 2, 2, batch=BATCH, is_batch_mixed=is_mixed)
    wallets = BATCH if is_mixed else 1
    load.run(stage.croupier, stage.table, shape, _WARM_UP_S)
    commits: list[dict[str, float]] = []
    candidates = {
        "croupier": lambda: _counted(stage.croupier, lambda: _loaded(stage.croupier, stage.table, shape, effort), commits),
        "store": lambda: raw_store(stage.folder, f"{BATCH}/{wallets}", effort.duration_s),
    }
    samples = paired.interleave(candidates, effort.rounds)
    for sample in samples["croupier"]:
        sample["plays_per_s"] = sample["rounds_per_s"]
    ratio = paired.ratio(samples, "croupier", "store", "plays_per_s")
    group = paired.spread([each["rounds_per_commit"] for each in commits])
    return {"shape": str(shape), **paired.summary(samples), "rounds_per_commit": group, "ratio": ratio}


def single(stage: Stage, effort: Effort) -> dict[str, Any]:
    """One caller, one call at a time: median latency against that of an fdatasync plus that of an echo."""
    shape = _play(1)
    candidates = {
        "croupier": lambda: _loaded(stage.croupier, stage.table, shape, effort),
        "echo": lambda: _loaded(stage.echo, stage.table, shape, effort),
        "fdatasync": lambda: raw_store(stage.folder, "fdatasync", effort.duration_s / 2),
    }
    samples = paired.interleave(candidates, effort.rounds)
    p50 = {name: [sample["p50_us"] for sample in found] for name, found in samples.items()}
    ratios = [ours / (sync + bare) for ours, sync, bare in zip(p50["croupier"], p50["fdatasync"], p50["echo"], strict=True)]
    return {"shape": str(shape), **paired.summary(samples), "ratio": paired.spread(ratios)}


def reads(stage: Stage, effort: Effort) -> dict[str, Any]:
    """GetWallet, GetRound, and a mix of seven plays to three reads, beside Play at as many callers."""
    shapes = {method: Shape(method, 4, 64) for method in ("play", "get_wallet", "get_round", "mix")}
    candidates = {method: lambda shape=shape: _loaded(stage.croupier, stage.table, shape, effort) for method, shape in shapes.items()}
    return paired.summary(paired.interleave(candidates, effort.rounds))


def stores(folder: Path, effort: Effort) -> dict[str, Any]:
    """What SQLite and the disk alone do: plays and fsyncs a second by plays a commit."""
    groups = ("1", "8", "64", "100")
    candidates: dict[str, Callable[[], Sample]] = {
        f"{group} a commit": lambda group=group: raw_store(folder, group, effort.duration_s) for group in groups
    }
    candidates["fdatasync"] = lambda: raw_store(folder, "fdatasync", effort.duration_s)
    return paired.summary(paired.interleave(candidates, effort.rounds))


def raw_store(folder: Path, what: str, duration_s: float) -> Sample:
    """One run of raw_store.py on the server's core."""
    return json.loads(run_pinned(SERVER_CORE, python(FOLDER / "raw_store.py", what, str(folder), str(duration_s))))


def _play(callers: int) -> Shape:
    connections = 8 if callers > 64 else min(callers, 4)
    return Shape("play", connections, callers)


def _against_echo(stage: Stage, shape: Shape, effort: Effort) -> dict[str, Any]:
    for server in (stage.echo, stage.croupier):
        load.run(server, stage.table, shape, _WARM_UP_S)
    commits: list[dict[str, float]] = []
    candidates = {
        "echo": lambda: _loaded(stage.echo, stage.table, shape, effort),
        "croupier": lambda: _counted(stage.croupier, lambda: _loaded(stage.croupier, stage.table, shape, effort), commits),
    }
    samples = paired.interleave(candidates, effort.rounds)
    return {
        "shape": str(shape),
        **paired.summary(samples),
        "rounds_per_commit": paired.spread([each["rounds_per_commit"] for each in commits]),
        "ratio": paired.ratio(samples, "croupier", "echo", "rounds_per_s"),
        "cpu_ratio": paired.ratio(samples, "echo", "croupier", "cpu_us"),
    }


def _beside_busy_loop(stage: Stage, shape: Shape, effort: Effort) -> Sample:
    stage.croupier.order(f"burn {BUSY_SHARE}")
    sample = _loaded(stage.croupier, stage.table, shape, effort)
    stage.croupier.order("burn 0")
    return sample


def _loaded(server: Served, table: Table, shape: Shape, effort: Effort) -> Sample:
    return load.run(server, table, shape, effort.duration_s)._asdict()


def _counted(server: Croupier, measure: Callable[[], Sample], into: list[dict[str, float]]) -> Sample:
    """Adds the rounds that shared a commit while `measure` ran."""
    before = _counters(server)
    sample = measure()
    after = _counters(server)
    commits = after["store_commits"] - before["store_commits"]
    into.append({"rounds_per_commit": (after["rounds"] - before["rounds"]) / max(commits, 1)})
    return sample


def _counters(server: Croupier) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics") as page:
        text = page.read().decode()
    return {name: float(value) for name, value in re.findall(r"^croupier_(rounds|store_commits)_total (\S+)", text, re.MULTILINE)}
