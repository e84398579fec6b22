"""Page sizes and page tokens (AIP-158)."""

from __future__ import annotations

from croupier.errors import FieldInvalid, TokenOutOfRange

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000
_MAX_DIGITS = 18
_LAST_POSITION = 10**_MAX_DIGITS - 1


def page_size(requested: int) -> int:
    """How many to return: 100 where nothing is asked for, 1,000 at most."""
    if not 0 <= requested <= PAGE_SIZE_MAX:
        raise FieldInvalid(f"page_size must be 0 to {PAGE_SIZE_MAX}, not {requested}", field="page_size")
    return requested or PAGE_SIZE_DEFAULT


def position(token: str, *, last: int = _LAST_POSITION) -> int:
    """The number inside a page token, 1 to `last`; 0 for an empty one, which asks for the first page."""
    if not token:
        return 0
    found = number(token, "page_token")
    if not 1 <= found <= last:
        raise TokenOutOfRange("page_token was not given out by this server; start without one", field="page_token")
    return found


def number(token: str, field: str) -> int:
    """The number inside a token."""
    if not token.isascii() or not token.isdigit() or len(token) > _MAX_DIGITS:
        raise TokenOutOfRange(f"{field} was not given out by this server; start without one", field=field)
    return int(token)
