"""The Python client offers every RPC, blocking and awaited, and clients/README.md says so."""

from __future__ import annotations

import inspect
from pathlib import Path

import croupier_client.aio
import croupier_client.client
from croupier_client import AsyncClient, AsyncSessionHandle, Client, SessionHandle, calls
from croupier_client.pb import (
    admin_service_pb2,
    catalog_service_pb2,
    cluster_service_pb2,
    round_service_pb2,
    session_service_pb2,
    wallet_service_pb2,
)

ROOT = Path(__file__).parent.parent.parent
MODULES = (admin_service_pb2, catalog_service_pb2, cluster_service_pb2, round_service_pb2, session_service_pb2, wallet_service_pb2)
RPCS = {
    f"{service.name}.{method.name}"
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
STREAMS = {"RoundService.PlayStream": "calls.PLAY_STREAM", "WalletService.WatchWallet": "calls.WATCH_WALLET"}


def _builders() -> dict[str, str]:
    """The function of calls.py for each unary RPC, by the RPC that its docstring names first."""
    made = {}
    for name, function in inspect.getmembers(calls, inspect.isfunction):
        if function.__module__ == calls.__name__ and str(function.__annotations__.get("return", "")).startswith("Call["):
            rpc = (function.__doc__ or "").split(";")[0].split(":")[0].rstrip(".")
            service, method = rpc.split(".")
            assert f'_{service.removesuffix("Service").lower()}("{method}")' in inspect.getsource(function), name
            made[rpc] = f"calls.{name}"
    return made


def test_both_clients_offer_every_rpc() -> None:
    """Each RPC of proto/ has a call, and both clients send it."""
    known = {**_builders(), **STREAMS}
    assert known.keys() == RPCS
    for module in (croupier_client.client, croupier_client.aio):
        source = inspect.getsource(module)
        assert [call for call in known.values() if call not in source] == []


def test_both_clients_have_the_same_methods() -> None:
    """What one client offers, the other does too, with the same parameters."""
    for blocking, awaited in ((Client, AsyncClient), (SessionHandle, AsyncSessionHandle)):
        methods = {name for name in vars(blocking) if not name.startswith("_")}
        assert methods == {name for name in vars(awaited) if not name.startswith("_")}
        for name in methods:
            one, other = getattr(blocking, name), getattr(awaited, name)
            if callable(one) and name != "play_stream":
                assert inspect.signature(one).parameters.keys() == inspect.signature(other).parameters.keys(), name


def test_the_matrix_lists_every_rpc() -> None:
    """clients/README.md has a row for each RPC and none besides."""
    text = (ROOT / "clients/README.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")}
    assert rows == RPCS
