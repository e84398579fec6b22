"""The vault: what it seals opens under the right key and in the right place only."""

from __future__ import annotations

import pytest

from croupier.errors import StoreUnusable
from croupier.vault import Vault

SEED, NONCE = bytes(range(32)), bytes(12)
ONE, TWO = b"1" * 32, b"2" * 32


def test_what_is_sealed_opens() -> None:
    """R15: a sealed seed opens to itself and shows nothing of itself; another nonce seals it otherwise."""
    vault = Vault({1: ONE})
    sealed = vault.seal(SEED, b"here", NONCE)
    assert vault.open(sealed, b"here") == SEED
    assert SEED[:8] not in sealed and len(sealed) == 4 + 12 + 48
    assert vault.seal(SEED, b"here", b"x" * 12)[16:] != sealed[16:]


def test_a_moved_seed_does_not_open() -> None:
    """A sealed seed that was copied to another session or wallet does not open there."""
    vault = Vault({1: ONE})
    with pytest.raises(StoreUnusable, match="does not open under key 1"):
        vault.open(vault.seal(SEED, b"here", NONCE), b"there")


def test_a_wrong_key_does_not_open() -> None:
    """Another database's key under the same number is told as such, a missing one by its number."""
    sealed = Vault({7: ONE}).seal(SEED, b"here", NONCE)
    with pytest.raises(StoreUnusable, match="does not open under key 7: the key file belongs to another database"):
        Vault({7: TWO}).open(sealed, b"here")
    with pytest.raises(StoreUnusable, match="sealed under key 7, which is not in the key file"):
        Vault({8: ONE}).open(sealed, b"here")


def test_an_altered_seed_does_not_open() -> None:
    """No bit of a sealed seed can be changed, and no byte be missing."""
    vault = Vault({1: ONE})
    sealed = vault.seal(SEED, b"here", NONCE)
    for position in range(len(sealed)):
        with pytest.raises(StoreUnusable):
            vault.open(sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :], b"here")
        with pytest.raises(StoreUnusable):
            vault.open(sealed[:position], b"here")


def test_keys_rotate() -> None:
    """The newest key seals, the older ones still open."""
    old = Vault({1: ONE}).seal(SEED, b"here", NONCE)
    both = Vault({1: ONE, 2: TWO})
    assert both.open(old, b"here") == SEED
    assert both.seal(SEED, b"here", NONCE)[:4] == (2).to_bytes(4, "big")
    assert both.key_ids == (1, 2)


def test_derived_keys_are_apart() -> None:
    """Fingerprints and token keys differ by key, and give away no key."""
    vault = Vault({1: ONE, 2: TWO})
    assert vault.fingerprint(1) != vault.fingerprint(2)
    assert vault.fingerprint(1) == Vault({1: ONE}).fingerprint(1)
    tokens = vault.token_keys()
    assert len({*tokens.values(), ONE, TWO}) == 4


@pytest.mark.parametrize("keys", [{}, {1: b"short"}, {1: ONE, 2: b""}])
def test_unusable_keys_are_refused(keys: dict[int, bytes]) -> None:
    """A vault needs at least one key of 32 bytes, and no other."""
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(keys)
