"""Which node a wallet prefers: rendezvous hashing (Thaler and Ravishankar, 1998), the same arithmetic as the servers'.

tests/golden/routing.json holds what every client and server must compute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_WEIGHT_BYTES = 8


def weight(node: str, wallet: str) -> int:
    """How much a wallet prefers a node: the first 8 bytes, big-endian, of SHA-256(node + NUL + wallet)."""
    return int.from_bytes(hashlib.sha256(f"{node}\0{wallet}".encode()).digest()[:_WEIGHT_BYTES])


def ranked(nodes: Iterable[str], wallet: str) -> list[str]:
    """Names of nodes, the preferred one first, then the one that is preferred without it, and so on; ties go by name.

    Taking a node away moves only the wallets that preferred it.
    """
    return sorted(nodes, key=lambda node: (-weight(node, wallet), node))


def fraction(node: str, wallet: str) -> float:
    """A number from 0 up to 1, fixed for node and wallet, that has nothing to do with their weight: for moving wallets bit by bit."""
    digest = hashlib.sha256(f"{node}\0{wallet}".encode()).digest()[_WEIGHT_BYTES : 2 * _WEIGHT_BYTES]
    return int.from_bytes(digest) / 2 ** (8 * _WEIGHT_BYTES)
