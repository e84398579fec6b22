"""Every RPC as a value: which method, which request, what of the response the caller wants.

The blocking and the asyncio client send the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from .ids import new_id
from .names import id_of, transfer_name, wallet_of
from .pb import admin_service_pb2 as admin
from .pb import catalog_service_pb2 as catalog
from .pb import cluster_service_pb2 as cluster
from .pb import games_pb2 as games
from .pb import round_service_pb2 as rounds
from .pb import session_service_pb2 as sessions
from .pb import wallet_service_pb2 as wallets

ResponseT = TypeVar("ResponseT", bound=Message)
T = TypeVar("T")
PAGE_SIZE = 1_000
"""Items asked for in one page of a list."""


@dataclass(frozen=True)
class Call(Generic[ResponseT, T]):
    """One unary call."""

    method: str
    """`/croupier.v1.Service/Method`."""
    request: Message
    response_type: type[ResponseT]
    read: Callable[[ResponseT], T]
    id: str = ""
    """The idempotency key that the request carries, for the error."""
    wallet: str = ""
    """Name of the wallet that it is about: its calls go to the node that the wallet prefers."""
    patience: float = 1.0
    """How many times as long as usual an attempt may take."""
    is_of_one_node: bool = False
    """It is about the node that answers, so it is never sent to another one."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    next_page_token: str


def list_games(page_token: str) -> Call[catalog.ListGamesResponse, Page[catalog.Game]]:
    """CatalogService.ListGames."""
    request = catalog.ListGamesRequest(page_size=PAGE_SIZE, page_token=page_token)
    return Call(_catalog("ListGames"), request, catalog.ListGamesResponse, lambda r: Page(r.games, r.next_page_token))


def get_game(name: str) -> Call[catalog.GetGameResponse, catalog.Game]:
    """CatalogService.GetGame."""
    return Call(_catalog("GetGame"), catalog.GetGameRequest(name=name), catalog.GetGameResponse, lambda r: r.game)


def get_model(name: str) -> Call[catalog.GetModelResponse, catalog.Model]:
    """CatalogService.GetModel."""
    return Call(_catalog("GetModel"), catalog.GetModelRequest(name=name), catalog.GetModelResponse, lambda r: r.model)


def open_session(
    wallet: str, game: str, session_id: str | None, client_seed: str
) -> Call[sessions.OpenSessionResponse, sessions.OpenSessionResponse]:
    """SessionService.OpenSession."""
    id_ = session_id or new_id()
    request = sessions.OpenSessionRequest(wallet=wallet, session_id=id_, game=game, client_seed=client_seed)
    return Call(_session("OpenSession"), request, sessions.OpenSessionResponse, lambda r: r, id_, wallet=wallet)


def get_session(name: str) -> Call[sessions.GetSessionResponse, sessions.Session]:
    """SessionService.GetSession."""
    return Call(
        _session("GetSession"),
        sessions.GetSessionRequest(name=name),
        sessions.GetSessionResponse,
        lambda r: r.session,
        wallet=wallet_of(name),
    )


def refresh_session(name: str) -> Call[sessions.RefreshSessionResponse, sessions.RefreshSessionResponse]:
    """SessionService.RefreshSession."""
    return Call(
        _session("RefreshSession"),
        sessions.RefreshSessionRequest(name=name),
        sessions.RefreshSessionResponse,
        lambda r: r,
        wallet=wallet_of(name),
    )


def close_session(name: str) -> Call[sessions.CloseSessionResponse, sessions.CloseSessionResponse]:
    """SessionService.CloseSession."""
    return Call(
        _session("CloseSession"),
        sessions.CloseSessionRequest(name=name),
        sessions.CloseSessionResponse,
        lambda r: r,
        id_of(name),
        wallet=wallet_of(name),
    )


def list_sessions(wallet: str, page_token: str) -> Call[sessions.ListSessionsResponse, Page[sessions.Session]]:
    """SessionService.ListSessions."""
    request = sessions.ListSessionsRequest(wallet=wallet, page_size=PAGE_SIZE, page_token=page_token)
    return Call(
        _session("ListSessions"), request, sessions.ListSessionsResponse, lambda r: Page(r.sessions, r.next_page_token), wallet=wallet
    )


def set_client_seed(session: str, client_seed: str) -> Call[sessions.SetClientSeedResponse, sessions.Session]:
    """SessionService.SetClientSeed."""
    request = sessions.SetClientSeedRequest(session=session, client_seed=client_seed)
    return Call(_session("SetClientSeed"), request, sessions.SetClientSeedResponse, lambda r: r.session, wallet=wallet_of(session))


