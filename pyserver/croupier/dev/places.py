"""Where downloads are kept, and where one cluster keeps what is its own."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from croupier.dev.plan import Machine


def cache() -> Path:
    """The folder of downloads, shared by every cluster and repository of this user: $CROUPIER_CACHE, or croupier in the user's cache folder."""
    if named := os.environ.get("CROUPIER_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "croupier"


class Places(Struct, frozen=True):
    """The folders of one cluster."""

    folder: Path
    """Data, logs and state; removed as a whole."""
    cache: Path

    @property
    def state(self) -> Path:
        """What is remembered from one command to the next."""
        return self.folder / "cluster.json"

    @property
    def keys(self) -> Path:
        """The key file that every engine node has: it seals the seeds in their common store."""
        return self.folder / "croupier.keys"

    def of(self, machine: Machine) -> Path:
        """One machine's own folder: settings, data and logs."""
        return self.folder / machine.name

    def log(self, machine: Machine) -> Path:
        """What the machine's process prints."""
        return self.of(machine) / "logs" / "output.log"


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds a lock that other processes see; waits for whoever has it. It is freed when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
