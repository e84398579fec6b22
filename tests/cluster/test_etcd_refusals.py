"""What can be wrong between a node and etcd: each in one clear sentence, and none keeps the node from serving rounds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from croupier.cluster.etcd.client import Client
from croupier.cluster.etcd.control import Control
from croupier.cluster.etcd.errors import Nowhere
from croupier.config import Etcd
from tests.cluster.electing import Fences, Node, nodes, until
from tests.cluster.lone_etcd import LoneEtcd
from tests.integration.certificates import Authority, written
from tests.integration.serving import free_port


class Secured(NamedTuple):
    """A member that wants TLS with certificates on both sides."""

    etcd: LoneEtcd
    ca: Path
    certificate: Path
    key: Path
    other_ca: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority, other = Authority("right"), Authority("wrong")
    ca, other_ca = folder / "ca.pem", folder / "other.pem"
    ca.write_bytes(authority.certificate)
    other_ca.write_bytes(other.certificate)
    key, certificate = written(folder, "member", *authority.issue("member"))
    own_key, own = written(folder, "node", *authority.issue("node"))
    flags = {"cert-file": str(certificate), "key-file": str(key), "trusted-ca-file": str(ca), "client-cert-auth": "true"}
    etcd = LoneEtcd(folder, flags, "https").start()
    yield Secured(etcd, ca, own, own_key, other_ca)
    etcd.stop()


@pytest.fixture
def named(tmp_path: Path) -> Iterator[LoneEtcd]:
    """A member that asks for names and passwords."""
    etcd = LoneEtcd(tmp_path, {"auth-token": "simple"}).start()
    etcd.ask_for_names(root="top", node="secret", guest="guest")
    yield etcd
    etcd.stop()


def password(folder: Path, word: str) -> Path:
    path = folder / f"{word}.password"
    path.write_text(f"{word}\n")
    return path


async def says(settings: Etcd, sentence: str) -> None:
    """A node that starts with these settings is up within moments, alone, and soon says why."""
    began = time.monotonic()
    async with nodes(settings, "a", singletons=["meter"]) as (a,):
        assert time.monotonic() - began < 3
        await until(lambda: a.membership.problem == sentence)
        assert not a.membership.healthy and a.sees == ["a"] and not a.holds


async def test_wrong_endpoint() -> None:
    """Nobody listens there."""
    endpoints = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    await says(Etcd(endpoints), f"etcd cannot be reached at {', '.join(endpoints)}: connection refused")


async def test_wrong_name() -> None:
    """A host that does not exist."""
    await says(Etcd(("etcd.invalid:2379",)), "etcd cannot be reached at etcd.invalid:2379: its name does not resolve")


async def test_etcd_comes_later(tmp_path: Path) -> None:
    """A node that was started before etcd joins when etcd is there, without being told."""
    etcd = LoneEtcd(tmp_path)
    async with nodes(Etcd((etcd.endpoint,)), "a", singletons=["meter"]) as (a,):
        assert not a.membership.healthy
        etcd.start()
        await until(lambda: a.membership.healthy and a.holds)
    etcd.stop()


async def test_etcd_goes_back_in_time(tmp_path: Path) -> None:
    """Etcd comes back with less than it had, as from a backup: its revisions start over, and nodes, members and terms find together again under new fences."""
    etcd = LoneEtcd(tmp_path).start()
    async with nodes(Etcd((etcd.endpoint,), ttl_s=3), "a", "b", singletons=["meter"]) as (a, b):
        await until(lambda: a.holds and a.sees == b.sees == ["a", "b"])
        for load in range(20):
            await a.membership.update(state="serving" if load % 2 else "draining")
        etcd.stop()
        etcd.forget()
        etcd.start()
        await until(lambda: len(a.began + b.began) == 2 and a.membership.healthy and b.membership.healthy)
        assert a.sees == b.sees == ["a", "b"]
        assert sorted(term.fence for term in a.began + b.began) == [1, 2] and len(a.holds + b.holds) == 1
    etcd.stop()


async def test_certificates(secured: Secured) -> None:
    """With the right CA and an own certificate the node joins; without either it says which one is wrong."""
    endpoint = secured.etcd.endpoint
    right = Etcd((endpoint,), ca_file=secured.ca, certificate_file=secured.certificate, key_file=secured.key)
    async with nodes(right, "a", singletons=["meter"]) as (a,):
        await until(lambda: a.membership.healthy and a.holds)
    wrong = Etcd((endpoint,), ca_file=secured.other_ca, certificate_file=secured.certificate, key_file=secured.key)
    await says(wrong, f"etcd cannot be reached at {endpoint}: its certificate is not signed by etcd.ca_file")
    hint = "does it speak TLS, or want this node's certificate (etcd.certificate_file)?"
    await says(Etcd((endpoint,), ca_file=secured.ca), f"etcd cannot be reached at {endpoint}: it closed the connection; {hint}")
    await says(Etcd((endpoint,)), f"etcd cannot be reached at {endpoint}: it closed the connection; does it want TLS (etcd.ca_file)?")


async def test_tls_where_there_is_none(tmp_path: Path, secured: Secured) -> None:
    """etcd.ca_file is set, but the member speaks plainly."""
    etcd = LoneEtcd(tmp_path).start()
    hint = "does it speak TLS, or want this node's certificate (etcd.certificate_file)?"
    sentence = f"etcd cannot be reached at {etcd.endpoint}: it closed the connection; {hint}"
    await says(Etcd((etcd.endpoint,), ca_file=secured.ca), sentence)
    etcd.stop()


async def test_passwords(tmp_path: Path, named: LoneEtcd) -> None:
    """With the right name and password the node joins; a wrong password, no name, and a name without rights are told apart."""
    here = (named.endpoint,)
    right = Etcd(here, username="node", password_file=password(tmp_path, "secret"))
    async with nodes(right, "a", singletons=["meter"]) as (a,):
        await until(lambda: a.membership.healthy and a.holds)
    await says(
        Etcd(here, username="node", password_file=password(tmp_path, "wrong")),
        "etcd refuses the user node: wrong name or password in etcd.password_file",
    )
    await says(Etcd(here), "etcd wants a name and a password: set etcd.username and etcd.password_file")
    await says(
        Etcd(here, "/elsewhere", username="guest", password_file=password(tmp_path, "guest")),
        "etcd does not allow the user guest to write under /elsewhere: grant its role read and write there",
    )


async def test_a_token_that_is_forgotten(tmp_path: Path, named: LoneEtcd) -> None:
    """Tokens do not outlive a restart of etcd: the node asks for a new one and stays what it was."""
    settings = Etcd((named.endpoint,), username="node", password_file=password(tmp_path, "secret"))
    async with nodes(settings, "a", singletons=["meter"]) as (a,):
        await until(lambda: a.membership.healthy and a.holds)
        named.stop()
        named.start()
        await a.membership.update(load_permille=500)
        b = await Node("b", settings, Fences()).start()
        await until(lambda: any(member.load_permille == 500 for member in b.membership.members))
        await until(lambda: a.membership.healthy and a.sees == ["a", "b"])
        await b.stop()


async def test_a_name_where_nobody_is_asked(tmp_path: Path) -> None:
    """etcd.username is set, but etcd asks for none: to go on would be to believe in a lock that is not there."""
    etcd = LoneEtcd(tmp_path).start()
    await says(
        Etcd((etcd.endpoint,), username="node", password_file=password(tmp_path, "secret")),
        "etcd.username is set, but etcd asks nobody for a name: enable its authentication, or remove the setting",
    )
    etcd.stop()


async def test_the_command_line_says_it_too() -> None:
    """What looks at a cluster without being in it raises the same sentence."""
    control = Control(Etcd((f"127.0.0.1:{free_port()}",)))
    with pytest.raises(Nowhere, match="connection refused"):
        await control.view()
    await control.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Etcd(), "etcd.endpoints names no member of etcd"),
        (Etcd(("http://h:2379",)), "etcd.endpoints: 'http://h:2379' is not host:port"),
        (Etcd(("h",)), "etcd.endpoints: 'h' is not host:port"),
        (Etcd(("h:1",), ttl_s=2), "etcd.ttl_s is 2, and etcd keeps to no time under 3 s"),
        (Etcd(("h:1",), prefix="x/"), "etcd.prefix: 'x/' must begin with a slash and end without"),
        (Etcd(("h:1",), username="x"), "etcd.username and etcd.password_file belong together"),
        (Etcd(("h:1",), key_file=Path("k")), "etcd.certificate_file and etcd.key_file belong together, beside etcd.ca_file"),
        (Etcd(("h:1",), ca_file=Path("/no/ca")), "/no/ca cannot be read: No such file or directory"),
        (Etcd(("h:1",), username="x", password_file=Path("/no/word")), "/no/word cannot be read: No such file or directory"),
    ],
)
def test_settings_that_cannot_be_meant(settings: Etcd, said: str) -> None:
    """Settings that no etcd could make work are refused before anything starts."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        Client(settings)
