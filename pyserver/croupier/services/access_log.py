"""The access log: one line for each call, where the settings ask for it. Credentials and messages are never in it."""

from __future__ import annotations

import logging
import time

_log = logging.getLogger("croupier.access")


def switch(*, is_on: bool) -> None:
    """Writes the log from now on, or not."""
    _log.setLevel(logging.INFO if is_on else logging.WARNING)


def is_on() -> bool:
    """Whether calls are logged."""
    return _log.isEnabledFor(logging.INFO)


def write(method: str, peer: str, caller: str, code: int, seconds: float) -> None:
    """One call: its gRPC code, and how long it took; `caller` is the id of the key or session, empty where there was none."""
    call = {"method": method, "peer": peer, "caller": caller, "code": code, "ms": round(seconds * 1000, 3)}
    _log.info("%s %s", method, code, extra={"call": call})


class HotCalls:
    """Hot calls between being taken and being answered, for the log."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, str, str, float]] = {}

    def began(self, ticket: int, method: str, peer: str, age_us: int) -> None:
        """A call was taken, `age_us` after it had come."""
        self._open[ticket] = (method, peer, "", time.perf_counter() - age_us / 1e6)

    def is_by(self, ticket: int, caller: str) -> None:
        """Its credentials were good."""
        method, peer, _, began = self._open[ticket]
        self._open[ticket] = (method, peer, caller, began)

    def ended(self, ticket: int, code: int) -> None:
        """It is answered."""
        method, peer, caller, began = self._open.pop(ticket)
        write(method, peer, caller, code, time.perf_counter() - began)
