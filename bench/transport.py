"""Play, PlayBatch and PlayStream of the real server, each beside a bare grpc.aio server, and beside what the disk or SQLite alone can do."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench import load, paired
from bench.load import Shape
from bench.paired import Sample
from bench.players import Table
from bench.processes import SERVER_CORE, python, run_pinned
from bench.servers import FOLDER, Croupier, Echo, Served

BATCH = 100
WINDOW = 64
_WARM_UP_S = 0.4


class Effort(NamedTuple):
    """How long and how often is measured."""

    rounds: int
    duration_s: float


class Stage(NamedTuple):
    """The servers of one comparison, up and idle; only one is loaded at a time."""

    croupier: Croupier
    echo: Echo
    table: Table
    folder: Path


def play(stage: Stage, callers: int, effort: Effort) -> dict[str, Any]:
    """Play against the echo at `callers` closed loops."""
    return _against_echo(stage, Shape("play", min(callers, 4), callers), effort)


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
    shape = Shape("play", 1, 1)
    candidates = {
        "croupier": lambda: _loaded(stage.croupier, stage.table, shape, effort),
        "echo": lambda: _loaded(stage.echo, stage.table, shape, effort),
        "fdatasync": lambda: raw_store(stage.folder, "fdatasync", effort.duration_s / 2),
    }
    samples = paired.interleave(candidates, effort.rounds)
    p50 = {name: [sample["p50_us"] for sample in found] for name, found in samples.items()}
    ratios = [ours / (sync + bare) for ours, sync, bare in zip(p50["croupier"], p50["fdatasync"], p50["echo"], strict=True)]
    return {"shape": str(shape), **paired.summary(samples), "ratio": paired.spread(ratios)}


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
