"""grpcurl, which knows nothing but what reflection tells it, against a real server through the front door."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.calling import new_id
from tests.integration.live import LiveServer
from tests.interop.programs import go_program, needs_go

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
UNAUTHENTICATED = 16
pytestmark = [needs_go, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A demo server."""
    with LiveServer(tmp_path_factory.mktemp("grpcurl")) as running:
        yield running


def asked(server: LiveServer, what: str, request: dict[str, Any] | None = None, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """One run of grpcurl: a verb of reflection, or a method with its request."""
    flags = ["-plaintext"]
    if request is not None:
        credentials = server.facts["operator_key"] if key is None else key
        flags += ["-H", f"authorization: Bearer {credentials}", "-d", json.dumps(request)]
    command = [go_program(GRPCURL), *flags, server.address, *what.split()]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answer(server: LiveServer, method: str, **request: Any) -> Any:
    """The answer of a method, as JSON."""
    done = asked(server, f"croupier.v1.{method}", request)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_there(server: LiveServer) -> None:
    """Reflection lists the services, also those of the hot methods, and describes them."""
    services = asked(server, "list").stdout.split()
    assert {"croupier.v1.RoundService", "croupier.v1.WalletService", "grpc.health.v1.Health"} <= set(services)
    described = asked(server, "describe croupier.v1.RoundService").stdout
    assert "rpc Play ( .croupier.v1.PlayRequest ) returns ( .croupier.v1.PlayResponse )" in described


def test_a_visible_session(server: LiveServer) -> None:
    """Deposit, session, play, the round and the wallet: what is forwarded and what is hot, with JSON at both ends."""
    wallet = f"operators/{server.facts['operator']}/players/ann/wallets/EUR"
    answer(server, "WalletService/Deposit", wallet=wallet, transfer_id=new_id(), amount_micros=100_000_000)
    session = answer(server, "SessionService/OpenSession", wallet=wallet, session_id=new_id(), game="games/dice-10000")["session"]["name"]
    bet = {"dice": {"stake_micros": 1_000_000, "side": "DICE_SIDE_UNDER", "target": 5_000}}
    round_ = answer(server, "RoundService/Play", session=session, round_id=new_id(), bet=bet)["round"]
    assert round_["number"] == "1"
    assert answer(server, "RoundService/GetRound", name=round_["name"])["round"] == round_
    assert answer(server, "WalletService/GetWallet", name=wallet)["wallet"]["revision"] == "3"


def test_a_refusal(server: LiveServer) -> None:
    """A refused hot call shows its code, message and details, as JSON too."""
    request = {"session": "nonsense"}
    done = asked(server, "croupier.v1.RoundService/Play", request, key="ck_0_0")
    assert done.returncode == 64 + UNAUTHENTICATED
    assert "CREDENTIALS_INVALID" in done.stderr
