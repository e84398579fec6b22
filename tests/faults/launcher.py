"""Starts the real server, `croupier serve`, with a kill at a named point or a guard switched off, as the environment says. For tests only."""

from __future__ import annotations

from croupier.cli import main
from tests.faults import broken, points

if __name__ == "__main__":
    broken.checkpoint_often()
    broken.switch_off()
    points.arm()
    main()
