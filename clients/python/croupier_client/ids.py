"""UUIDv7 (RFC 9562, 5.7): the ids of sessions, rounds and transfers, which are their idempotency keys."""

from __future__ import annotations

import os
import threading
import time

_COUNTER_MAX = (1 << 42) - 1


def new_id() -> str:
    """A new UUIDv7 in lower case.

    Ids of one process sort in the order in which they were made, also across threads and when the clock steps back.
    """
    ms, counter = _clock.next(time.time_ns() // 1_000_000)
    return format_id(ms, (counter << 32) | int.from_bytes(os.urandom(4)))


def format_id(unix_ms: int, random_74_bits: int) -> str:
    """The UUIDv7 of a Unix time in milliseconds and 74 bits, for tests that need a chosen time."""
    high = (random_74_bits >> 62) & 0xFFF
    low = random_74_bits & ((1 << 62) - 1)
    digits = f"{(unix_ms << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_of(uuid7: str) -> int:
    """The Unix time in milliseconds inside a UUIDv7."""
    return int(uuid7.replace("-", "")[:12], 16)


class _Clock:
    """RFC 9562, 6.2, method 1: a counter that starts in its lower half each millisecond and counts up inside it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._counter = 0

    def next(self, now_ms: int) -> tuple[int, int]:
        with self._lock:
            if now_ms > self._ms:
                self._ms = now_ms
                self._counter = int.from_bytes(os.urandom(6)) & (_COUNTER_MAX >> 1)
            elif self._counter < _COUNTER_MAX:
                self._counter += 1
            else:
                self._ms += 1
                self._counter = 0
            return self._ms, self._counter


_clock = _Clock()
