"""Results as a table for people and as the ratios that targets are set for."""

from __future__ import annotations

from typing import Any

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
_AGAINST = {
    "play_batch": "over the raw store",
    "play_batch_mixed": "over the raw store",
    "single": "p50 over fdatasync p50 + echo p50",
}
_SIDES = {
    "croupier": "croupier",
    "busy": "croupier, its event loop 20 % busy",
    "grpcio": "croupier, grpcio's door",
    "echo": "bare echo",
    "tonic": "bare tonic echo",
    "store": "raw store",
}
_READS = {"get_wallet": "GetWallet, 64 callers", "get_round": "GetRound, 64 callers", "mix": "7 Play, 2 GetWallet, 1 GetRound, 64 callers"}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """The last line: medians of the paired ratios; bench/README.md defines each."""
    play, late = found["play_64"], found["hop"]
    picked = {
        "play_vs_echo": play["ratio"],
        "play_vs_echo_cpu": play["cpu_ratio"],
        "play16_vs_echo": found["play_16"]["ratio"],
        "play_vs_tonic": play["tonic_ratio"],
        "grpcio_play_vs_echo": play["grpcio_ratio"],
        "busy_loop_ratio": play["busy_ratio"],
        "batch100_vs_store": found["play_batch"]["ratio"],
        "batch100_mixed_vs_store": found["play_batch_mixed"]["ratio"],
        "stream_vs_echo": found["play_stream"]["ratio"],
        "single_vs_fdatasync_echo": found["single"]["ratio"],
        "spins_per_draw": found["engine"]["spins_per_draw"],
        "scan_per_draw": found["engine"]["scan_per_draw"],
        "threads_scaling": found["engine"]["threads_scaling"],
    }
    if "many_wallets" in found:
        picked["million_wallets_vs_thousand"] = found["many_wallets"]["ratio"]
    medians = {name: spread["median"] for name, spread in picked.items()}
    medians["p99_ms_at_64"] = play["croupier"]["p99_us"]["median"] / 1000
    medians["hop_us"] = late["hop_us"]["median"]
    medians["connections_kib"] = found["idle"]["bytes_per_connection"] / 1024
    return {name: round(value, 3) for name, value in medians.items()}


def table(found: dict[str, Any]) -> str:
    """Markdown, as docs/performance.md shows it."""
    lines = [
        "| what | server | rounds/s, median (min-max) | CPU us a round | p50 / p99 / p99.9 us | rounds a commit |",
        "|---|---|---|---|---|---|",
    ]
    for key, title in _CALLS.items():
        section = found.get(key, {})
        for side, name in _SIDES.items():
            if side in section:
                lines.append(_call_row(title, name, section[side], section.get("rounds_per_commit") if side == "croupier" else None))
    for key, title in _READS.items():
        if "reads" in found:
            lines.append(_call_row(title, "croupier", found["reads"][key], None))
    lines += _ratio_rows(found)
    lines += _engine_rows(found["engine"])
    if "stores" in found:
        lines += _store_rows(found["stores"])
    if "many_wallets" in found:
        lines += _scale_rows(found)
    return "\n".join(lines)


def _call_row(title: str, name: str, side: dict[str, Any], group: dict[str, float] | None) -> str:
    rate = side.get("rounds_per_s") or side["plays_per_s"]
    cpu = side.get("cpu_us") or side["cpu_us_per_play"]
    latency = " / ".join(f"{side[what]['median']:,.0f}" for what in ("p50_us", "p99_us", "p999_us") if what in side)
    shared = f"{group['median']:.1f}" if group else ""
    return f"| {title} | {name} | {_range(rate)} | {cpu['median']:.1f} | {latency} | {shared} |"


def _ratio_rows(found: dict[str, Any]) -> list[str]:
    rows = ["", "| ratio, paired round by round | median (min-max) |", "|---|---|"]
    for key, title in _CALLS.items():
        if "ratio" in found.get(key, {}):
            against = _AGAINST.get(key, "over the bare echo")
            rows.append(f"| {title}, {against} | {_range(found[key]['ratio'], 2)} |")
    play, hop, idle = found["play_64"], found["hop"], found["idle"]
    return [
        *rows,
        f"| Play, 64 callers, over the bare tonic echo | {_range(play['tonic_ratio'], 2)} |",
        f"| Play, 64 callers, CPU a call of the bare echo over that of a Play | {_range(play['cpu_ratio'], 2)} |",
        f"| Play, 64 callers, event loop 20 % busy over idle | {_range(play['busy_ratio'], 2)} |",
        f"| Play, 64 callers, by grpcio's door, over the bare echo | {_range(play['grpcio_ratio'], 2)} |",
        f"| memory store that answers late, in batches: CPU us a Play more than inline | {_range(hop['hop_us'], 1)} |",
        f"| the same, each answer with a wake-up of its own | {_range(hop['hop_one_by_one_us'], 1)} |",
        f"| resident KiB of each of {idle['connections']:,} idle connections | {idle['bytes_per_connection'] / 1024:.1f} |",
    ]


def _engine_rows(engine: dict[str, Any]) -> list[str]:
    rows = ["", f"| engine, one core, {engine['slot']} | median (min-max) |", "|---|---|"]
    names = {
        "draws_per_s": "bounded draws/s",
        "spins_per_s": "spins/s",
        "combinations_per_s": "exact combinations/s",
        "spins_per_draw": "draws/s over spins/s",
        "scan_per_draw": "draws/s over combinations/s",
        "threads_scaling": f"rate of {engine['threads']} threads over {engine['threads']} x that of one",
    }
    return rows + [f"| {title} | {_range(engine[name], 2 if 'per_s' not in name else 0)} |" for name, title in names.items()]


def _store_rows(stores: dict[str, Any]) -> list[str]:
    rows = ["", "| SQLite alone, and the disk | plays/s | commits and fsyncs/s | p50 / p99 us |", "|---|---|---|---|"]
    for name, side in stores.items():
        plays = _range(side["plays_per_s"]) if "plays_per_s" in side else ""
        syncs = _range(side["fsyncs_per_s"] if "fsyncs_per_s" in side else side["per_s"])
        rows.append(f"| {name} | {plays} | {syncs} | {side['p50_us']['median']:,.0f} / {side['p99_us']['median']:,.0f} |")
    return rows


def _scale_rows(found: dict[str, Any]) -> list[str]:
    many, memory = found["many_wallets"], found["memory"]
    return [
        "",
        "| scale | figure |",
        "|---|---|",
        f"| Play, 64 callers, 1,000,000 wallets in one file of {many['file_bytes'] / 2**30:.1f} GiB over 1,000 | {_range(many['ratio'], 2)} |",
        f"| the same, with 10,000 wallets in play | {_range(many['ratio_cold'], 2)} |",
        f"| resident bytes a wallet with an open session | {memory['bytes_per_wallet']:,.0f} |",
        f"| resident bytes gained a round over {memory['rounds']:,.0f} rounds | {memory['bytes_per_round']:.2f} |",
    ]


def _range(spread: dict[str, float], digits: int = 0) -> str:
    return f"{spread['median']:,.{digits}f} ({spread['min']:,.{digits}f}-{spread['max']:,.{digits}f})"
