"""How many retries a client may add to its calls: a fifth of them and ten a second, so that retries never grow into a storm. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class BudgetRules:
    """The size of a budget."""

    share: float = 0.2
    """Retries for each call of the last `window_s`."""
    floor_per_s: float = 10.0
    """Retries that are there without any call, so that a client with few calls can retry too."""
    window_s: float = 10.0


class RetryBudget:
    """Counts calls and retries in slots of a tenth of the window. Not thread-safe: its owner holds a lock."""

    def __init__(self, rules: BudgetRules) -> None:
        self._rules = rules
        self._slot_s = rules.window_s / 10
        self._slots: deque[tuple[int, list[int]]] = deque()
        self._calls = self._retries = 0

    def called(self, now: float) -> None:
        """A new call was begun."""
        self._calls += 1
        self._slot(now)[0] += 1

    def take(self, now: float) -> bool:
        """Takes a retry out of the budget; False if none is left at this time."""
        slot = self._slot(now)
        rules = self._rules
        if self._retries + 1 > self._calls * rules.share + rules.floor_per_s * rules.window_s:
            return False
        self._retries += 1
        slot[1] += 1
        return True

    def _slot(self, now: float) -> list[int]:
        """The counts of the current slot, once those outside the window are forgotten."""
        number = int(now / self._slot_s)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, [0, 0]))
        while self._slots[0][0] <= number - 10:
            _, (calls, retries) = self._slots.popleft()
            self._calls -= calls
            self._retries -= retries
        return self._slots[-1][1]
