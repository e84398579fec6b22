"""Starts the real server, `croupier serve`, as a node of a cluster, with a kill at a named point or a guard switched off. For tests only."""

from __future__ import annotations

from croupier.cli import main
from tests.cluster import broken, points
from tests.faults.launcher import die_with_parent

if __name__ == "__main__":
    die_with_parent()
    broken.switch_off()
    points.arm()
    main()
