"""Seals server seeds at rest: AES-256-GCM under named keys, the newest key seals, every known key opens.

A sealed seed is key id (4 bytes, big-endian), nonce (12 bytes), ciphertext and tag (48 bytes). What it is bound to (wallet and session)
is authenticated, so a sealed seed moved to another session does not open.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from croupier.errors import StoreUnusable

SEED_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """Seals and opens seeds, and derives the key of session tokens. Pure: nonces are the caller's."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """`keys` maps key ids (1 or more) to 32-byte keys; the highest id seals."""
        if not keys or any(len(key) != 32 for key in keys.values()):
            raise ValueError("a vault needs at least one key, and each key has 32 bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = max(keys)
        self._keys = dict(keys)

    def seal(self, seed: bytes, bound_to: bytes, nonce: bytes) -> bytes:
        """The sealed form of a 32-byte seed. `nonce` is 12 bytes from the OS, never used twice."""
        return self._newest.to_bytes(4, "big") + nonce + self._ciphers[self._newest].encrypt(nonce, seed, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The seed. Raises StoreUnusable where the key is missing or the bytes are not what was sealed."""
        key_id = int.from_bytes(sealed[:4], "big")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise StoreUnusable(f"a seed is sealed under key {key_id}, which is not in the key file; add that key")
        try:
            return cipher.decrypt(sealed[4 : 4 + NONCE_BYTES], sealed[4 + NONCE_BYTES :], bound_to)
        except (InvalidTag, ValueError):
            raise StoreUnusable(f"a sealed seed does not open under key {key_id}: the key file belongs to another database") from None

    def fingerprint(self, key_id: int) -> bytes:
        """Names a key without revealing it; kept in the store to refuse a wrong key file at start."""
        return hmac.digest(self._keys[key_id], b"croupier fingerprint", hashlib.sha256)[:8]

    @property
    def key_ids(self) -> tuple[int, ...]:
        """Ids of the known keys, ascending."""
        return tuple(sorted(self._keys))

    def token_keys(self) -> dict[int, bytes]:
        """One key for session tokens derived from each vault key; the highest id signs."""
        return {key_id: hmac.digest(key, b"croupier session token", hashlib.sha256) for key_id, key in self._keys.items()}
