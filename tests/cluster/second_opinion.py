"""A second opinion on a history by porcupine, an existing linearizability checker, which knows the callers' side only."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from tests.cluster.history import lines
from tests.interop.programs import cache_folder, ran

MODULE = Path(__file__).with_name("porcupine")
JUDGE_S_MAX = 900


class Verdict(Struct):
    """What porcupine makes of the histories."""

    wallets: int
    operations: int
    illegal: list[str]
    """Wallets that no order of the calls explains."""
    undecided: list[str]
    """Those where it ran out of time."""
    faults: list[str]
    """Ids whose answers differ."""

    @property
    def is_clean(self) -> bool:
        """Every wallet behaves like one that does one thing at a time."""
        return not (self.illegal or self.undecided or self.faults)


def judge(told: Iterable[dict[str, Any]]) -> Verdict:
    """Runs porcupine over histories."""
    text = "".join(lines(told))
    done = subprocess.run([program()], input=text, capture_output=True, text=True, check=False, timeout=JUDGE_S_MAX)
    assert done.returncode == 0, done.stderr
    return convert(json.loads(done.stdout), Verdict)


@cache
def program() -> Path:
    """The judge, built from its Go module where it is not kept yet."""
    files = ("go.mod", "go.sum", "main.go")
    built = cache_folder() / f"porcupine-{hashlib.sha256(b''.join((MODULE / file).read_bytes() for file in files)).hexdigest()[:12]}"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as name:
            for file in files:
                shutil.copy(MODULE / file, name)
            ran(["go", "build", "-o", "program", "."], Path(name))
            (Path(name) / "program").replace(built)
    return built
