"""Messages made of parts that are encoded already: on the wire a message inside another is a tag, a length and its bytes, in any order of fields.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterable

_LENGTH_DELIMITED = 2


def field(number: int, encoded: bytes) -> bytes:
    """A field that holds an encoded message; fields side by side make up the message around them."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(encoded)) + encoded


def repeated(number: int, encoded: Iterable[bytes]) -> bytes:
    """A repeated field of encoded messages."""
    return b"".join([field(number, one) for one in encoded])


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _BYTES[value]
    return _BYTES[value & 0x7F | 0x80] + _varint(value >> 7)


_BYTES = tuple(bytes((value,)) for value in range(256))
