"""L0: the round protocol under a scheduler, a virtual clock and a store that lies; and the proof that the checker would notice."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.simulation.controls import CONTROLS
from tests.simulation.run import Report, cores, run_seed, run_seeds

SEEDS = 10_000
CONTROL_SEEDS = 2_000
CAUGHT_ONCE = (102, 202, 5741, 1183, 5922)
"""Seeds that once took rows of two moments for a broken invariant."""


@pytest.mark.timeout(600)
def test_ten_thousand_seeds() -> None:
    """S4, G2, R3: whatever nodes, store and clock do, nothing acknowledged is lost or there twice, money adds up, no outcome changes, nothing stays unknown."""
    failed = [report for report in run_seeds(range(SEEDS), cores()) if report.faults]
    assert not failed, "\n".join(f"{report.replay}   # {report.faults[0]}" for report in failed[:10])


@pytest.mark.parametrize("seed", CAUGHT_ONCE)
def test_seeds_that_failed_once(seed: int) -> None:
    """What was found once is not found again."""
    assert run_seed(seed).faults == ()


def test_same_seed_same_run() -> None:
    """A seed replays to the same calls, crashes and entries."""
    assert [run_seed(seed) for seed in range(20)] == [run_seed(seed) for seed in range(20)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CONTROLS)
def test_a_guard_switched_off_is_noticed(name: str) -> None:
    """Negative control: without this guard, the checker finds the fault that the guard is there for."""
    control = CONTROLS[name]
    with control.patch():
        for seed in range(CONTROL_SEEDS):
            try:
                faults = run_seed(seed, control.parts).faults
            except AssertionError:
                continue  # The product's own assertions may notice first; the checker must notice too.
            if {fault.split(":")[0] for fault in faults} & control.kinds:
                return
    pytest.fail(f"{CONTROL_SEEDS} seeds without the guard '{name}', and the checker saw nothing")


def test_a_failure_names_its_command() -> None:
    """The command that a failing seed prints runs that seed again."""
    command = Report(7, (), 0, 0, 0, 0).replay.split()
    ran = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True, timeout=25)
    assert ran.stdout == "nothing is wrong\n"
