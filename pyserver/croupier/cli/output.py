"""What commands print: one JSON value, or text for people; progress on a terminal's standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click
import msgspec

_REDRAW_S = 0.1
_BAR_CELLS = 30


def emit(value: object, text: str, *, as_json: bool) -> None:
    """Prints `value` as JSON, or `text`."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        click.echo(text)


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns under their headings, the first row; numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(_cell(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def money(micros: int, currency: str = "") -> str:
    """12345000 -> "12.345", with at least two decimals."""
    whole, part = divmod(abs(micros), 1_000_000)
    decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole:,}.{decimals}{' ' + currency if currency else ''}"


class Progress:
    """A bar with the rate and the time left, on standard error and only on a terminal."""

    def __init__(self, what: str, total: int) -> None:
        """`what` names the things that are counted, in the plural."""
        self.done = 0
        self._what = what
        self._total = max(total, 1)
        self._start = self._drawn = time.monotonic()
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._is_shown:
            click.echo("\r\033[K", nl=False, err=True)

    def add(self, number: int) -> None:
        """So many more are done."""
        self.reach(self.done + number)

    def reach(self, done: int) -> None:
        """So many are done in all."""
        self.done = done
        now = time.monotonic()
        if self._is_shown and now - self._drawn >= _REDRAW_S:
            self._drawn = now
            click.echo(f"\r\033[K{self._line(now - self._start)}", nl=False, err=True)

    def reach_of(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self._total = max(total, 1)
        self.reach(done)

    def _line(self, elapsed_s: float) -> str:
        share = min(self.done / self._total, 1.0)
        bar = "#" * round(share * _BAR_CELLS)
        rate = self.done / elapsed_s
        left_s = (self._total - self.done) / rate if rate else 0.0
        return f"[{bar:<{_BAR_CELLS}}] {share:4.0%}  {self.done:,} of {self._total:,} {self._what}, {rate:,.0f}/s, {left_s:.0f} s left"


def _cell(cell: str, width: int) -> str:
    is_number = cell[:1].isdigit() or (cell[:1] == "-" and cell[1:2].isdigit())
    return cell.rjust(width) if is_number else cell.ljust(width)
