"""gRPC's own interop cases against the front door, by the clients of three implementations: C (grpcio), Go and Node.

Each case runs twice: with EmptyCall, UnaryCall and FullDuplexCall decided by the owner thread, and with every call forwarded to grpc.aio.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.integration.certificates import Authority
from tests.interop.messages import PROTO
from tests.interop.programs import GO_INTEROP_CLIENT, NODE_CLIENT, go_program, needs_go, needs_node, node_client, ran
from tests.interop.python_cases import CASES, Stub
from tests.interop.serving import Door

ARRANGEMENTS = ("hot", "forwarded")
PLAYED = [(door, case) for door in ARRANGEMENTS for case in CASES if (door, case) != ("hot", "custom_metadata")]
"""A hot method's owner is handed no metadata but the credentials, and gives none."""

each_case = pytest.mark.parametrize(("door", "case"), PLAYED, indirect=["door"])
first_build = pytest.mark.timeout(600)


@each_case
def test_by_grpcio(door: Door, case: str) -> None:
    """grpcio, whose transport is gRPC's C core."""
    with grpc.insecure_channel(door.address) as channel:
        CASES[case](Stub(channel))


@needs_go
@first_build
@each_case
def test_by_go(door: Door, case: str) -> None:
    """The official client of grpc-go."""
    client = go_program(GO_INTEROP_CLIENT)
    ran([client, "-server_host=127.0.0.1", f"-server_port={door.port}", f"-test_case={case}"], PROTO.parent)


@needs_node
@first_build
@each_case
def test_by_node(door: Door, case: str) -> None:
    """@grpc/grpc-js, whose transport is Node's HTTP/2."""
    ran(["node", "client.js", door.address, str(PROTO), case], NODE_CLIENT, NODE_PATH=str(node_client()))


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Signs the certificates below."""
    return Authority("interop")


@pytest.fixture(scope="module")
def certified(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door over TLS, which asks callers for no certificate."""
    key, certificate = authority.issue("door")
    with Door(tmp_path_factory.mktemp("tls"), tls=(certificate, key, None)) as standing:
        yield standing


OVER_TLS = pytest.mark.parametrize("case", ["large_unary", "ping_pong", "server_streaming", "special_status_message"])


@OVER_TLS
def test_by_grpcio_over_tls(certified: Door, authority: Authority, case: str) -> None:
    """grpcio, whose TLS is BoringSSL, against rustls."""
    with grpc.secure_channel(certified.address, grpc.ssl_channel_credentials(authority.certificate)) as channel:
        CASES[case](Stub(channel))


@needs_go
@first_build
@OVER_TLS
def test_by_go_over_tls(certified: Door, authority: Authority, tmp_path: Path, case: str) -> None:
    """Go, whose TLS is its own."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.certificate)
    server = ("-server_host=127.0.0.1", f"-server_port={certified.port}", "-use_tls", "-use_test_ca", f"-ca_file={ca}")
    ran([go_program(GO_INTEROP_CLIENT), *server, f"-test_case={case}"], PROTO.parent)


@needs_node
@first_build
@OVER_TLS
def test_by_node_over_tls(certified: Door, authority: Authority, tmp_path: Path, case: str) -> None:
    """Node, whose TLS is OpenSSL."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.certificate)
    ran(["node", "client.js", certified.address, str(PROTO), case, str(ca)], NODE_CLIENT, NODE_PATH=str(node_client()))
