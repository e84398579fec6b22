"""Who may call what: every RPC with every kind of caller, expected by the roles that its proto options name. Deny by default."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from croupier.access import Role, make_key, revoked
from croupier.pb import (
    admin_service_pb2,
    catalog_service_pb2,
    cluster_service_pb2,
    errors_pb2,
    options_pb2,
    round_service_pb2,
    session_service_pb2,
    wallet_service_pb2,
)
from croupier.services.channelz import NAME, Channelz
from croupier.services.registry import allowed_roles, generic_handler
from tests.integration.calling import (
    METHODS,
    Caller,
    dice,
    failure,
    new_id,
    new_wallet,
    refused,
)
from tests.integration.places import Place, message, place
from tests.integration.serving import TENANT, Serving, eventually, settings

Outcome = tuple[int, str]
"""gRPC code as a number, and reason."""
OK: Outcome = (0, "")
UNKNOWN_CALLER: Outcome = (16, "CREDENTIALS_INVALID")
EXPIRED: Outcome = (16, "SESSION_EXPIRED")
FORBIDDEN: Outcome = (7, "FORBIDDEN")
ROUND_NOT_FOUND: Outcome = (5, "ROUND_NOT_FOUND")
OF_A_ROUND = {"RoundService.Act", "RoundService.GetRound", "RoundService.VerifyRound"}
"""A player is told that another session's round is not there."""
OF_NO_TENANT = {name for name in METHODS if name.startswith(("CatalogService", "ClusterService", "AdminService"))}


