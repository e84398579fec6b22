"""What drivers show to the nodes and ask of them: certificates both ways, name and password, files that cannot be read."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from croupier.stores.cassandra.driver import DriverError, Endpoint, Misuse
from tests.cluster import purse
from tests.cluster.cql_proxy import CqlProxy
from tests.cluster.machines import Ring
from tests.cluster.purse import Place, Purse, both_drivers, end, run
from tests.integration.certificates import Authority, written

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(60)]
LOGIN = ("croupier", "a password with ümlauts")


@pytest.fixture(scope="module")
def place(cassandra: Ring) -> Iterator[Place]:
    yield from purse.place_on(cassandra, "access")


class Files:
    """An authority's certificate, and what it signed for a node and for us."""

    def __init__(self, folder: Path) -> None:
        authority, other = Authority("authority"), Authority("another authority")
        self.ca, self.other_ca, self.password = folder / "ca.pem", folder / "other.pem", folder / "password"
        self.ca.write_bytes(authority.certificate)
        self.other_ca.write_bytes(other.certificate)
        self.password.write_text(LOGIN[1] + "\n")
        self.key, self.certificate = written(folder, "croupier", *authority.issue("croupier"))
        node_key, node_certificate = written(folder, "node", *authority.issue("node"))
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        self.tls.load_cert_chain(node_certificate, node_key)
        self.tls.verify_mode = ssl.CERT_REQUIRED


@both_drivers()
def test_certificates_are_asked_for_and_shown(make: Callable[..., Any], place: Place, tmp_path: Path) -> None:
    """With the right files a driver plays over mutual TLS; without a certificate, or with another authority's, it does not connect."""
    files = Files(tmp_path)
    shown = {"certificate_file": files.certificate, "key_file": files.key}

    async def scenario() -> None:
        async with behind(place, tls=files.tls) as endpoint:
            await plays(make, endpoint, place, ca_file=files.ca, **shown)
            for wrong in ({"ca_file": files.other_ca, **shown}, {"ca_file": files.ca}, {}):
                await fails(make, endpoint, place, **wrong)

    run(scenario())


@both_drivers()
def test_another_nodes_certificate_is_refused(make: Callable[..., Any], place: Place, tmp_path: Path) -> None:
    """A certificate names the address that it is good for: one for 127.0.0.1 is not taken from 127.0.0.2."""
    files = Files(tmp_path)

    async def scenario() -> None:
        async with behind(place, host="127.0.0.2", tls=files.tls) as endpoint:
            await fails(make, endpoint, place, ca_file=files.ca, certificate_file=files.certificate, key_file=files.key)

    run(scenario())


@both_drivers()
def test_name_and_password_are_shown(make: Callable[..., Any], place: Place, tmp_path: Path) -> None:
    """The password comes from its file; a wrong one is misuse, which no retry would mend, and is not shown in the message."""
    files = Files(tmp_path)
    wrong = tmp_path / "wrong"
    wrong.write_text("not the secret")

    async def scenario() -> None:
        async with behind(place, login=LOGIN) as endpoint:
            await plays(make, endpoint, place, username=LOGIN[0], password_file=files.password)
            error = await fails(make, endpoint, place, username=LOGIN[0], password_file=wrong)
            assert isinstance(error, Misuse)
            assert "not the secret" not in str(error)

    run(scenario())


@both_drivers()
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"certificate_file": Path("c.pem")}, "go together"),
        ({"certificate_file": Path("c.pem"), "key_file": Path("c.key")}, "needs cassandra.ca_file"),
        ({"username": "croupier"}, "go together"),
        ({"ca_file": Path("missing.pem")}, r"cassandra.ca_file = missing.pem cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_refused(make: Callable[..., Any], place: Place, settings: dict[str, Any], told: str) -> None:
    """Before anything is connected, in a sentence that names the setting."""
    with pytest.raises(Misuse, match=told):
        make(place.endpoint, place.settings(**settings))


@asynccontextmanager
async def behind(place: Place, *, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Endpoint]:
    node = place.endpoint
    async with CqlProxy(host, (node.host, node.port), **options) as proxy:
        yield Endpoint(node.region, host, proxy.port)


async def plays(make: Callable[..., Any], endpoint: Endpoint, place: Place, **settings: Any) -> None:
    driver = make(endpoint, place.settings(**settings))
    await driver.connect()
    await Purse().open(driver)
    await end(driver)


async def fails(make: Callable[..., Any], endpoint: Endpoint, place: Place, **settings: Any) -> DriverError:
    driver = make(endpoint, place.settings(**settings))
    with pytest.raises(DriverError) as raised:
        await driver.connect()
    await end(driver)
    return raised.value
