"""Puts the figures of the last campaigns into docs/reliability.md and docs/performance.md, between their marks: python -m tests.cluster.publish FOLDER."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster import spike_page
from tests.cluster.scenario_spike import NAME as SPIKE
from tests.faults.process import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
PERFORMANCE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "plots"
_BLOCK = re.compile(r"(<!-- cluster faults -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, figures: dict[str, Any]) -> str:
    """The document with these figures."""
    return _BLOCK.sub(lambda block: "\n".join([block[1].rstrip(), *_lines(figures), block[2]]), text)


def _lines(figures: dict[str, Any]) -> list[str]:
    counts = figures["counts"]
    duels = sum(line["faults"] for line in figures["injections"] if line["name"] == "duels")
    without = sum(line["failed_calls"] for line in figures["injections"] if line["takes_quorum"])
    lines = [
        f"{figures['command']}, seed {figures['seed']}, {figures['seconds']} s, {figures['date']}; {figures['machine']}.",
        "",
        "| | count |",
        "|---|---|",
        f"| rounds acknowledged | {counts['rounds']:,} |",
        f"| faults put | {counts['faults']:,}, {duels:,} of them duels: an id at two nodes at once, ids reused, last euros |",
        f"| lost, double, drift, unresolved | {counts['lost']}, {counts['double']}, {counts['drift']}, {counts['unresolved']} |",
        f"| attempts whose outcome was unknown at first | {counts['unknown']:,} |",
        f"| calls that no node answered within {figures['call_s_max']:.0f} s | {counts['failed_calls']}, of them {without} while there was no quorum |",
        f"| operations that porcupine judged | {figures['operations']:,}, of {figures['wallets']} wallets |",
        f"| injections that missed something | {'; '.join(figures['missed']) or 'none'} |",
        f"| controls caught | {counts['controls_caught']} of {counts['controls']}: {', '.join(figures['controls']) or 'none run'} |",
    ]
    if took := sorted(figures["take_overs_s"]):
        lines.append(f"| writes of stale holders that the store took | {counts['stale_accepted']} |")
        lines.append(
            f"| take-over of a singleton, TTL 5 s: p50, p99, max of {len(took)} | {_share(took, 0.5)}, {_share(took, 0.99)}, {took[-1]:.2f} s |"
        )
    lines += [
        "",
        "| fault under load | times | faults | rounds | longest gap | p99 of a call | failed calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, ran in _by_name(figures["injections"]).items():
        gap, slowest = (max(line[key] for line in ran) for key in ("gap_s", "slowest_s"))
        faults, rounds, failed = (sum(line[key] for line in ran) for key in ("faults", "rounds", "failed_calls"))
        lines.append(f"| {name} | {len(ran)} | {faults} | {rounds:,} | {gap:.2f} s | {slowest:.2f} s | {failed} |")
    for told in figures["scenarios"]:
        gaps = f"longest gap {told['gap_s']:.2f} s, p99 of a call {told['p99_s']:.2f} s, longest {told['max_s']:.2f} s, {told['failed_calls']} failed calls"
        what = f"**{told['title']}.** {told['faults']} faults in {told['seconds']:.0f} s at {told['rounds_per_s']:.0f} rounds/s: {gaps}."
        lines += ["", what, "", f"![{told['title']}](plots/{told['name']}.svg)"]
    if figures["homes_lost"]:
        lines += ["", *_homes_lost(figures["homes_lost"])]
    return lines


def _by_name(injections: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Each kind of fault with what callers noticed each time; gaps and p99 of a kind are those of its worst time."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in injections:
        by_name.setdefault(line["name"] + (" (no quorum meanwhile)" if line["takes_quorum"] else ""), []).append(line)
    return by_name


def _homes_lost(told: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "| class home | wallets | rounds kept | acknowledged and lost | lag | newest id there, as announced | balances announced, found, EUR | goes on after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in told:
        money = f"{one['announced_micros'] / 1e6:,.2f}, {one['found_micros'] / 1e6:,.2f}"
        lines.append(
            f"| {one['title']} | {one['wallets']} | {one['kept_rounds']:,} | {one['lost_rounds']:,} | {one['lag_s']:.3f} s | {one['announced_age_s']:.3f} s "
            f"| {money} | {one['goes_on_s']:.2f} s, {one['all_go_on_s']:.2f} s |"
        )
    for one in told:
        lines += ["", f"![{one['title']}](plots/{one['name']}.svg)"]
    return lines


def _share(values: list[float], share: float) -> str:
    return f"{values[min(len(values) - 1, int(len(values) * share))]:.2f}"


def main(folder: Path) -> None:
    """Fills the document, and copies the plots beside it."""
    DOCUMENT.write_text(filled(DOCUMENT.read_text(), json.loads((folder / "cluster-faults.json").read_text())))
    if (spike := folder / f"{SPIKE}.json").exists():
        PERFORMANCE.write_text(spike_page.filled(PERFORMANCE.read_text(), json.loads(spike.read_text())))
    PLOTS.mkdir(exist_ok=True)
    for plot in folder.glob("*.svg"):
        shutil.copy(plot, PLOTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
