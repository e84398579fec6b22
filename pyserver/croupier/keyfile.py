"""The key file: JSON {"1": "64 hex digits", …}, readable by its owner alone. The highest id seals, all open."""

from __future__ import annotations

import json
from pathlib import Path

from croupier import private_file
from croupier.errors import StoreUnusable
from croupier.stores.store import Document, Reads, Store
from croupier.vault import Vault

FINGERPRINT_KIND = "vault_key"
KEY_BYTES = 32


def load(path: Path) -> Vault:
    """Reads a key file. Raises StoreUnusable with one sentence."""
    try:
        return Vault({int(key_id): bytes.fromhex(key) for key_id, key in json.loads(path.read_text()).items()})
    except OSError as error:
        raise StoreUnusable(f"the key file {path} cannot be read: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreUnusable(f'the key file {path} is malformed; it must be JSON such as {{"1": "64 hex digits"}}: {error}') from error


def create(path: Path, key: bytes) -> Vault:
    """Writes a new key file with key 1, durable before it is used."""
    private_file.write(path, json.dumps({"1": key.hex()}))
    return Vault({1: key})


async def check(store: Store, vault: Vault, path: Path) -> None:
    """Refuses a key file that is not this store's, and notes keys that are new. Raises StoreUnusable."""
    stored = await refuse_foreign(store, vault, path)
    for key_id in vault.key_ids:
        if key_id not in stored:
            await store.put_document(Document(FINGERPRINT_KIND, str(key_id), 1, vault.fingerprint(key_id)))


async def refuse_foreign(reads: Reads, vault: Vault, path: Path) -> frozenset[int]:
    """Ids of the keys that the store knows. Raises StoreUnusable where the key file lacks one or has another under its id."""
    stored = {int(document.id): document.body for document in await reads.documents(FINGERPRINT_KIND)}
    for key_id, fingerprint in stored.items():
        if key_id not in vault.key_ids:
            raise StoreUnusable(f"the key file {path} lacks key {key_id}, which seals seeds of this database; add it")
        if vault.fingerprint(key_id) != fingerprint:
            raise StoreUnusable(f"key {key_id} in the key file {path} is not the one of this database; bring back the right file")
    return frozenset(stored)
