"""gRPC's own interop cases against the front door, by the clients of three implementations: C (grpcio), Go and Node.

Each case runs twice: with EmptyCall, UnaryCall and FullDuplexCall decided by the owner thread, and with every call forwarded to grpc.aio.
"""

from __future__ import annotations

import grpc
import pytest

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
