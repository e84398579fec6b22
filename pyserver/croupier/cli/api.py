"""Calls from the command line to nodes over their API: where they are, with which key, and what goes wrong in one sentence."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
from msgspec import Struct

from croupier.cli.exits import NOT_FOUND, UNUSABLE, Failure
from croupier.cli.options import config_option, load_config
from croupier.config import Config
from croupier.pb import admin_service_pb2, admin_service_pb2_grpc, cluster_service_pb2, cluster_service_pb2_grpc

F = TypeVar("F", bound=Callable[..., Any])
ClusterNode = cluster_service_pb2.ClusterNode
"""A node as the others see it."""
OwnNode = admin_service_pb2.Node
"""A node as it describes itself."""
SERVING = admin_service_pb2.NODE_STATE_SERVING
KEY_VARIABLE = "CROUPIER_API_KEY"
STATES = {
    admin_service_pb2.NODE_STATE_STARTING: "starting",
    admin_service_pb2.NODE_STATE_SERVING: "serving",
    admin_service_pb2.NODE_STATE_DRAINING: "draining",
    admin_service_pb2.NODE_STATE_OUT_OF_SERVICE: "out of service",
}
_TIMEOUT_S = 3.0


class Access(Struct, frozen=True):
    """How nodes are called."""

    address: str
    """host:port of the node that is asked first."""
    key: str
    """An API key of the operator `admin`; empty where none was given."""
    ca: bytes = b""
    """PEM; without it calls are plain text."""
    certificate: bytes = b""
    """PEM."""
    certificate_key: bytes = b""
    settings: Config = Config()
    """Those of a server, where a file was named."""

    def at(self, address: str) -> Node:
        """Calls to the node at an address."""
        return Node(self, address)


class Unanswered(Failure):
    """A node did not answer."""


class Node:
    """One node's API. Each method raises Unanswered where the node does not answer, and Failure where it refuses."""

    def __init__(self, access: Access, address: str) -> None:
        self._address = address
        self._metadata = (("authorization", f"Bearer {access.key}"),)
        if access.ca:
            own = (access.certificate_key, access.certificate) if access.certificate else (None, None)
            self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(access.ca, *own))
        else:
            self._channel = grpc.insecure_channel(address)

    def nodes(self) -> cluster_service_pb2.ListNodesResponse:
        """All nodes that it knows."""
        stub: Any = cluster_service_pb2_grpc.ClusterServiceStub(self._channel)
        return self._called(stub.ListNodes, cluster_service_pb2.ListNodesRequest())

    def show(self) -> OwnNode:
        """What it says of itself."""
        stub: Any = admin_service_pb2_grpc.AdminServiceStub(self._channel)
        return self._called(stub.GetNode, admin_service_pb2.GetNodeRequest()).node

    def drain(self) -> OwnNode:
        """Takes it out of service."""
        stub: Any = admin_service_pb2_grpc.AdminServiceStub(self._channel)
        return self._called(stub.DrainNode, admin_service_pb2.DrainNodeRequest()).node

    def close(self) -> None:
        """Hangs up."""
        self._channel.close()

    def _called(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            # grpc's errors are calls too, which its types do not say.
            failed: Any = error
            raise self._told(failed.code(), failed.details() or "") from None

    def _told(self, code: grpc.StatusCode, details: str) -> Failure:
        if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
            return Unanswered(f"the node at {self._address} does not answer: {_one_line(details)}", UNUSABLE)
        if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
            hint = f"give a key of the operator admin with --api-key-file or {KEY_VARIABLE}; croupier operator create admin makes one"
            return Failure(f"the node at {self._address} refuses the key: {_one_line(details)}; {hint}", UNUSABLE)
        return Failure(f"the node at {self._address} answered {code.name}: {_one_line(details)}", UNUSABLE)


def access_options(command: F) -> F:
    """Adds --address, --api-key-file, --config and what TLS needs; the command gets `access`."""

    @click.option("--address", metavar="HOST:PORT", help="A node of the cluster.  [default: that of the settings, 127.0.0.1:7400]")
    @click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        help=f"File with an API key of the operator admin.  [default: ${KEY_VARIABLE}, or the key of a demo server]",
    )
    @click.option("--ca-file", type=click.Path(path_type=Path), help="PEM: nodes' certificates must be signed by it; TLS is used with it.")
    @click.option("--certificate-file", type=click.Path(path_type=Path), help="PEM: shown to nodes that want a certificate (mTLS).")
    @click.option("--certificate-key-file", type=click.Path(path_type=Path), help="PEM key of that certificate.")
    @config_option
    @functools.wraps(command)
    def with_access(
        config_file: Path | None,
        address: str | None,
        api_key_file: Path | None,
        ca_file: Path | None,
        certificate_file: Path | None,
        certificate_key_file: Path | None,
        **rest: Any,
    ) -> Any:
        if (certificate_file is None) != (certificate_key_file is None):
            raise click.UsageError("--certificate-file and --certificate-key-file belong together")
        settings = load_config(config_file)
        ca = _bytes(ca_file or (settings.tls.peer_ca_file if settings.tls else None))
        given = (_bytes(certificate_file), _bytes(certificate_key_file))
        access = Access(address or settings.advertise or settings.listen, api_key(api_key_file, settings), ca, *given, settings)
        return command(access=access, **rest)

    return with_access  # type: ignore[return-value]


def api_key(file: Path | None, settings: Config) -> str:
    """The key to call with: from a file, the environment, or a demo server's own; empty where there is none."""
    if file is not None:
        return _bytes(file).decode(errors="replace").strip()
    if key := os.environ.get(KEY_VARIABLE, ""):
        return key
    demo = settings.data_dir / "demo.json"
    try:
        return str(json.loads(demo.read_text())["admin_key"])
    except (OSError, ValueError, KeyError):
        return ""


def find(access: Access, name: str) -> ClusterNode:
    """The node of that name, or the one that is asked where the name is empty. Raises Failure."""
    with closing(access.at(access.address)) as node:
        answer = node.nodes()
    wanted = f"nodes/{name}" if name else answer.answered_by
    for found in answer.nodes:
        if found.name == wanted:
            return found
    raise Failure(f"there is no node {name}; there are {', '.join(id_of(found) for found in answer.nodes)}", NOT_FOUND)


def id_of(node: ClusterNode) -> str:
    """`{node}` of `nodes/{node}`."""
    return node.name.partition("/")[2]


def _bytes(path: Path | None) -> bytes:
    return path.read_bytes() if path else b""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200] or "no reason given"
