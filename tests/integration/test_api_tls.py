"""TLS with an own certificate, mutual TLS whose common name is the operator, and what is refused without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode

from croupier.config import Tls
from croupier.server import Unstartable
from tests.integration.calling import Caller, new_wallet, refused
from tests.integration.certificates import Authority, written
from tests.integration.serving import Serving, settings

HOUSE, CLIENTS, STRANGERS = Authority("house"), Authority("clients"), Authority("strangers")


def tls(folder: Path, client_ca: Authority | None = None) -> Tls:
    key, certificate = written(folder, "server", *HOUSE.issue("node-1"))
    if client_ca is None:
        return Tls(certificate, key)
    (folder / "clients.pem").write_bytes(client_ca.certificate)
    return Tls(certificate, key, folder / "clients.pem")


@pytest.fixture
def one_way(tmp_path: Path) -> Iterator[Serving]:
    """Callers check the server's certificate and show none."""
    with Serving(settings(tmp_path / "data", store="memory", tls=tls(tmp_path))) as running:
        yield running


@pytest.fixture
def mutual(tmp_path: Path) -> Iterator[Serving]:
    """Callers must show a certificate too."""
    with Serving(settings(tmp_path / "data", store="memory", tls=tls(tmp_path, CLIENTS))) as running:
        yield running


def caller(node: Serving, key: str = "", pair: tuple[bytes, bytes] | None = None, root: Authority = HOUSE) -> Caller:
    credentials = grpc.ssl_channel_credentials(root.certificate, *(pair or (None, None)))
    return Caller(node.address, node.keys.get(key, key), credentials)


def unreachable(one: Caller) -> bool:
    """A handshake that fails is UNAVAILABLE, and soon."""
    with pytest.raises(grpc.RpcError) as caught:
        one.call("CatalogService.ListGames", timeout=5)
    return caught.value.code() is StatusCode.UNAVAILABLE


def test_tls_with_an_own_certificate(one_way: Serving) -> None:
    """API keys and session tokens over TLS; a caller that does not trust the certificate, or speaks plain text, gets nowhere."""
    acme, wallet = caller(one_way, "acme"), new_wallet()
    acme.deposit(wallet)
    opened = acme.open(wallet)
    assert acme.as_(opened.token).play(opened.session.name).number == 1
    assert refused(caller(one_way).head, wallet).reason == "CREDENTIALS_INVALID"
    assert unreachable(caller(one_way, "acme", root=STRANGERS))
    assert unreachable(Caller(one_way.address, one_way.keys["acme"]))
    assert acme.head(wallet).revision == 3


def test_an_operator_by_its_certificate(mutual: Serving) -> None:
    """The common name of a certificate that the client CA signed is the operator; it may do what that operator may, and no more."""
    acme, wallet = caller(mutual, pair=CLIENTS.issue("acme")), new_wallet()
    acme.deposit(wallet)
    assert acme.head(wallet).revision == 1
    assert refused(acme.head, new_wallet("zenith"))[:2] == (StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    assert refused(acme.call, "AdminService.GetNode")[:2] == (StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    assert caller(mutual, pair=CLIENTS.issue("admin")).call("AdminService.GetNode").node.name
    nobody = caller(mutual, pair=CLIENTS.issue("nobody"))
    assert refused(nobody.head, wallet)[:2] == (StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


def test_credentials_in_the_call_go_first(mutual: Serving) -> None:
    """Over an operator's connection a player still is a player, and a wrong key is not mended by the certificate."""
    pair, wallet = CLIENTS.issue("acme"), new_wallet()
    acme = caller(mutual, pair=pair)
    opened = acme.open(wallet)
    player = caller(mutual, opened.token, pair)
    assert player.call("SessionService.GetSession", name=opened.session.name)
    assert refused(player.deposit, wallet)[:2] == (StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    assert refused(caller(mutual, "ck_0_0", pair).head, wallet)[:2] == (StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


def test_no_certificate_no_connection(mutual: Serving) -> None:
    """Without a certificate, or with one that another authority signed, not even health can be asked."""
    assert unreachable(caller(mutual, "acme"))
    assert unreachable(caller(mutual, "acme", STRANGERS.issue("acme")))
    assert unreachable(Caller(mutual.address, mutual.keys["acme"]))
    assert caller(mutual, pair=CLIENTS.issue("acme")).call("CatalogService.ListGames").games


def test_certificates_that_do_not_fit(tmp_path: Path) -> None:
    """Files that are missing, are no PEM or do not belong together: one clear sentence instead of a start."""
    good = tls(tmp_path, CLIENTS)
    other, _ = written(tmp_path, "other", *HOUSE.issue("other"))
    text = tmp_path / "text"
    text.write_text("no certificate")
    broken = [
        Tls(good.certificate_file, other),
        Tls(text, good.key_file),
        Tls(good.certificate_file, text),
        Tls(good.certificate_file, good.key_file, text),
        Tls(tmp_path / "missing", good.key_file),
    ]
    for number, wrong in enumerate(broken):
        with pytest.raises(Unstartable) as caught, Serving(settings(tmp_path / str(number), store="memory", tls=wrong)):
            pass
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)
