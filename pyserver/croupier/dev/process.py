"""One process of the cluster: started apart from its starter, recognised later by its number and the moment of its birth."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from croupier.dev.failure import DevFailed

Condition = Literal["running", "paused", "dead"]
_POLL_S = 0.05
_THREADS, _BIRTH = 17, 19
"""Where the number of threads and the moment of birth stand in /proc/PID/stat, counted after the name: fields 20 and 22 of proc(5)."""
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Those that this very process started: somebody has to collect them, or a dead one keeps its number."""


class Process(Struct, frozen=True):
    """A process that was started once: its number alone may belong to another one by now."""

    pid: int
    born: int
    """Clock ticks after the machine's own start."""


def spawn(argv: Sequence[str], *, log: Path, folder: Path, env: Mapping[str, str] | None = None) -> Process:
    """Starts a process of its own session, so that no Ctrl-C at a terminal reaches it; `log` takes what it prints."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, start_new_session=True, env=env and dict(env)
            )
        except OSError as error:
            raise DevFailed(f"{argv[0]} cannot be started: {error.strerror}") from error
    _children[child.pid] = child
    return Process(child.pid, _stat(child.pid)[1])


def condition(process: Process | None) -> Condition:
    """What the process is doing, if it is still the one that was started."""
    if process is None:
        return "dead"
    if child := _children.get(process.pid):
        child.poll()
    letter, born = _stat(process.pid)
    if born != process.born or letter in "Xx":
        return "dead"
    return "paused" if letter in "Tt" else "running"


def send(process: Process | None, number: signal.Signals) -> bool:
    """Sends a signal; False if the process is dead."""
    if process is None or condition(process) == "dead":
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
        return True
    return False


def end(processes: Sequence[Process], patience_s: float) -> None:
    """Asks processes to stop, and after `patience_s` makes them; returns when all are dead."""
    for process in processes:
        send(process, signal.SIGTERM)
        send(process, signal.SIGCONT)
    if not _all_dead(processes, patience_s):
        kill(processes)


def kill(processes: Sequence[Process]) -> None:
    """Kills processes at once; returns when all are dead."""
    for process in processes:
        send(process, signal.SIGKILL)
    if not _all_dead(processes, 30.0):
        left = [str(process.pid) for process in processes if condition(process) != "dead"]
        raise DevFailed(f"process {', '.join(left)} does not die, not even by SIGKILL")


def resident_mib(process: Process | None) -> int:
    """The memory that the process holds."""
    if process is None or condition(process) == "dead":
        return 0
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def last_lines(log: Path, number: int = 15) -> str:
    """The end of a log, for a message about what died."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-number:])
    except OSError:
        return ""


def _all_dead(processes: Sequence[Process], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while any(condition(process) != "dead" for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _stat(pid: int) -> tuple[str, int]:
    """The letter of its state, and its birth; X for one that is not there."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", -1
    # A killed Java process keeps its ports until the last of its threads is gone.
    is_dead = fields[0] == "Z" and int(fields[_THREADS]) <= 1
    return "X" if is_dead else fields[0], int(fields[_BIRTH])
