"""What is known of a call besides its request."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from croupier.access import Caller


class Call(Struct, frozen=True):
    """What a method may know of its call besides the request."""

    caller: Caller
    deadline_ms: int
    """0 for none."""
    authorization: str
    """What the caller showed; empty where it was a certificate."""
    is_forwarded: bool
    """Another node has forwarded it, so it is served here."""
    check: Callable[[], object]
    """Raises a Refusal once the credentials no longer hold; a stream may outlive them, and asks before each thing that it does (S7)."""
