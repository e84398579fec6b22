"""The front door as the rest of the server sees it: the native listener, and the inbox in which it puts calls of hot methods."""

from __future__ import annotations

from croupier._engine import Front, Inbox

Answer = tuple[int, bytes] | tuple[int, int, str, bytes]
"""Ticket and message; or ticket, gRPC code, its text, and an encoded google.rpc.Status."""

__all__ = ["Answer", "Front", "Inbox"]
