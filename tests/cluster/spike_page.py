"""Puts the figures of the last spike into docs/performance.md, between its marks."""

from __future__ import annotations

import re
from typing import Any

_BLOCK = re.compile(r"(<!-- spike -->\n).*?(<!-- end of spike -->)", re.DOTALL)

_COLUMNS = (
    "rounds/s that its players asked for",
    "of them played, anywhere",
    "p50 / p99 of those, ms",
    "rounds/s its node played",
    "calls/s it turned away",
    "limit of writes",
    "median write, ms",
)


def filled(text: str, told: dict[str, Any]) -> str:
    """The document with these figures."""
    return _BLOCK.sub(lambda block: "\n".join([block[1].rstrip(), *_lines(told), block[2]]), text)


def _lines(told: dict[str, Any]) -> list[str]:
    capacity, regions = told["capacity_per_s"], told["regions"]
    first = next(iter(regions))
    together = capacity * len(regions)
    reasons = ", ".join(f"{count} {reason}" for reason, count in told["reasons"].items()) or "none"
    said = (
        f"Seed {told['seed']}, {told['date']}, {told['machine']}. {capacity:.0f} rounds/s a region; of {told['offered_per_s']:.0f} rounds/s that came, "
        f"{told['goodput_per_s']:.0f} were played, {told['goodput_per_s'] / together:.2f} of what the three regions can do together; "
        f"{told['shed_share']:.0%} were given up after two seconds of retries ({reasons}); money off: {told['drift_micros']} micros. "
        f"{first} recovered {told['recovered_s']:.1f} s after the spike (p99 before it: {told['calm_p99_ms']:.0f} ms)."
    )
    lines = [said, "", f"| region | {' | '.join(_COLUMNS)} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, region in regions.items():
        lines.append(
            f"| {name} | {region['asked_per_s']:.1f} | {region['answered_share']:.0%} | {region['p50_ms']:.0f} / {region['p99_ms']:.0f} "
            f"| {region['rounds_per_s']:.1f} | {region['shed_per_s']:.1f} | {region['write_limit']:.0f} | {region['write_median_ms']:.0f} |"
        )
    return [*lines, "", f"![{told['title']}](plots/{told['name']}.svg)"]
