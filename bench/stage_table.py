"""Which function belongs to which stage of a call, and what a profile comes to by that table.

A sample is the Python stack of the thread that ran. Its stage is that of the innermost function that the table names: what a function calls belongs to it
(protobuf, SQLite, the engine), unless the table names that too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_STACK = "most recent call first"


class Frame(NamedTuple):
    """A function, by the file's path from its package on, and the line that it was at."""

    file: str
    function: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"


Stack = tuple[Frame, ...]
"""Innermost first."""

STAGES: tuple[tuple[str, str], ...] = (
    ("engine", r"croupier/engine\.py:"),
    ("decide", r"croupier/(operations/|vault\.py:|limits\.py:|runners/embedded\.py:(_decide\w*|_may_be_stale)$)"),
    ("cache", r"croupier/(runners/cache\.py:|runners/embedded\.py:_applied$|events/)"),
    ("load", r"croupier/(runners/embedded\.py:(_load|_recall)$|runners/owner\.py:_state$|stores/\w+\.py:load$)"),
    ("commit", r"croupier/stores/"),
    (
        "encode",
        r"croupier/services/(convert|splice)\.py:|croupier/services/\w+\.py:_(\w*played|acted|encoded_\w+|got|view)$|croupier/services/hot\.py:answered$",
    ),
    ("credentials", r"croupier/(access\.py:|services/guard\.py:_?(admit|credentials|identif)\w*$)"),
    ("parse, translate", r"croupier/services/(names\.py:|guard\.py:_?decoded$|\w+_service\.py:|hot\.py:queued$)"),
    ("wait, hand over", r"croupier/(door\.py:|runners/owner\.py:_gather$)"),
    ("bookkeeping", r"croupier/(runners/|services/|model\.py:|metrics\.py:)|prometheus_client/"),
    ("transport in Python", r"grpc/|asyncio/|uvloop/|croupier/(server|cli)"),
    ("transport, gRPC's threads", r"threading\.py:|concurrent/"),  # Its poller is a thread of Python's that runs compiled code only.
    ("metrics page", r"socketserver\.py:|selectors\.py:|wsgiref/"),
)
"""Stage and the functions in it. The first that fits decides."""

NATIVE: tuple[tuple[str, str], ...] = (("transport, front door", r"front|tokio"), ("transport, gRPC's threads", r".*"))
"""Threads without Python, by name."""

_COMPILED = tuple((stage, re.compile(pattern)) for stage, pattern in STAGES)


def stacks(text: str) -> Iterator[Stack]:
    """The stacks that faulthandler wrote."""
    frames: list[Frame] = []
    for line in text.splitlines():
        if found := _FRAME.match(line):
            frames.append(Frame(_package_path(found[1]), found[3], int(found[2])))
        elif frames and _STACK in line:
            yield tuple(frames)
            frames = []
    if frames:
        yield tuple(frames)


def stage_of(stack: Stack) -> str:
    """The stage of a sample; empty where the table names none of its functions."""
    for frame in stack:
        name = str(frame)
        for stage, pattern in _COMPILED:
            if pattern.match(name):
                return stage
    return ""


def native_stage(thread: str) -> str:
    """The stage of a thread that runs no Python."""
    return next(stage for stage, pattern in NATIVE if re.match(pattern, thread))


def by_stage(samples: Iterable[Stack]) -> Counter[str]:
    """Samples of each stage."""
    return Counter(stage_of(stack) for stack in samples)


def by_function(samples: Iterable[Stack]) -> tuple[Counter[str], Counter[str]]:
    """Samples in each function itself, in what it calls outside Python too; and those in anything that it calls."""
    own: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    for stack in samples:
        own[str(stack[0])] += 1
        inclusive.update({str(frame) for frame in stack})
    return own, inclusive


def _package_path(file: str) -> str:
    """…/site-packages/grpc/aio/_server.py is grpc/aio/_server.py, …/pyserver/croupier/model.py is croupier/model.py."""
    parts = Path(file).parts
    for root in ("site-packages", "pyserver", "python3.11"):
        if root in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(root) :])
    return parts[-1]
