"""Starts the real server, `croupier serve`, with a kill at a named point or a guard switched off, as the environment says. For tests only."""

from __future__ import annotations

import ctypes
import signal

from croupier.cli import main
from tests.faults import broken, points

_PR_SET_PDEATHSIG = 1
"""See prctl(2)."""


def die_with_parent() -> None:
    """No server outlives its test."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    die_with_parent()
    broken.checkpoint_often()
    broken.switch_off()
    points.arm()
    main()
