"""The front door as the rest of the server sees it: the native listener, and the inbox in which it puts calls of hot methods."""

from __future__ import annotations

from croupier._engine import Front, Inbox

__all__ = ["Front", "Inbox"]
