"""A place in the casino where every method can be called with success, and the request for each."""

from __future__ import annotations

from typing import Any, NamedTuple

from croupier.pb import round_service_pb2
from tests.integration.calling import EUR, STAND, Caller, blackjack, new_id, open_blackjack, request


class Place(NamedTuple):
    """A wallet with a session, an open and a settled round whose seed is revealed, and a transfer."""

    wallet: str
    session: str
    open_round: str
    settled_round: str
    transfer: str
    token: str


def place(caller: Caller, wallet: str) -> Place:
    transfer = caller.deposit(wallet).name
    opened = caller.open(wallet, "blackjack-classic")
    round_ = open_blackjack(caller, opened.session.name)
    while round_.state == round_service_pb2.ROUND_STATE_OPEN:
        round_ = caller.call("RoundService.Act", round=round_.name, step=round_.step + 1, action=STAND).round
    number = caller.call("SessionService.GetSession", name=opened.session.name).session.seed.number
    caller.call("SessionService.RotateSeed", session=opened.session.name, seed_number=number)
    waiting = open_blackjack(caller, opened.session.name)
    return Place(wallet, opened.session.name, waiting.name, round_.name, transfer, opened.token)


def message(method: str, place: Place) -> Any:
    """A request that succeeds for whoever may make it."""
    play = round_service_pb2.PlayRequest(session=place.session, round_id=new_id(), bet=blackjack())
    of_wallet, of_session = {"wallet": place.wallet}, {"session": place.session}
    transfer = {**of_wallet, "transfer_id": new_id(), "amount_micros": EUR}
    fields: dict[str, dict[str, Any]] = {
        "CatalogService.ListGames": {},
        "ClusterService.ListNodes": {},
        "CatalogService.GetGame": {"name": "games/dice-10000"},
        "CatalogService.GetModel": {"name": f"models/{'0' * 64}"},
        "SessionService.OpenSession": {**of_wallet, "session_id": new_id(), "game": "games/dice-10000"},
        "SessionService.GetSession": {"name": place.session},
        "SessionService.RefreshSession": {"name": place.session},
        "SessionService.CloseSession": {"name": place.session},
        "SessionService.ListSessions": of_wallet,
        "SessionService.SetClientSeed": {**of_session, "client_seed": "x"},
        "SessionService.RotateSeed": {**of_session, "seed_number": 1},
        "SessionService.ListSeeds": of_session,
        "RoundService.Play": {**of_session, "round_id": play.round_id, "bet": play.bet},
        "RoundService.Act": {"round": place.open_round, "step": 1, "action": STAND},
        "RoundService.PlayBatch": {"plays": [play]},
        "RoundService.PlayStream": {"play": play},
        "RoundService.GetRound": {"name": place.settled_round},
        "RoundService.GetOpenRound": of_session,
        "RoundService.ListRounds": {"parent": place.session},
        "RoundService.VerifyRound": {"name": place.settled_round},
        "WalletService.GetWallet": {"name": place.wallet},
        "WalletService.Deposit": transfer,
        "WalletService.Withdraw": transfer,
        "WalletService.GetTransfer": {"name": place.transfer},
        "WalletService.ListTransfers": of_wallet,
        "WalletService.ListEntries": of_wallet,
        "WalletService.WatchWallet": {"name": place.wallet},
        "WalletService.GetTrialBalance": {"operator": "/".join(place.wallet.split("/")[:2])},
        "AdminService.GetNode": {},
        "AdminService.DrainNode": {},
        "AdminService.EnableGame": {"game": "games/dice-10001"},
        "AdminService.DisableGame": {"game": "games/dice-10001", "reason": "test"},
    }
    return request(method)(**fields[method])
