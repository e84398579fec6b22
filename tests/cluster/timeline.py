"""Draws what happened over time as an SVG: panels one above the other on one axis of seconds, with the moments at which something was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from msgspec import Struct

from tests.faults.wishes import Wish

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _GAP = 960, 150, 70, 20, 60, 34
_COLOURS = ("#1b6ca8", "#c2410c", "#2f855a", "#7c3aed", "#b7791f")
_LABEL_ROWS = 3
_TICKS = 4


class Panel(Struct, frozen=True):
    """One diagram: lines by name, each of (seconds, value)."""

    title: str
    series: dict[str, list[tuple[float, float]]]


class Event(Struct, frozen=True):
    """Something that was done at a moment."""

    at_s: float
    text: str


def panels_of(wishes: Sequence[Wish], begin_ns: int, end_ns: int, bucket_s: float = 0.5) -> list[Panel]:
    """Of calls: how many were answered a second, the slowest answers, and attempts that failed, within the time given."""
    buckets = int((end_ns - begin_ns) / 1e9 / bucket_s) + 1
    answered, failed = [0.0] * buckets, [0.0] * buckets
    slowest = [0.0] * buckets
    for wish in wishes:
        for attempt in wish.attempts:
            if begin_ns <= attempt.returned_ns <= end_ns and attempt.said == "":
                failed[int((attempt.returned_ns - begin_ns) / 1e9 / bucket_s)] += 1
        if begin_ns <= wish.answered_ns <= end_ns:
            bucket = int((wish.answered_ns - begin_ns) / 1e9 / bucket_s)
            answered[bucket] += 1 / bucket_s
            slowest[bucket] = max(slowest[bucket], (wish.answered_ns - wish.attempts[0].sent_ns) / 1e6)

    def line(values: Iterable[float]) -> list[tuple[float, float]]:
        return [(number * bucket_s, value) for number, value in enumerate(values)]

    return [
        Panel("calls answered a second", {"answered": line(answered)}),
        Panel("slowest call, from its first attempt to its answer, ms", {"slowest": line(slowest)}),
        Panel(f"attempts without an answer, in {bucket_s} s", {"unanswered": line(failed)}),
    ]


def draw(path: Path, title: str, panels: Sequence[Panel], events: Sequence[Event]) -> None:
    """Writes the SVG."""
    last_s = max((at for panel in panels for points in panel.series.values() for at, _ in points), default=1.0) or 1.0
    height = _TOP + len(panels) * (_PANEL + _GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/><text x="{_LEFT}" y="16" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, _TOP + number * (_PANEL + _GAP), last_s)
    bottom = _TOP + len(panels) * (_PANEL + _GAP)
    for number, event in enumerate(sorted(events, key=lambda one: one.at_s)):
        x, y = _x(event.at_s, last_s), 28 + number % _LABEL_ROWS * 11
        anchor = "end" if event.at_s > 0.75 * last_s else "start"
        parts.append(f'<path d="M{x:.1f} {y + 2}V{bottom - _GAP}" stroke="#888" stroke-dasharray="3 3"/>')
        parts.append(f'<text x="{x:.1f}" y="{y}" font-size="10" text-anchor="{anchor}">{escape(event.text)}</text>')
    parts += [
        f'<text x="{_x(second, last_s):.1f}" y="{bottom - _GAP + 16}" text-anchor="middle">{second:.0f} s</text>'
        for second in _seconds(last_s)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((*parts, "</svg>\n")))


def _panel(panel: Panel, top: float, last_s: float) -> list[str]:
    highest = max((value for points in panel.series.values() for _, value in points), default=0) or 1
    parts = [f'<text x="{_LEFT}" y="{top + 12}" fill="#444">{escape(panel.title)}</text>']
    for tick in range(_TICKS + 1):
        y = top + _PANEL - (_PANEL - 20) * tick / _TICKS
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{highest * tick / _TICKS:.4g}</text>')
    for number, (name, points) in enumerate(panel.series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(f"{_x(at, last_s):.1f},{top + _PANEL - (_PANEL - 20) * value / highest:.1f}" for at, value in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if len(panel.series) > 1:
            parts.append(
                f'<text x="{_WIDTH - _RIGHT}" y="{top + 12 + number * 13}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
            )
    return parts


def _x(at_s: float, last_s: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / last_s


def _seconds(last_s: float) -> list[float]:
    step = next(step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1e9) if last_s / step <= 12)
    return [step * number for number in range(int(last_s / step) + 1)]
