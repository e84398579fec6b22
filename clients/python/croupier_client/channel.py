"""How a node is reached: addresses, credentials, TLS and the channel options that both clients use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""Largest response that is accepted: a page of 1,000 rounds."""

OPTIONS: list[tuple[str, int | str]] = [
    # Exactly one layer retries, and it is retry.py.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # A node that is back is found within a second; the default backs off for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A frozen node answers no ping: open streams notice within 25 seconds. Heartbeats come every 10, so a healthy stream sends none.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
]


@dataclass(frozen=True)
class Tls:
    """TLS towards the server; with `certificate` and `private_key` also mutual TLS. All are paths of PEM files."""

    ca: Path | str | None = None
    """The authority that the server's certificate must come from; None means the system's."""
    certificate: Path | str | None = None
    private_key: Path | str | None = None
    server_name: str = ""
    """Name expected in the server's certificate, where it is not the address."""

    def credentials(self) -> grpc.ChannelCredentials:
        """The channel credentials.

        Raises:
            ValueError: if only one of `certificate` and `private_key` is given.
            OSError: if a file cannot be read.
        """
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("mutual TLS needs both certificate and private_key")
        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.private_key), _read(self.certificate))

    def options(self) -> list[tuple[str, int | str]]:
        """The channel options that go with the credentials."""
        return [("grpc.ssl_target_name_override", self.server_name)] if self.server_name else []


def split_addresses(addresses: str | Sequence[str]) -> tuple[str, ...]:
    """`"a:1,b:2"` or `["a:1", "b:2"]` as a tuple without repeats."""
    parts = addresses.split(",") if isinstance(addresses, str) else addresses
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def call_metadata(token: str, *, is_unforwarded: bool = False) -> tuple[tuple[str, str], ...]:
    """The metadata of a call: the operator's key or the player's session token, and whether the node is to serve the call itself."""
    authorization = ("Forwarded " if is_unforwarded else "") + (f"Bearer {token}" if token else "")
    return (("authorization", authorization),) if authorization else ()


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
