"""Who calls: API keys of operators, tokens of sessions. Keys are random 256-bit values of which only the SHA-256 is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from enum import IntEnum

import msgspec
from msgspec import Struct

from croupier.errors import CredentialsInvalid, SessionExpired
from croupier.model import WalletKey
from croupier.stores.store import Document
from croupier.vault import Vault

KEY_PREFIX = "ck_"
TOKEN_PREFIX = "cs_"
OPERATOR_KIND = "operator"
KEY_KIND = "api_key"
ADMIN_OPERATOR = "admin"
"""The operator whose keys carry the admin role."""
_MAC_BYTES = 16
_MAX_CACHED = 50_000


class Role(IntEnum):
    """Numbers as in croupier.v1.Role."""

    OPERATOR = 1
    PLAYER = 2
    ADMIN = 3


class Caller(Struct, frozen=True):
    """Who a call comes from, by its credentials alone."""

    role: Role
    operator: str
    name: str
    """For the log: the id of the key or session; no secret."""
    wallet: WalletKey | None = None
    """A player's wallet."""
    session: bytes = b""
    """A player's session."""
    expire_ms: int = 0
    """0 for never."""


class Operator(Struct, frozen=True):
    """A tenant."""

    title: str
    create_time_ms: int


class ApiKey(Struct, frozen=True):
    """What is stored of an API key."""

    operator: str
    hash: str
    """SHA-256 of the secret part, hex."""
    label: str
    create_time_ms: int
    revoke_time_ms: int = 0
    """0 while in force."""


def make_key(operator: str, label: str, now_ms: int, entropy: bytes) -> tuple[str, Document]:
    """A new API key's text, to be shown once, and its document. `entropy` is 40 bytes: 8 for the id, 32 for the secret."""
    key_id, secret = entropy[:8].hex(), entropy[8:40].hex()
    key = ApiKey(operator, _hash(secret), label, now_ms)
    return f"{KEY_PREFIX}{key_id}_{secret}", Document(KEY_KIND, key_id, 1, msgspec.json.encode(key))


def revoked(document: Document, now_ms: int) -> Document:
    """The document of a key after its revocation."""
    key = msgspec.json.decode(document.body, type=ApiKey)
    body = msgspec.json.encode(msgspec.structs.replace(key, revoke_time_ms=now_ms))
    return Document(KEY_KIND, document.id, document.version + 1, body)


class Access:
    """Tells callers by their credentials. Holds the API keys in force; tokens carry their own proof. Any thread may ask; one replaces the keys."""

    def __init__(self, vault: Vault) -> None:
        self._token_keys = vault.token_keys()
        self._keys: dict[str, ApiKey] = {}
        self._operators: frozenset[str] = frozenset()
        self._known: dict[str, Caller] = {}

    def replace(self, operators: Iterable[Document], keys: Iterable[Document]) -> None:
        """Takes over operators and keys as stored now; revoked keys stop working."""
        in_force = {document.id: msgspec.json.decode(document.body, type=ApiKey) for document in keys}
        in_force = {key_id: key for key_id, key in in_force.items() if not key.revoke_time_ms}
        names = frozenset(document.id for document in operators)
        if in_force != self._keys or names != self._operators:
            self._keys, self._operators = in_force, names
            self._known = {}  # Last: whoever looks up callers meanwhile puts what it found by the old keys into the old dict.

    def caller(self, authorization: str, now_ms: int) -> Caller:
        """The caller behind an `authorization` header. Raises CredentialsInvalid or SessionExpired."""
        known = self._known
        caller = known.get(authorization)
        if caller is None:
            caller = self._identify(authorization)
            if len(known) >= _MAX_CACHED:
                self._known = {}
            known[authorization] = caller
        if caller.expire_ms and now_ms >= caller.expire_ms:
            raise SessionExpired("the session token has expired; refresh the session")
        return caller

    def certificate_caller(self, common_name: str) -> Caller:
        """The caller behind a client certificate that the TLS layer has checked."""
        if common_name not in self._operators:
            raise CredentialsInvalid(f"the client certificate's common name {common_name!r} is no operator")
        return _operator_caller(common_name, f"certificate {common_name}")

    def make_token(self, wallet: WalletKey, session: bytes, expire_ms: int) -> str:
        """A token that lets its bearer play one session until `expire_ms`."""
        key_id = max(self._token_keys)
        payload = msgspec.msgpack.encode((key_id, *wallet, session, expire_ms))
        return TOKEN_PREFIX + base64.urlsafe_b64encode(payload + self._mac(key_id, payload)).decode().rstrip("=")

    def _identify(self, authorization: str) -> Caller:
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise CredentialsInvalid("no credentials; send metadata `authorization: Bearer` with an API key or a session token")
        if credential.startswith(KEY_PREFIX):
            return self._key_caller(credential)
        if credential.startswith(TOKEN_PREFIX):
            return self._token_caller(credential)
        raise CredentialsInvalid(f"credentials must start with {KEY_PREFIX} (API key) or {TOKEN_PREFIX} (session token)")

    def _key_caller(self, credential: str) -> Caller:
        key_id, _, secret = credential[len(KEY_PREFIX) :].partition("_")
        key = self._keys.get(key_id)
        if key is None or not hmac.compare_digest(key.hash, _hash(secret)):
            raise CredentialsInvalid("the API key is not known, or was revoked")
        return _operator_caller(key.operator, f"key {key_id}")

    def _token_caller(self, credential: str) -> Caller:
        try:
            text = credential[len(TOKEN_PREFIX) :]
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
            key_id, operator, player, currency, session, expire_ms = msgspec.msgpack.decode(
                payload, type=tuple[int, str, str, str, bytes, int]
            )
        except (ValueError, msgspec.DecodeError):
            raise CredentialsInvalid("the session token is malformed") from None
        if key_id not in self._token_keys or not hmac.compare_digest(mac, self._mac(key_id, payload)):
            raise CredentialsInvalid("the session token was not issued here")
        return Caller(Role.PLAYER, operator, f"session {session.hex()}", WalletKey(operator, player, currency), session, expire_ms)

    def _mac(self, key_id: int, payload: bytes) -> bytes:
        return hmac.digest(self._token_keys[key_id], payload, hashlib.sha256)[:_MAC_BYTES]


def _operator_caller(operator: str, name: str) -> Caller:
    return Caller(Role.ADMIN if operator == ADMIN_OPERATOR else Role.OPERATOR, operator, name)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