@pytest.fixture(scope="module")
def node(door: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server of its own, since one of the calls tells it to drain."""
    with Serving(settings(tmp_path_factory.mktemp(f"roles-{door}"), store="memory")) as running:
        yield running


@pytest.fixture
def mine(node: Serving) -> Place:
    """A place of acme's, fresh for each test: some calls use it up."""
    return place(node.caller(), new_wallet())


def outcome(caller: Caller, method: str, asked: Any) -> tuple[Outcome, str]:
    """How a call ended, and its message; of a batch or stream, its one play."""
    data: Any = asked.SerializeToString()
    descriptor = METHODS[method]
    try:
        answer = caller.raw(method)(iter([data]) if descriptor.client_streaming else data, timeout=10, metadata=caller.metadata)
        if descriptor.server_streaming:
            stream, answer = answer, next(answer)
            stream.cancel()
    except grpc.RpcError as error:
        said = failure(error)
        return (said.code.value[0], said.reason), said.message
    if method == "RoundService.PlayBatch":
        return _of_play(round_service_pb2.PlayBatchResponse.FromString(answer).results[0])
    if method == "RoundService.PlayStream":
        return _of_play(round_service_pb2.PlayStreamResponse.FromString(answer).result)
    return OK, ""


def _of_play(result: round_service_pb2.PlayResult) -> tuple[Outcome, str]:
    refusal = result.refusal
    reason = errors_pb2.ErrorReason.Name(refusal.reason).removeprefix("ERROR_REASON_")
    return (refusal.code, "" if reason == "UNSPECIFIED" else reason), refusal.message


def roles_of(method: str) -> set[int]:
    """Read from the descriptor by other means than the server's own."""
    return set(METHODS[method].GetOptions().Extensions[options_pb2.roles])  # type: ignore[index]


def may(method: str, role: Role) -> bool:
    return role in roles_of(method)


def let_in(found: Outcome) -> bool:
    """Past credentials and roles: whatever it says then is about the request."""
    return found[0] not in {7, 16}


def test_the_table_is_whole(mine: Place) -> None:
    """There is a request for every RPC of the API, and every RPC names its roles."""
    for method in METHODS:
        assert message(method, mine) is not None
        assert roles_of(method), method
    modules = (admin_service_pb2, catalog_service_pb2, cluster_service_pb2, round_service_pb2, session_service_pb2, wallet_service_pb2)
    assert len(METHODS) == sum(len(service.methods) for module in modules for service in module.DESCRIPTOR.services_by_name.values())


@pytest.mark.parametrize("method", METHODS)
def test_nobody_without_credentials(node: Serving, mine: Place, method: str) -> None:
    """No credentials, garbage, unknown and revoked keys, forged and expired tokens: UNAUTHENTICATED, whatever the method."""
    key = node.keys["acme"]
    anybody = Caller(node.address)
    for credential in (
        "x",
        "ck_",
        "cs_",
        "ck_0000000000000000_0",
        key[:-1],
        key + "0",
        key.upper(),
        mine.token[:-2],
        "cs_" + "A" * 90,
    ):
        found, _ = outcome(anybody.as_(credential), method, message(method, mine))
        assert found == UNKNOWN_CALLER, credential
    assert outcome(anybody, method, message(method, mine))[0] == UNKNOWN_CALLER
    assert outcome(node.caller("revoked"), method, message(method, mine))[0] == UNKNOWN_CALLER
    token = node.token(mine.session)
    forged = token[:20] + ("B" if token[20] == "A" else "A") + token[21:]
    assert outcome(anybody.as_(forged), method, message(method, mine))[0] == UNKNOWN_CALLER
    expired = anybody.as_(node.token(mine.session, life_s=-1))
    assert outcome(expired, method, message(method, mine))[0] == EXPIRED
    basic = anybody.as_("")
    basic.metadata = (("authorization", f"Basic {key}"),)
    assert outcome(basic, method, message(method, mine))[0] == UNKNOWN_CALLER


@pytest.mark.parametrize("method", METHODS)
def test_an_operator_of_its_own_tenant(node: Serving, mine: Place, method: str) -> None:
    """An operator may do what the options say, with everything of its own."""
    found, _ = outcome(node.caller(), method, message(method, mine))
    assert let_in(found) if may(method, Role.OPERATOR) else found == FORBIDDEN


@pytest.mark.parametrize("method", METHODS)
def test_an_admin(node: Serving, mine: Place, method: str) -> None:
    """An admin may steer nodes and games and read sums, and never touches a tenant's wallets."""
    found, _ = outcome(node.caller("admin"), method, message(method, mine))
    assert let_in(found) if may(method, Role.ADMIN) else found == FORBIDDEN


@pytest.mark.parametrize("method", METHODS)
def test_a_player_in_its_own_session(node: Serving, mine: Place, method: str) -> None:
    """A session's token may do what the options say, in its own session and wallet."""
    found, _ = outcome(node.caller().as_(mine.token), method, message(method, mine))
    assert let_in(found) if may(method, Role.PLAYER) else found == FORBIDDEN


@pytest.mark.parametrize("method", METHODS)
def test_a_player_elsewhere(node: Serving, mine: Place, method: str) -> None:
    """Another player's token is refused; another session of the same wallet sees neither the session nor its rounds."""
    stranger = place(node.caller(), new_wallet())
    found, _ = outcome(node.caller().as_(stranger.token), method, message(method, mine))
    assert let_in(found) if may(method, Role.PLAYER) and method in OF_NO_TENANT else found == FORBIDDEN
    sibling = node.caller().open(mine.wallet).token
    found, _ = outcome(node.caller().as_(sibling), method, message(method, mine))
    if not may(method, Role.PLAYER):
        assert found == FORBIDDEN
    elif method in OF_A_ROUND:
        assert found == ROUND_NOT_FOUND
    elif method in OF_NO_TENANT | {"WalletService.GetWallet", "WalletService.ListEntries", "WalletService.WatchWallet"}:
        assert let_in(found)
    else:
        assert found == FORBIDDEN


@pytest.mark.parametrize("method", sorted(METHODS.keys() - OF_NO_TENANT))
def test_another_tenant(node: Serving, mine: Place, method: str) -> None:
    """Another tenant's operator is refused, in the same words whether or not the thing exists."""
    zenith = node.caller("zenith")
    there, said = outcome(zenith, method, message(method, mine))
    assert there == FORBIDDEN
    nowhere = Place(*(_elsewhere(name) for name in mine[:-1]), token="")
    not_there, said_then = outcome(zenith, method, message(method, nowhere))
    assert not_there == FORBIDDEN
    assert said.replace(mine.wallet, "W") == said_then.replace(nowhere.wallet, "W")


def test_nothing_was_changed_by_those_refused(node: Serving, mine: Place) -> None:
    """After every method was tried by callers who may not, the wallet is as it was."""
    acme = node.caller()
    before = acme.head(mine.wallet)
    stranger = place(acme, new_wallet())
    for credential in ("", "ck_x", node.keys["revoked"], node.keys["zenith"], stranger.token, node.token(mine.session, life_s=-1)):
        for method in METHODS:
            outcome(acme.as_(credential), method, message(method, mine))
    assert acme.head(mine.wallet) == before


def test_a_method_without_the_option_admits_nobody(node: Serving) -> None:
    """Deny by default: a service whose methods name no roles, served without others, refuses every caller."""

    async def serve() -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([generic_handler(NAME, Channelz(), node.server.guard)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = node.do(serve())
    try:
        for key in ("acme", "admin"):
            caller = Caller(f"127.0.0.1:{port}", node.keys[key])
            said = refused(caller.channel.unary_unary(f"/{NAME}/GetServers"), b"", metadata=caller.metadata)
            assert (said.code, said.reason) == (StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    finally:
        node.do(server.stop(None))


def test_the_server_reads_the_same_options() -> None:
    """What the server goes by is what proto says."""
    for name, method in METHODS.items():
        assert allowed_roles(method) == roles_of(name)


def test_the_credentials_count_and_not_the_name(node: Serving) -> None:
    """What a request names counts for nothing against the credentials."""
    wallet = new_wallet("zenith")
    said = refused(node.caller().deposit, wallet)
    assert (said.code, said.reason, said.field) == (StatusCode.PERMISSION_DENIED, "FORBIDDEN", "wallet")
    node.caller("zenith").deposit(wallet)
    session = node.caller("zenith").open(wallet).session.name
    assert refused(node.caller().play, session, dice()).code == StatusCode.PERMISSION_DENIED


def test_a_revoked_key_stops_working(node: Serving) -> None:
    """A key made, and then revoked, behind the server's back is noticed at the next poll; open watches end too."""
    text, document = make_key(TENANT, "short", 1, os.urandom(40))
    put = node.server.owner.write
    assert node.do(put(lambda store: store.put_document(document)))
    late = node.caller().as_(text)
    wallet = new_wallet()
    node.caller().deposit(wallet)
    eventually(lambda: outcome(late, "WalletService.GetWallet", message("WalletService.GetWallet", _at(wallet)))[0] == OK)
    watch = late.watch(wallet)
    assert node.do(put(lambda store: store.put_document(revoked(document, 2))))
    eventually(lambda: outcome(late, "WalletService.GetWallet", message("WalletService.GetWallet", _at(wallet)))[0] == UNKNOWN_CALLER)
    node.caller().deposit(wallet)
    assert refused(watch.rest)[:2] == (StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


def _at(wallet: str) -> Place:
    return Place(wallet, "", "", "", "", "")


def _elsewhere(name: str) -> str:
    """The same kind of name, of the same tenant, for something that never was."""
    parts = name.split("/")
    parts[3] = "nobody"
    if len(parts) > 7:
        parts[7] = new_id()
    return "/".join(parts)
