"""How much of a node's traffic is sent elsewhere because the node sheds load. Pure, told the time.

After "Handling Overload" of Google's SRE book: a node is sent no more than `HEADROOM` times what it lately accepted, so it stays busy
and notices when there is room again, while the rest does not pay a round trip for being refused.
"""

from __future__ import annotations

HEADROOM = 1.5
HALF_LIFE_S = 2.0


class Pressure:
    """What became of the calls that had one node as their first choice, older ones counting less and less."""

    def __init__(self) -> None:
        self._wanted = 0.0
        self._accepted = 0.0
        self._at = 0.0

    def accepted(self, now: float) -> None:
        """The node took the call."""
        self._fade(now)
        self._wanted += 1
        self._accepted += 1

    def shed(self, now: float) -> None:
        """The node refused the call because it has too many."""
        self._fade(now)
        self._wanted += 1

    def diverted(self, now: float) -> None:
        """The call was sent elsewhere at once."""
        self._fade(now)
        self._wanted += 1

    def share(self, now: float) -> float:
        """The share of its calls to divert, from 0 to 1."""
        self._fade(now)
        # One call more, so that a quiet node is always tried.
        return max(0.0, (self._wanted - HEADROOM * self._accepted) / (self._wanted + 1))

    def _fade(self, now: float) -> None:
        if now > self._at:
            fading = 0.5 ** ((now - self._at) / HALF_LIFE_S)
            self._wanted *= fading
            self._accepted *= fading
            self._at = now
