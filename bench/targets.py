"""The figures that targets are set for: what the last line of a run prints, and what docs/performance.md holds against the targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Spread = dict[str, float]
"""Median, min and max of the rounds."""


class Target(NamedTuple):
    """One figure. `at_least` or `at_most` is the target, where there is one."""

    name: str
    title: str
    find: Callable[[dict[str, Any]], Spread]
    at_least: float | None = None
    at_most: float | None = None
    digits: int = 2

    @property
    def wanted(self) -> str:
        """The target, as it is shown."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"under {self.at_most:g}" if self.at_most is not None else ""

    def is_met_by(self, value: float) -> bool:
        """Whether a figure reaches the target."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


def _at(*path: str) -> Callable[[dict[str, Any]], Spread]:
    def find(found: dict[str, Any]) -> Spread:
        for key in path:
            found = found[key]
        return found

    return find


def _alone(value: float) -> Spread:
    return {"median": value, "min": value, "max": value}


def _scaled(spread: Spread, by: float) -> Spread:
    return {name: value * by for name, value in spread.items()}


TARGETS = (
    Target("play_vs_echo", "Play at 64 callers over the bare grpc.aio echo", _at("play_64", "ratio"), at_least=6),
    Target("play16_vs_echo", "the same at 16 callers", _at("play_16", "ratio"), at_least=3),
    Target("play256_vs_echo", "the same at 256 callers", _at("play_256", "ratio")),
    Target("play_vs_echo_cpu", "CPU of an echo over CPU of a Play, 64 callers", _at("play_64", "cpu_ratio")),
    Target("play_vs_tonic", "Play at 64 callers over the bare tonic echo", _at("play_64", "tonic_ratio"), digits=3),
    Target(
        "p99_ms_at_64", "p99 of Play at 64 callers, ms", lambda found: _scaled(found["play_64"]["croupier"]["p99_us"], 1e-3), at_most=10
    ),
    Target("single_vs_fdatasync_echo", "Play with one caller, p50 over (fdatasync p50 + echo p50)", _at("single", "ratio"), at_most=3),
    Target("grpcio_play_vs_echo", "Play at 64 callers by grpcio's door, over the bare echo", _at("play_64", "grpcio_ratio"), at_least=0.75),
    Target("busy_loop_ratio", "Play at 64 callers, event loop 20 % busy over idle", _at("play_64", "busy_ratio"), at_least=0.7),
    Target("batch100_vs_store", "PlayBatch(100) of one session over the raw store", _at("play_batch", "ratio"), at_least=0.8),
    Target("batch100_mixed_vs_store", "PlayBatch(100) of 100 sessions over the raw store", _at("play_batch_mixed", "ratio"), at_least=0.8),
    Target("stream_vs_echo", "PlayStream, one session, over the bare stream echo", _at("play_stream", "ratio"), at_least=0.7),
    Target("hop_us", "a store that answers late, in batches: CPU us a Play more than inline", _at("hop", "hop_us"), digits=1),
    Target("hop_one_by_one_us", "the same, each answer with a wake-up of its own", _at("hop", "hop_one_by_one_us"), digits=1),
    Target("hop_loop_us", "the same, without another thread: one turn of the event loop", _at("hop", "hop_loop_us"), digits=1),
    Target(
        "connections_kib",
        "resident KiB of each of 10,000 idle connections",
        lambda found: _alone(found["idle"]["bytes_per_connection"] / 1024),
        at_most=20,
        digits=1,
    ),
    Target("spins_per_draw", "bounded draws/s over spins/s", _at("engine", "spins_per_draw"), at_most=28, digits=1),
    Target("scan_per_draw", "bounded draws/s over exact combinations/s", _at("engine", "scan_per_draw"), at_most=8),
    Target("threads_scaling", "spins/s of two threads over twice one", _at("engine", "threads_scaling"), at_least=0.9),
    Target(
        "million_wallets_vs_thousand", "Play in a file of 1,000,000 wallets over one of 1,000", _at("many_wallets", "ratio"), at_least=0.8
    ),
    Target("bytes_per_round", "resident bytes gained a round", lambda found: _alone(found["memory"]["bytes_per_round"])),
    Target(
        "bytes_per_wallet",
        "resident bytes of a wallet with an open session",
        lambda found: _alone(found["memory"]["bytes_per_wallet"]),
        at_most=1_024,
        digits=0,
    ),
)


def reached(found: dict[str, Any]) -> dict[Target, Spread]:
    """Each figure that this run measured."""
    reached: dict[Target, Spread] = {}
    for target in TARGETS:
        try:
            reached[target] = target.find(found)
        except KeyError:  # The quick form leaves some out.
            continue
    return reached


def last_line(found: dict[str, Any]) -> dict[str, float]:
    """Medians by name."""
    return {target.name: round(spread["median"], 3) for target, spread in reached(found).items()}


def table(found: dict[str, Any]) -> list[str]:
    """Markdown: each figure with its range and its target; what misses it is bold."""
    rows = ["| figure | median (min-max) | target |", "|---|---|---|"]
    for target, spread in reached(found).items():
        median = f"{spread['median']:,.{target.digits}f}"
        shown = median if target.is_met_by(spread["median"]) else f"**{median}**"
        is_alone = spread["min"] == spread["max"]
        limits = "" if is_alone else f" ({spread['min']:,.{target.digits}f}-{spread['max']:,.{target.digits}f})"
        rows.append(f"| {target.title} | {shown}{limits} | {target.wanted} |")
    return rows
