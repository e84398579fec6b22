"""Resource names and ids: read from requests, checked, held against the caller's tenant and session; and written for answers."""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern

from google.protobuf.message import Message

from croupier.access import Caller, Role
from croupier.encoding import uuid7_bytes
from croupier.errors import FieldInvalid, Forbidden
from croupier.model import WalletKey
from croupier.operations.play_round import format_id

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}\Z")
_GAME = re.compile(r"[a-z0-9-]{1,64}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_CLIENT_SEED = re.compile(r"[!-9;-~]{1,64}\Z")
_WALLET_FORM = "operators/{operator}/players/{player}/wallets/{currency}"
_MAX_KNOWN = 4_096
"""Names that were checked in full, to be found again."""
_MAX_KEPT_BYTES = 4_096
"""A roulette bet of 100 wagers has about 2,200."""


def parse_id(text: str, field: str) -> bytes:
    """The 16 bytes of a UUIDv7 in its canonical text form."""
    id_ = uuid7_bytes(text)
    if id_ is None:
        raise FieldInvalid(
            f"{field} must be a UUIDv7 in lower case, such as 01890a5d-ac96-774b-bcce-b302099a8057, not {text[:64]!r}", field=field
        )
    return id_


def parse_wallet(text: str, caller: Caller, field: str) -> WalletKey:
    """A wallet's name; it must be of the caller's tenant, and a player's own."""
    wallet = _parse_wallet(text, field)
    _refuse_stranger(wallet, caller, field)
    return wallet


def parse_child(text: str, collection: str, caller: Caller, field: str) -> tuple[WalletKey, bytes]:
    """The wallet and id in a name such as {wallet}/sessions/{id}; a player's session must be its own."""
    wallet, id_ = _parse_child(text, collection, field)
    _refuse_stranger(wallet, caller, field)
    if collection == "sessions" and caller.role is Role.PLAYER and id_ != caller.session:
        raise Forbidden("a session token is for its own session only", field=field)
    return wallet, id_


def parse_operator(text: str, caller: Caller, field: str) -> str:
    """A tenant's name: the caller's own, or any for an admin."""
    head, _, operator = text.partition("/")
    if head != "operators" or not _SEGMENT.match(operator):
        raise FieldInvalid(f"{field} must be operators/{{operator}}, not {text[:128]!r}", field=field)
    if caller.role is not Role.ADMIN and operator != caller.operator:
        raise Forbidden(f"these credentials are not for {text}", field=field)
    return operator


def parse_game(text: str, field: str) -> str:
    """The game in games/{game}."""
    head, _, game = text.partition("/")
    if head != "games" or not _GAME.match(game):
        raise FieldInvalid(f"{field} must be games/{{game}}, lower-case letters, digits and hyphens, not {text[:128]!r}", field=field)
    return game


def parse_client_seed(text: str, field: str, *, optional: bool) -> str:
    """A client seed: printable ASCII without the colon that ends it in the key's derivation."""
    if not (optional and not text) and not _CLIENT_SEED.match(text):
        raise FieldInvalid(f'{field} must be 1 to 64 printable ASCII characters without spaces and ":"', field=field)
    return text


def parse_seed_number(number: int, field: str) -> int:
    """The number of a seed, from 1."""
    if number < 1:
        raise FieldInvalid(f"{field} must be 1 or more, not {number}", field=field)
    return number


def parse_reference(text: str, field: str) -> str:
    """An operator's own reference."""
    if len(text) > 128:
        raise FieldInvalid(f"{field} has {len(text)} characters; 128 are allowed", field=field)
    return text


def bounded(message: Message, field: str) -> bytes:
    """A bet or an action, encoded, for it is kept as it came: bounded, so that fields which nobody knows cannot fill the store."""
    encoded = message.SerializeToString()
    if len(encoded) > _MAX_KEPT_BYTES:
        raise FieldInvalid(f"{field} has {len(encoded)} bytes; {_MAX_KEPT_BYTES} are allowed", field=field)
    return encoded


def session_name(wallet: WalletKey, id_: bytes) -> str:
    """The name of a session."""
    return f"{wallet}/sessions/{format_id(id_)}"


def round_name(wallet: WalletKey, id_: bytes) -> str:
    """The name of a round."""
    return f"{wallet_name(wallet)}/rounds/{format_id(id_)}"


def transfer_name(wallet: WalletKey, id_: bytes) -> str:
    """The name of a transfer."""
    return f"{wallet}/transfers/{format_id(id_)}"


wallet_name = lru_cache(_MAX_KNOWN)(str)
"""The name of a wallet."""


def _refuse_stranger(wallet: WalletKey, caller: Caller, field: str) -> None:
    if wallet.operator != caller.operator or (caller.role is Role.PLAYER and wallet != caller.wallet):
        raise Forbidden(f"these credentials are not for {wallet}", field=field)


@lru_cache(_MAX_KNOWN)
def _parse_child(text: str, collection: str, field: str) -> tuple[WalletKey, bytes]:
    parent, _, rest = text.partition(f"/{collection}/")
    if not rest:
        raise FieldInvalid(f"{field} must be {_WALLET_FORM}/{collection}/{{id}}, not {text[:128]!r}", field=field)
    return _parse_wallet(parent, field), parse_id(rest, field)


@lru_cache(_MAX_KNOWN)
def _parse_wallet(text: str, field: str) -> WalletKey:
    parts = text.split("/")
    if len(parts) == 6 and (parts[0], parts[2], parts[4]) == ("operators", "players", "wallets"):
        operator, player, currency = parts[1], parts[3], parts[5]
        if _SEGMENT.match(operator) and _SEGMENT.match(player) and _CURRENCY.match(currency):
            return WalletKey(intern(operator), player, intern(currency))
    raise FieldInvalid(
        f"{field} must be {_WALLET_FORM} with ids of 1 to 64 letters, digits or ._~- and a three-letter currency, not {text[:128]!r}",
        field=field,
    )
