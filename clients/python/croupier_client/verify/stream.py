"""The random stream of a round: ChaCha20 (RFC 8439) in plain Python, keyed by HMAC-SHA256, and unbiased draws from it.

Written from docs/fairness.md and the RFC, and sharing nothing with the engine: two programs that agree are the evidence.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from croupier_client.pb import games_pb2 as games

_MASK = 0xFFFFFFFF
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
# The quarter rounds of one double round: four columns, then four diagonals.
_QUARTERS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def chacha20_block(key: bytes, counter: int, nonce: bytes) -> tuple[int, ...]:
    """One block as sixteen words (RFC 8439, 2.3): `key` of 32 bytes, `nonce` of 12."""
    start = (*_CONSTANTS, *struct.unpack("<8I", key), counter & _MASK, *struct.unpack("<3I", nonce))
    x = list(start)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            xa, xb, xc, xd = x[a], x[b], x[c], x[d]
            xa = (xa + xb) & _MASK
            xd ^= xa
            xd = (xd << 16 | xd >> 16) & _MASK
            xc = (xc + xd) & _MASK
            xb ^= xc
            xb = (xb << 12 | xb >> 20) & _MASK
            xa = (xa + xb) & _MASK
            xd ^= xa
            xd = (xd << 8 | xd >> 24) & _MASK
            xc = (xc + xd) & _MASK
            xb ^= xc
            xb = (xb << 7 | xb >> 25) & _MASK
            x[a], x[b], x[c], x[d] = xa, xb, xc, xd
    return tuple((word + first) & _MASK for word, first in zip(x, start, strict=True))


def round_key(server_seed: bytes, client_seed: str, number: int) -> bytes:
    """The key of round `number`: HMAC-SHA256(server seed, client seed ":" number in decimal)."""
    return hmac.new(server_seed, f"{client_seed}:{number}".encode(), hashlib.sha256).digest()


class Stream:
    """Words of ChaCha20 from block 0 under an all-zero nonce, and the draws that were taken from them."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._block: tuple[int, ...] = ()
        self._taken = 0
        self.draws: list[games.Draw] = []

    def draw(self, purpose: games.DrawPurpose, range_: int) -> int:
        """A value uniform in [0, range_), recorded.

        The high half of word x range_ is the value; words whose low half falls below 2**32 mod range_ are skipped, so that each value owns
        equally many words (Lemire, ACM TOMACS 29(1), 2019).
        """
        surplus = (1 << 32) % range_
        while True:
            value, low = divmod(self._word() * range_, 1 << 32)
            if low >= surplus:
                break
        self.draws.append(games.Draw(purpose=purpose, range=range_, value=value, word=self._taken - 1))
        return value

    def _word(self) -> int:
        at = self._taken % 16
        if at == 0:
            self._block = chacha20_block(self._key, self._taken // 16, bytes(12))
        self._taken += 1
        return self._block[at]