def rotate_seed(session: str, seed_number: int, client_seed: str) -> Call[sessions.RotateSeedResponse, sessions.RotateSeedResponse]:
    """SessionService.RotateSeed."""
    request = sessions.RotateSeedRequest(session=session, seed_number=seed_number, client_seed=client_seed)
    return Call(_session("RotateSeed"), request, sessions.RotateSeedResponse, lambda r: r, wallet=wallet_of(session))


def list_seeds(session: str, page_token: str) -> Call[sessions.ListSeedsResponse, Page[sessions.Seed]]:
    """SessionService.ListSeeds."""
    request = sessions.ListSeedsRequest(session=session, page_size=PAGE_SIZE, page_token=page_token)
    return Call(
        _session("ListSeeds"), request, sessions.ListSeedsResponse, lambda r: Page(r.seeds, r.next_page_token), wallet=wallet_of(session)
    )


def play_request(session: str, bet: games.Bet, round_id: str | None) -> rounds.PlayRequest:
    """A play with its id, given or new."""
    return rounds.PlayRequest(session=session, round_id=round_id or new_id(), bet=bet)


def play(request: rounds.PlayRequest) -> Call[rounds.PlayResponse, rounds.Round]:
    """RoundService.Play."""
    return Call(_round("Play"), request, rounds.PlayResponse, lambda r: r.round, request.round_id, wallet=wallet_of(request.session))


def act(round_: str, step: int, action: games.Action) -> Call[rounds.ActResponse, rounds.Round]:
    """RoundService.Act."""
    request = rounds.ActRequest(round=round_, step=step, action=action)
    return Call(_round("Act"), request, rounds.ActResponse, lambda r: r.round, id_of(round_), wallet=wallet_of(round_))


def play_batch(plays: Sequence[rounds.PlayRequest]) -> Call[rounds.PlayBatchResponse, Sequence[rounds.PlayResult]]:
    """RoundService.PlayBatch."""
    request, wallet = rounds.PlayBatchRequest(plays=plays), wallet_of(plays[0].session) if plays else ""
    # A hundred plays on different wallets may take a store over a network as long as any other call takes.
    patience = max(1.0, len(plays) / 100)
    return Call(_round("PlayBatch"), request, rounds.PlayBatchResponse, lambda r: r.results, wallet=wallet, patience=patience)


def get_round(name: str) -> Call[rounds.GetRoundResponse, rounds.Round]:
    """RoundService.GetRound."""
    return Call(_round("GetRound"), rounds.GetRoundRequest(name=name), rounds.GetRoundResponse, lambda r: r.round, wallet=wallet_of(name))


def get_open_round(session: str) -> Call[rounds.GetOpenRoundResponse, rounds.Round | None]:
    """RoundService.GetOpenRound; None if there is none."""
    request = rounds.GetOpenRoundRequest(session=session)
    return Call(
        _round("GetOpenRound"),
        request,
        rounds.GetOpenRoundResponse,
        lambda r: r.round if r.HasField("round") else None,
        wallet=wallet_of(session),
    )


def list_rounds(parent: str, page_token: str) -> Call[rounds.ListRoundsResponse, Page[rounds.Round]]:
    """RoundService.ListRounds."""
    request = rounds.ListRoundsRequest(parent=parent, page_size=PAGE_SIZE, page_token=page_token)
    return Call(
        _round("ListRounds"), request, rounds.ListRoundsResponse, lambda r: Page(r.rounds, r.next_page_token), wallet=wallet_of(parent)
    )


def verify_round(name: str) -> Call[rounds.VerifyRoundResponse, rounds.VerifyRoundResponse]:
    """RoundService.VerifyRound: the server's own check."""
    return Call(
        _round("VerifyRound"), rounds.VerifyRoundRequest(name=name), rounds.VerifyRoundResponse, lambda r: r, wallet=wallet_of(name)
    )


def get_wallet(name: str) -> Call[wallets.GetWalletResponse, wallets.Wallet]:
    """WalletService.GetWallet."""
    return Call(_wallet("GetWallet"), wallets.GetWalletRequest(name=name), wallets.GetWalletResponse, lambda r: r.wallet, wallet=name)


def deposit(wallet: str, amount_micros: int, transfer_id: str | None, reference: str) -> Call[wallets.DepositResponse, wallets.Transfer]:
    """WalletService.Deposit."""
    id_ = transfer_id or new_id()
    request = wallets.DepositRequest(wallet=wallet, transfer_id=id_, amount_micros=amount_micros, reference=reference)
    return Call(_wallet("Deposit"), request, wallets.DepositResponse, lambda r: r.transfer, id_, wallet=wallet)


