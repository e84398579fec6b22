"""Whether a node is used: thrown out when it fails, asked now and then, and let back bit by bit. Pure, told the time.

    in --(two failures in a row, or a refusal of the node itself)--> out --(a probe is answered)--> back --(return_s later)--> in
                                                                      ^                              |
                                                                      +------(a single failure)------+

Reports on attempts that began before the last change are ignored: a burst of calls that hung together counts once.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SHARE = 0.1
"""Share of its wallets that a node gets at once when it is let back."""


@dataclass(frozen=True)
class Ejection:
    """How quick the client is to leave a node alone, and to come back."""

    failures: int = 2
    """Time-outs or broken connections in a row after which a node is out."""
    first_s: float = 1.0
    """How long until it is asked for the first time; each further time it is out may be twice as long."""
    longest_s: float = 30.0
    return_s: float = 5.0
    """How long its share grows, from a tenth to all, after it answered a probe."""


@dataclass
class Standing:
    """One node's."""

    rules: Ejection
    since: float = float("-inf")
    """When it was last thrown out or let back, on the caller's clock in seconds."""
    out: bool = False
    hung: bool = False
    """It is out because it did not answer, so that asking it costs an attempt's whole time-out."""
    next_probe: float = 0.0
    _failures: int = 0
    _out_s: float = 0.0

    def share(self, now: float) -> float:
        """The part of its wallets that it is sent, from 0 to 1."""
        if self.out:
            return 0.0
        grown = (now - self.since) / self.rules.return_s if self.rules.return_s > 0 else 1.0
        return min(1.0, FIRST_SHARE + (1 - FIRST_SHARE) * grown)

    def answered(self, started: float, now: float) -> bool:
        """It answered an attempt that began at `started`. True if that lets it back."""
        if started < self.since:
            return False
        self._failures = 0
        if not self.out:
            return False
        self._let_back(now)
        return True

    def failed(self, started: float, now: float, *, hung: bool) -> bool:
        """It could not be reached, or did not answer in time (`hung`). True if that throws it out."""
        if self.out or started < self.since:
            return False
        self._failures += 1
        if self._failures < self.rules.failures and self.share(now) == 1.0:
            return False
        self.throw_out(now, hung=hung)
        return True

    def throw_out(self, now: float, *, hung: bool = False) -> None:
        """Leaves it alone until a probe is due, longer each time unless it has been in for the longest time out."""
        if self.out:
            return
        recovered = now - self.since > self.rules.longest_s
        self._out_s = self.rules.first_s if recovered else min(self.rules.longest_s, self._out_s * 2)
        self.out, self.hung, self.since, self.next_probe, self._failures = True, hung, now, now + self._out_s, 0

    def probed(self, now: float, *, serving: bool) -> None:
        """A probe was answered with "serving", or it was not."""
        if not self.out:
            return
        if serving:
            self._let_back(now)
        else:
            self._out_s = min(self.rules.longest_s, self._out_s * 1.5)
            self.next_probe = now + self._out_s

    def _let_back(self, now: float) -> None:
        self.out, self.hung, self.since, self._failures = False, False, now, 0
