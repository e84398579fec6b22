"""Starts `croupier` with what a measurement needs inside its process. First argument: the file for samples; the rest is the server's command line.

Orders come over stdin, a line each, and are answered by a line in the file of samples:

- `sample S`: from now on, whichever thread runs when the process has used another S seconds of CPU writes its Python stack to the file; 0 ends it.
  The time is CPU time, so a thread that waits is never seen, and a thread without Python frames writes nothing.
- `burn SHARE`: a task on the server's own event loop spends that share of the time in Python, a burst of 10 ms at a time; 0 ends it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from importlib.metadata import entry_points
from typing import TextIO

_BURST_S = 0.01
_ORDER_BYTES_MAX = 4_096


class Orders:
    """What is done on orders, one after another on a thread of its own."""

    def __init__(self, samples: TextIO) -> None:
        self._samples = samples
        self._share = 0.0
        self._is_burning = False

    def follow(self) -> None:
        """Reads orders until stdin ends. Through the descriptor, for the process ends while this thread still waits."""
        buffered = b""
        while data := os.read(0, _ORDER_BYTES_MAX):
            *lines, buffered = (buffered + data).split(b"\n")
            for line in lines:
                word, value = line.decode().split()
                {"sample": self._sample, "burn": self._burn}[word](float(value))
                self._answer(line.decode())

    def _sample(self, interval_s: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, interval_s, interval_s)

    def _burn(self, share: float) -> None:
        self._share = share
        if share and not self._is_burning:
            self._is_burning = True
            asyncio.run_coroutine_threadsafe(self._bursts(), _running_loop())

    async def _bursts(self) -> None:
        """Bursts of CPU time at a fixed rate, whatever else runs on the core."""
        due = time.monotonic()
        while self._share:
            end = time.thread_time() + _BURST_S
            while time.thread_time() < end:
                sum(range(100))
            due = max(due + _BURST_S / self._share, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        self._is_burning = False

    def _answer(self, order: str) -> None:
        threads = {thread.native_id: thread.name for thread in threading.enumerate()}
        self._samples.write(f"# {json.dumps({'order': order, 'threads': threads})}\n")
        self._samples.flush()


def _running_loop() -> asyncio.AbstractEventLoop:
    """The server's event loop, found where the main thread runs it: nothing that is public leads there."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    while not isinstance(runner := frame.f_locals.get("self"), asyncio.Runner):
        assert frame.f_back is not None, "the main thread runs no event loop"
        frame = frame.f_back
    return runner.get_loop()


def main() -> None:
    """Runs the program `croupier` as its installed script would."""
    samples = open(sys.argv[1], "w")  # noqa: PTH123, SIM115 - it stays open for the life of the process.
    faulthandler.register(signal.SIGPROF, samples, all_threads=False)
    threading.Thread(target=Orders(samples).follow, name="orders", daemon=True).start()
    sys.argv = ["croupier", *sys.argv[2:]]
    (script,) = entry_points(group="console_scripts", name="croupier")
    script.load()()


if __name__ == "__main__":
    main()
