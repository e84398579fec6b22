"""Results as tables for people."""

from __future__ import annotations

from typing import Any

from bench import targets

_CALLS = {
    "play_256": "Play, 256 callers",
    "play_64": "Play, 64 callers",
    "play_16": "Play, 16 callers",
    "single": "Play, 1 caller",
    "play_stream": "PlayStream, one session, 64 in flight",
    "play_stream_4": "PlayStream, four sessions, 64 in flight each",
    "play_batch": "PlayBatch(100) of one session, 2 callers",
    "play_batch_mixed": "PlayBatch(100) of 100 sessions, 2 callers",
}
_SIDES = {
    "croupier": "croupier",
    "busy": "croupier, its event loop 20 % busy",
    "grpcio": "croupier, grpcio's door",
    "echo": "bare echo",
    "tonic": "bare tonic echo",
    "store": "raw store",
}
_OTHERS = {
    "get_wallet": ("reads", "GetWallet, 64 callers", "croupier"),
    "get_round": ("reads", "GetRound, 64 callers", "croupier"),
    "mix": ("reads", "7 Play, 2 GetWallet, 1 GetRound, 64 callers", "croupier"),
    "inline": ("hop", "Play, 64 callers", "croupier, in memory"),
    "late": ("hop", "Play, 64 callers", "croupier, in memory that answers late, in batches"),
    "late, one by one": ("hop", "Play, 64 callers", "croupier, in memory that answers late, one by one"),
    "late, by the loop": ("hop", "Play, 64 callers", "croupier, in memory that answers late, by the loop"),
}


def table(found: dict[str, Any]) -> str:
    """Everything that was measured, in Markdown."""
    parts = [targets.table(found)]
    if "engine" in found:
        parts += [rates(found), _engine_rows(found["engine"])]
    if "stores" in found:
        parts.append(_store_rows(found["stores"]))
    if "memory" in found:
        parts.append(memory(found["memory"]))
    if "many_wallets" in found:
        parts.append(_scale_rows(found["many_wallets"]))
    return "\n\n".join("\n".join(part) for part in parts)


def rates(found: dict[str, Any]) -> list[str]:
    """Rates, CPU and latencies of every server."""
    lines = [
        "| what | server | rounds/s, median (min-max) | CPU us a round | p50 / p99 / p99.9 us | rounds a commit |",
        "|---|---|---|---|---|---|",
    ]
    for key, title in _CALLS.items():
        section = found.get(key, {})
        for side, name in _SIDES.items():
            if side in section:
                lines.append(_call_row(title, name, section[side], section.get("rounds_per_commit") if side == "croupier" else None))
    for key, (section, title, name) in _OTHERS.items():
        if section in found:
            lines.append(_call_row(title, name, found[section][key], None))
    return lines


def _call_row(title: str, name: str, side: dict[str, Any], group: dict[str, float] | None) -> str:
    rate = side.get("rounds_per_s") or side["plays_per_s"]
    cpu = side.get("cpu_us") or side["cpu_us_per_play"]
    latency = " / ".join(f"{side[what]['median']:,.0f}" for what in ("p50_us", "p99_us", "p999_us") if what in side)
    shared = f"{group['median']:.1f}" if group else ""
    return f"| {title} | {name} | {_range(rate)} | {cpu['median']:.1f} | {latency} | {shared} |"


def _engine_rows(engine: dict[str, Any]) -> list[str]:
    rows = [f"| engine, one core, {engine['slot']} | median (min-max) |", "|---|---|"]
    names = {
        "draws_per_s": "bounded draws/s",
        "spins_per_s": "spins/s",
        "combinations_per_s": "exact combinations/s",
        "spins_per_s_by_two": f"spins/s of {engine['threads']} threads",
    }
    return rows + [f"| {title} | {_range(engine[name])} |" for name, title in names.items()]


def _store_rows(stores: dict[str, Any]) -> list[str]:
    rows = ["| SQLite alone, and the disk | plays/s | commits and fsyncs/s | p50 / p99 us |", "|---|---|---|---|"]
    for name, side in stores.items():
        plays = _range(side["plays_per_s"]) if "plays_per_s" in side else ""
        syncs = _range(side["fsyncs_per_s"] if "fsyncs_per_s" in side else side["per_s"])
        rows.append(f"| {name} | {plays} | {syncs} | {side['p50_us']['median']:,.0f} / {side['p99_us']['median']:,.0f} |")
    return rows


def memory(memory: dict[str, Any]) -> list[str]:
    """Resident memory over the rounds, and by wallet."""
    samples = memory["samples"]
    sampled = [samples[position * (len(samples) - 1) // 8] for position in range(9)] if len(samples) > 8 else samples
    return [
        f"| over {memory['rounds']:,} rounds, to a file of {memory['file_bytes'] / 2**30:.1f} GiB | figure |",
        "|---|---|",
        "| resident MiB at (millions of rounds) | " + ", ".join(f"{rss / 2**20:.0f} ({at / 1e6:.1f})" for at, rss in sampled) + " |",
        f"| resident bytes gained a round | {memory['bytes_per_round']:.2f} |",
        f"| resident bytes of a wallet with an open session | {memory['bytes_per_wallet']:,.0f} |",
    ]


def _scale_rows(many: dict[str, Any]) -> list[str]:
    return [
        f"| 1,000,000 wallets in one file of {many['file_bytes'] / 2**30:.1f} GiB | over a file of 1,000 |",
        "|---|---|",
        f"| Play, 64 callers, in 1,000 of them | {_range(many['ratio'], 2)} |",
        f"| Play, 64 callers, in 10,000 of them | {_range(many['ratio_cold'], 2)} |",
    ]


def _range(spread: dict[str, float], digits: int = 0) -> str:
    return f"{spread['median']:,.{digits}f} ({spread['min']:,.{digits}f}-{spread['max']:,.{digits}f})"
