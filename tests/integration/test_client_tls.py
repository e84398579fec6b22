"""The Python client over TLS and mutual TLS."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from croupier_client import AsyncClient, Client, RetryPolicy, Tls, errors, micros, new_id
from tests.integration.live import LiveServer

QUICK = RetryPolicy(deadline_s=10, attempts_max=2)
_VALID = dt.timedelta(days=1)


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        authority = self._certificate(self._name, self._key.public_key(), "localhost", is_authority=True)
        self.file = self._write("authority.pem", authority.public_bytes(serialization.Encoding.PEM))

    def issue(self, common_name: str) -> tuple[Path, Path]:
        """A certificate for `common_name`, valid for localhost, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._certificate(name, key.public_key(), "localhost", is_authority=False)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return (
            self._write(f"{common_name}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{common_name}.key", private),
        )

    def _certificate(self, name: x509.Name, key: ec.EllipticCurvePublicKey, host: str, *, is_authority: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), now - _VALID, now + _VALID)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False).sign(self._key, hashes.SHA256())

    def _write(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        return path


async def test_tls_with_a_key(tmp_path: Path) -> None:
    """A server with its own certificate: the client that trusts the authority is served, one that does not is Unavailable."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    settings = f'[tls]\ncertificate_file = "{certificate}"\nkey_file = "{key}"\n'
    with LiveServer(tmp_path, settings) as server:
        tls = Tls(ca=authority.file, server_name="localhost")
        token = server.facts["operator_key"]
        with Client(server.address, token, operator="demo", tls=tls) as client:
            assert client.deposit(client.wallet_name(new_id(), "EUR"), micros(1)).balance_micros == micros(1)
        async with AsyncClient(server.address, token, operator="demo", tls=tls) as awaited:
            assert "games/dice-10001" in [game.name async for game in awaited.games()]
        with Client(server.address, token, tls=Tls(server_name="localhost"), policy=QUICK) as stranger, pytest.raises(errors.Unavailable):
            stranger.get_game("games/dice-10001")


def test_mutual_tls_names_the_operator(tmp_path: Path) -> None:
    """With a client certificate the common name is the operator: no key is needed; without one nothing is answered."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    own_certificate, own_key = authority.issue("demo")
    settings = f'[tls]\ncertificate_file = "{certificate}"\nkey_file = "{key}"\nclient_ca_file = "{authority.file}"\n'
    with LiveServer(tmp_path, settings) as server:
        tls = Tls(ca=authority.file, certificate=own_certificate, private_key=own_key, server_name="localhost")
        with Client(server.address, operator="demo", tls=tls) as client:
            assert client.deposit(client.wallet_name(new_id(), "EUR"), micros(1)).balance_micros == micros(1)
            with pytest.raises(errors.Forbidden):
                client.get_wallet("operators/another/players/p/wallets/EUR")
        bare = Tls(ca=authority.file, server_name="localhost")
        with Client(server.address, tls=bare, policy=QUICK) as stranger, pytest.raises(errors.Unavailable):
            stranger.get_game("games/dice-10001")


def test_half_of_a_client_certificate_is_refused() -> None:
    """A certificate without its key is a mistake that is told before anything is sent."""
    with pytest.raises(ValueError, match="both"):
        Tls(certificate="own.pem").credentials()
