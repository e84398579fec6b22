"""Waits for a process to end, then kills and removes the cluster that was started for it: a killed test run leaves nothing behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from croupier.dev.places import Places

_READY = b"ready\n"


def start(pid: int, places: Places) -> None:
    """Starts a reaper beside the cluster. It is certain to notice the end of `pid` once this returns."""
    argv = [sys.executable, "-m", __name__, str(pid), str(places.folder), str(places.cache)]
    with subprocess.Popen(["/bin/sh", "-c", '"$@" & ', "sh", *argv], stdout=subprocess.PIPE, start_new_session=True) as shell:
        # The shell ends at once and leaves the reaper to whoever takes orphans, so nobody has to collect it.
        assert shell.stdout is not None
        assert shell.stdout.readline() == _READY, "the reaper did not start"


def main(pid: int, places: Places) -> None:
    """Waits, and removes."""
    from croupier.dev.cluster import Cluster  # noqa: PLC0415 It starts reapers.

    watched = os.pidfd_open(pid)
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    select.select([watched], [], [])
    if places.state.is_file():
        Cluster.open(places).remove()


if __name__ == "__main__":
    main(int(sys.argv[1]), Places(Path(sys.argv[2]), Path(sys.argv[3])))
