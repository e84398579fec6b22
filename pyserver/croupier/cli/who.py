"""Who gives an order, for whoever meets it later."""

from __future__ import annotations

import getpass
import socket


def who() -> str:
    """user@host."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
