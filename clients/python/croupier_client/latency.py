"""How long answers take of late, after TCP's retransmission timer (RFC 6298): a mean, and how far single answers stray from it. Pure."""

from __future__ import annotations

_MEAN_WEIGHT, _STRAY_WEIGHT, _STRAYS = 1 / 8, 1 / 4, 4


class Latency:
    """Of all nodes together: where one of them hangs the others' answers tell what is usual, where the store is slow all are."""

    def __init__(self) -> None:
        self._mean_s = 0.0
        self._stray_s = 0.0
        self._has_any = False

    def took(self, seconds: float) -> None:
        """An answer took so long."""
        if not self._has_any:
            self._has_any, self._mean_s, self._stray_s = True, seconds, seconds / 2
            return
        self._stray_s += (abs(seconds - self._mean_s) - self._stray_s) * _STRAY_WEIGHT
        self._mean_s += (seconds - self._mean_s) * _MEAN_WEIGHT

    @property
    def patience_s(self) -> float:
        """An answer that takes longer than this is out of the ordinary."""
        return self._mean_s + _STRAYS * self._stray_s
