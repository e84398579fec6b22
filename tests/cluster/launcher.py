"""Starts `croupier serve` as a node of a cluster, with a kill at a named point a guard switched off, or a store that can do only so much. For tests only."""

from __future__ import annotations

from croupier.cli import main
from tests.cluster import broken, capacity, points
from tests.faults.launcher import die_with_parent

if __name__ == "__main__":
    die_with_parent()
    broken.switch_off()
    capacity.narrow()
    points.arm()
    main()
