"""What balancers and people ask of a node: health, reflection, channelz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc import StatusCode
from grpc_channelz.v1 import channelz_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.integration.calling import EUR, METHODS, Caller, health_watch, new_id, new_wallet, refused
from tests.integration.serving import Serving, settings

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
CHANNELZ = "grpc.channelz.v1.Channelz"


def test_health_is_checked_without_credentials(serving: Serving) -> None:
    """The node and each service are SERVING; a service that is not here is NOT_FOUND."""
    check = Caller(serving.address).channel.unary_unary("/grpc.health.v1.Health/Check", None, health_pb2.HealthCheckResponse.FromString)
    services = {method.containing_service.full_name for method in METHODS.values()}
    for service in ("", *services):
        assert check(health_pb2.HealthCheckRequest(service=service).SerializeToString()).status == SERVING
    with pytest.raises(grpc.RpcError) as caught:
        check(health_pb2.HealthCheckRequest(service="croupier.v1.Nothing").SerializeToString())
    assert caught.value.code() is StatusCode.NOT_FOUND


def test_health_is_watched(tmp_path: Path) -> None:
    """A watcher is told at once, and again when the node leaves service, before its streams end."""
    with Serving(settings(tmp_path, store="memory", drain_notice_s=0.1)) as node:
        channel = Caller(node.address).channel
        watches = [health_watch(channel, service) for service in ("", "croupier.v1.RoundService")]
        assert [next(watch).status for watch in watches] == [SERVING, SERVING]
        node.end()
        assert [next(watch).status for watch in watches] == [NOT_SERVING, NOT_SERVING]
        for watch in watches:
            with pytest.raises(grpc.RpcError):
                next(watch)


def test_health_says_that_a_batch_hangs(tmp_path: Path) -> None:
    """While a decision or a commit hangs, health sends callers elsewhere, and it says when that is over."""
    with Serving(settings(tmp_path, store="memory", stuck_s=0.1)) as node:
        watch = health_watch(Caller(node.address).channel)
        assert next(watch).status == SERVING
        with node.owner_held():
            assert next(watch).status == NOT_SERVING
            with pytest.raises(grpc.RpcError) as caught:
                node.caller().call("WalletService.Deposit", timeout=0.2, wallet=new_wallet(), transfer_id=new_id(), amount_micros=EUR)
            assert caught.value.code() is StatusCode.DEADLINE_EXCEEDED
        assert next(watch).status == SERVING


def test_reflection_shows_the_whole_api(serving: Serving) -> None:
    """Tools find every service, and its file with all that it imports, from the server alone."""
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    reflect = Caller(serving.address).channel.stream_stream(path, None, reflection_pb2.ServerReflectionResponse.FromString)

    def ask(**question: Any) -> reflection_pb2.ServerReflectionResponse:
        (answer,) = reflect(iter([reflection_pb2.ServerReflectionRequest(**question).SerializeToString()]))
        return answer

    listed = {service.name for service in ask(list_services="").list_services_response.service}
    ours = {method.containing_service.full_name for method in METHODS.values()}
    assert listed == ours | {CHANNELZ, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    for service in ours:
        encoded = ask(file_containing_symbol=service).file_descriptor_response.file_descriptor_proto
        files = {file.name: file for file in map(descriptor_pb2.FileDescriptorProto.FromString, encoded)}
        assert service.removeprefix("croupier.v1.") in [one.name for file in files.values() for one in file.service]
        assert {name for file in files.values() for name in file.dependency} <= files.keys()
    assert ask(file_containing_symbol="croupier.v1.Nothing").error_response.error_code == StatusCode.NOT_FOUND.value[0]


def test_channelz_is_for_admins(serving: Serving) -> None:
    """An admin sees servers and sockets; unknown ids are the caller's fault; operators and strangers are refused."""
    admin = serving.caller("admin")

    def ask(caller: Caller, method: str, asked: bytes = b"") -> bytes:
        return bytes(caller.channel.unary_unary(f"/{CHANNELZ}/{method}")(asked, timeout=10, metadata=caller.metadata))

    servers = channelz_pb2.GetServersResponse.FromString(ask(admin, "GetServers")).server
    assert servers
    asked = channelz_pb2.GetServerRequest(server_id=servers[0].ref.server_id).SerializeToString()
    assert channelz_pb2.GetServerResponse.FromString(ask(admin, "GetServer", asked)).server.ref == servers[0].ref
    unknown = channelz_pb2.GetServerRequest(server_id=2**60).SerializeToString()
    for method in ("GetServer", "GetServerSockets", "GetChannel", "GetSubchannel", "GetSocket"):
        assert refused(ask, admin, method, unknown)[:2] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
        assert refused(ask, serving.caller(), method)[:2] == (StatusCode.PERMISSION_DENIED, "FORBIDDEN")
        assert refused(ask, Caller(serving.address), method)[:2] == (StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
    assert refused(ask, admin, "GetServer", b"\xff")[:2] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
