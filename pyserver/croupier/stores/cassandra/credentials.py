"""What a driver shows to Cassandra's nodes, and what it asks of them: read from the files that the settings name."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from croupier.config import Cassandra
from croupier.stores.cassandra.driver import Misuse


class Credentials(Struct, frozen=True):
    """Texts, not file names; empty for none."""

    username: str = ""
    password: str = ""
    ca: str = ""
    """PEM. TLS is used where it is given."""
    certificate: str = ""
    """PEM."""
    key: str = ""
    """PEM."""


def read(settings: Cassandra) -> Credentials:
    """Reads the files. Raises Misuse, in a sentence, where one cannot be read or what is given does not go together."""
    if (settings.certificate_file is None) != (settings.key_file is None):
        raise Misuse("cassandra.certificate_file and cassandra.key_file go together: one of them is missing")
    if settings.certificate_file is not None and settings.ca_file is None:
        raise Misuse("cassandra.certificate_file needs cassandra.ca_file: without it no TLS is used")
    if bool(settings.username) != (settings.password_file is not None):
        raise Misuse("cassandra.username and cassandra.password_file go together: one of them is missing")
    return Credentials(
        settings.username,
        _text("password_file", settings.password_file).rstrip("\r\n"),
        _text("ca_file", settings.ca_file),
        _text("certificate_file", settings.certificate_file),
        _text("key_file", settings.key_file),
    )


def _text(setting: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(f"cassandra.{setting} = {path} cannot be read: {error}") from error
