"""How many writes a node has on their way to its store at once: as many as the store answers in good time, found while it runs.

    latencies of a window -> their median -> limit * tolerated / median + root of the limit, between half and half as much again

The rule is the gradient controller of Envoy's adaptive concurrency filter: limit' = limit * tolerated / measured + sqrt(limit). It differs in two points,
because a store's queue is cheap up to some milliseconds and a probe for the latency without load would itself refuse calls: what is tolerated is a fixed
time, or twice the latency without load where that is longer (regions far apart), and the latency without load is taken from windows in which hardly any of
the limit was in use.
"""

from __future__ import annotations

from itertools import islice
from statistics import median

from msgspec import Struct

_GRADIENT_MIN, _GRADIENT_MAX = 0.5, 1.5
"""One window halves the limit at most, or makes it half as large again."""
_LATENCY_S_MIN = 1e-6
_WINDOW_S = 0.1
"""A window takes that long at least, and twice the last median, or it would know the quickest answers only."""
_WINDOW_SAMPLES_MIN = 30
_WINDOW_SAMPLES_MAX = 2_048
_SPARSE_WINDOW_S = 2.0
"""A window with fewer samples than the minimum ends after that time."""
_LATE = 4.0
"""How many times what is tolerated the middle one of what is under way must have been so for, to be proof without an answer."""
_LATE_GRADIENT = 0.25
"""What is left of the limit then."""
_FIRST = 10
"""So many of the first answers tell the latency without load, where a node starts under load."""
_QUIET = 8
"""A window in which that part of the limit was under way at most knew no load; half of a limit that is too high may well be a queue."""
_FALL, _RISE = 0.5, 0.1
"""By which part of the difference the latency without load follows a window that was quicker, and a quiet one that was slower."""
_FUTILE_WINDOWS, _SHRUNK_MIN = 4, 0.1
"""So many slow windows in a row, each with a limit smaller by that part or at its lowest, are taken to show a slower store and not too much load."""


class Bounds(Struct, frozen=True):
    """Between what a limit moves."""

    tolerated_s: float = 0.1
    """How long a write may take, by the median, before less is let in."""
    slowdown: float = 2.0
    """How many times its latency without load it may take, where that is longer."""
    start: int = 256
    lowest: int = 8
    highest: int = 4_096
    settling_part: float = 0.5
    """What settling calls may have beyond the limit, as a part of it."""
    settling_lowest: int = 64
    """The least that they may have."""


class Limiter:
    """A limit, and what it was learnt from. Pure: the caller brings the time."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.latency_s = 0.0
        """The median of the last window."""
        self.unloaded_s = 0.0
        """The latency without load, as far as it was seen; 0 before the first window."""
        self._limit = float(bounds.start)
        self._begun: dict[int, float] = {}
        """When each write began that is under way, oldest first."""
        self._number = 0
        self._looked_s = 0.0
        self._samples: list[float] = []
        self._window_began_s = 0.0
        self._peak = 0
        self._changed_s = 0.0
        self._before = self._limit, 0.0
        self._futile = 0

    @property
    def limit(self) -> int:
        """How many writes may be on their way before new rounds are refused."""
        return int(self._limit)

    @property
    def settling_share(self) -> int:
        """How many writes that settle or resume may be on their way beyond the limit, whatever the number of new rounds."""
        return int(max(self.bounds.settling_lowest, self._limit * self.bounds.settling_part))

    @property
    def tolerated_s(self) -> float:
        """The median latency from which on the limit shrinks."""
        return max(self.bounds.tolerated_s, self.unloaded_s * self.bounds.slowdown)

    @property
    def queueing(self) -> float:
        """Which part of the tolerated time a write waits, as last measured: 0 without load, 1 at the limit."""
        room_s = self.tolerated_s - self.unloaded_s
        return min(1.0, max(0.0, (self.latency_s - self.unloaded_s) / room_s))

    def begin(self, now_s: float) -> int:
        """A write begins; a number for `end`."""
        self._number += 1
        self._begun[self._number] = now_s
        if now_s - self._looked_s >= _WINDOW_S:
            self._looked_s = now_s
            self._heed_the_late(now_s)
        return self._number

    def end(self, number: int) -> float:
        """It is over; when it began."""
        return self._begun.pop(number)

    def observe(self, latency_s: float, in_flight: int, now_s: float) -> None:
        """Learns from a write that was answered after `latency_s`, when `in_flight` were on their way, itself included."""
        if now_s - latency_s < self._changed_s:
            return  # It was on its way with others that the limit lets in no more.
        samples = self._samples
        if not samples:
            self._window_began_s = now_s
        samples.append(max(latency_s, _LATENCY_S_MIN))
        self._peak = max(self._peak, in_flight)
        if not self.unloaded_s and len(samples) == _FIRST:
            self.unloaded_s = median(samples)
        age_s = now_s - self._window_began_s
        is_due = len(samples) >= _WINDOW_SAMPLES_MIN and age_s >= max(_WINDOW_S, 2 * self.latency_s)
        if is_due or len(samples) >= _WINDOW_SAMPLES_MAX or age_s >= max(_SPARSE_WINDOW_S, 4 * self.latency_s):
            self._learn(median(samples), self._peak, now_s)
            self._samples, self._peak = [], 0

    def _heed_the_late(self, now_s: float) -> None:
        """Where half of what is under way has been so for far longer than is tolerated, there is no need to wait for the answers, which would come too late."""
        under_way = len(self._begun)
        if under_way * 2 <= self._limit:
            return
        began_s = next(islice(self._begun.values(), under_way // 2, None))
        age_s = now_s - began_s
        if age_s > _LATE * self.tolerated_s and next(iter(self._begun.values())) >= self._changed_s:
            self._limit = max(float(self.bounds.lowest), min(self._limit, under_way) * _LATE_GRADIENT)
            self._changed_s = now_s
            self._samples, self._peak = [], 0

    def _learn(self, latency_s: float, peak: int, now_s: float) -> None:
        self.latency_s = latency_s
        is_in_use = peak * 2 > self._limit
        if not self.unloaded_s:
            self.unloaded_s = latency_s
        elif latency_s < self.unloaded_s:
            self.unloaded_s += (latency_s - self.unloaded_s) * _FALL
        elif peak * _QUIET <= self._limit:
            self.unloaded_s += (latency_s - self.unloaded_s) * _RISE
        if is_in_use:  # A window that left half of the limit unused says nothing about it.
            self._adapt(latency_s)
            self._changed_s = now_s

    def _adapt(self, latency_s: float) -> None:
        lowest, highest = float(self.bounds.lowest), float(self.bounds.highest)
        self._heed_the_futile(latency_s)
        gradient = max(_GRADIENT_MIN, min(_GRADIENT_MAX, self.tolerated_s / latency_s))
        self._before = self._limit, latency_s
        self._limit = min(highest, max(lowest, self._limit * gradient + self._limit**0.5))

    def _heed_the_futile(self, latency_s: float) -> None:
        """Where less is under way and nothing is quicker for it, nothing waits: the store itself takes that long now."""
        limit_before, latency_before_s = self._before
        shrunk = 1 - self._limit / limit_before
        is_lowest = self._limit < self.bounds.lowest * 1.5
        is_futile = latency_s > latency_before_s * (1 - shrunk / 3) and (shrunk > _SHRUNK_MIN or is_lowest)
        self._futile = self._futile + 1 if is_futile and latency_s > self.tolerated_s else 0
        if self._futile >= _FUTILE_WINDOWS:
            self.unloaded_s, self._futile = latency_s, 0