def withdraw(wallet: str, amount_micros: int, transfer_id: str | None, reference: str) -> Call[wallets.WithdrawResponse, wallets.Transfer]:
    """WalletService.Withdraw."""
    id_ = transfer_id or new_id()
    request = wallets.WithdrawRequest(wallet=wallet, transfer_id=id_, amount_micros=amount_micros, reference=reference)
    return Call(_wallet("Withdraw"), request, wallets.WithdrawResponse, lambda r: r.transfer, id_, wallet=wallet)


def get_transfer(wallet: str, transfer_id: str) -> Call[wallets.GetTransferResponse, wallets.Transfer]:
    """WalletService.GetTransfer."""
    request = wallets.GetTransferRequest(name=transfer_name(wallet, transfer_id))
    return Call(_wallet("GetTransfer"), request, wallets.GetTransferResponse, lambda r: r.transfer, wallet=wallet)


def list_transfers(wallet: str, page_token: str) -> Call[wallets.ListTransfersResponse, Page[wallets.Transfer]]:
    """WalletService.ListTransfers."""
    request = wallets.ListTransfersRequest(wallet=wallet, page_size=PAGE_SIZE, page_token=page_token)
    return Call(
        _wallet("ListTransfers"), request, wallets.ListTransfersResponse, lambda r: Page(r.transfers, r.next_page_token), wallet=wallet
    )


def list_entries(wallet: str, page_token: str) -> Call[wallets.ListEntriesResponse, Page[wallets.Entry]]:
    """WalletService.ListEntries."""
    request = wallets.ListEntriesRequest(wallet=wallet, page_size=PAGE_SIZE, page_token=page_token)
    return Call(_wallet("ListEntries"), request, wallets.ListEntriesResponse, lambda r: Page(r.entries, r.next_page_token), wallet=wallet)


def get_trial_balance(operator: str) -> Call[wallets.GetTrialBalanceResponse, Sequence[wallets.TrialBalance]]:
    """WalletService.GetTrialBalance."""
    request = wallets.GetTrialBalanceRequest(operator=operator)
    return Call(_wallet("GetTrialBalance"), request, wallets.GetTrialBalanceResponse, lambda r: r.balances)


def list_nodes() -> Call[cluster.ListNodesResponse, Sequence[cluster.ClusterNode]]:
    """ClusterService.ListNodes."""
    return Call(_cluster("ListNodes"), cluster.ListNodesRequest(), cluster.ListNodesResponse, lambda r: r.nodes)


def get_node() -> Call[admin.GetNodeResponse, admin.Node]:
    """AdminService.GetNode."""
    return Call(_admin("GetNode"), admin.GetNodeRequest(), admin.GetNodeResponse, lambda r: r.node, is_of_one_node=True)


def drain_node() -> Call[admin.DrainNodeResponse, admin.Node]:
    """AdminService.DrainNode."""
    return Call(_admin("DrainNode"), admin.DrainNodeRequest(), admin.DrainNodeResponse, lambda r: r.node, is_of_one_node=True)


def enable_game(game: str) -> Call[admin.EnableGameResponse, Sequence[admin.DisabledGame]]:
    """AdminService.EnableGame."""
    return Call(_admin("EnableGame"), admin.EnableGameRequest(game=game), admin.EnableGameResponse, lambda r: r.disabled_games)


def disable_game(game: str, reason: str) -> Call[admin.DisableGameResponse, Sequence[admin.DisabledGame]]:
    """AdminService.DisableGame."""
    request = admin.DisableGameRequest(game=game, reason=reason)
    return Call(_admin("DisableGame"), request, admin.DisableGameResponse, lambda r: r.disabled_games)


PLAY_STREAM = "/croupier.v1.RoundService/PlayStream"
WATCH_WALLET = "/croupier.v1.WalletService/WatchWallet"


def _catalog(method: str) -> str:
    return f"/croupier.v1.CatalogService/{method}"


def _session(method: str) -> str:
    return f"/croupier.v1.SessionService/{method}"


def _round(method: str) -> str:
    return f"/croupier.v1.RoundService/{method}"


def _wallet(method: str) -> str:
    return f"/croupier.v1.WalletService/{method}"


def _cluster(method: str) -> str:
    return f"/croupier.v1.ClusterService/{method}"


def _admin(method: str) -> str:
    return f"/croupier.v1.AdminService/{method}"
