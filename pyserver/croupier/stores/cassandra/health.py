"""Whether a coordinator should be given requests: pure, told of every request, with the time as an argument.

A process that hangs keeps its connections open and says nothing. So a coordinator is suspected when it has been silent for a while although requests
wait for it, and ejected when it let one run into its time limit, which may be that of a short question, without having said anything meanwhile. A probe brings
it back.
"""

from __future__ import annotations

SUSPECT_S = 0.5
"""Silence after which new requests prefer another coordinator; several times what a conditional write takes on a starved machine."""


class Health:
    """One coordinator's. Times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.connected = False
        self.ejected = False
        self.in_flight = 0
        self.time_outs = 0
        """Requests that it never answered, since the start."""
        self.ejections = 0
        self._heard = 0.0
        self._waiting_since = 0.0

    @property
    def usable(self) -> bool:
        """Connected, and not ejected."""
        return self.connected and not self.ejected

    def suspected(self, now: float) -> bool:
        """Whether requests have waited for it in silence."""
        return self.in_flight > 0 and now - max(self._waiting_since, self._heard) > SUSPECT_S

    def sent(self, now: float) -> None:
        """A request goes out."""
        if self.in_flight == 0:
            self._waiting_since = now
        self.in_flight += 1

    def answered(self, now: float) -> None:
        """A request got an answer, be it an error."""
        self.in_flight -= 1
        self._heard = now

    def abandoned(self) -> None:
        """Nobody waits for the request any more; what became of it says nothing."""
        self.in_flight -= 1

    def silent(self, sent_at: float) -> bool:
        """A request that went out at `sent_at` got no answer. True where this ejects the coordinator: it said nothing all the time."""
        self.in_flight -= 1
        self.time_outs += 1
        if self.ejected or self._heard > sent_at:
            return False
        self.ejected = True
        self.ejections += 1
        return True

    def back(self, now: float) -> None:
        """A probe was answered."""
        self.ejected = False
        self._heard = now
