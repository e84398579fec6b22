"""SessionService: sessions and their seeds."""

from __future__ import annotations

from collections.abc import Callable

from croupier.access import Access
from croupier.errors import SessionClosed, SessionNotFound
from croupier.model import EntryKind, Key, Seed, Session, Wallet, WalletKey, seed_key
from croupier.operations.change_session import CloseSession, RevealView, RotateSeed, SetClientSeed
from croupier.operations.command import wallet_key
from croupier.operations.open_session import OpenSession, SessionView
from croupier.pb import session_service_pb2 as pb
from croupier.runners.taker import Taker
from croupier.services import names, pages
from croupier.services.call import Call
from croupier.services.convert import seed_in_force, seed_message, session_message, timestamp
from croupier.stores.store import EntryQuery


class SessionService:
    """See proto/croupier/v1/session_service.proto."""

    def __init__(self, owner: Taker, access: Access, clock_ms: Callable[[], int], token_ttl_s: int) -> None:
        self._owner = owner
        self._access = access
        self._clock_ms = clock_ms
        self._token_ttl_s = token_ttl_s

    async def open_session(self, request: pb.OpenSessionRequest, call: Call) -> pb.OpenSessionResponse:
        """Opens a session and its wallet."""
        wallet = names.parse_wallet(request.wallet, call.caller, "wallet")
        session_id = names.parse_id(request.session_id, "session_id")
        client_seed = names.parse_client_seed(request.client_seed, "client_seed", optional=True)
        command = OpenSession(wallet, session_id, names.parse_game(request.game, "game"), client_seed)
        view = await self._owner.call(command, call.deadline_ms)
        assert isinstance(view, SessionView)
        token, expire_ms = self._token(wallet, session_id)
        return pb.OpenSessionResponse(session=session_message(view), token=token, token_expire_time=timestamp(expire_ms))

    async def get_session(self, request: pb.GetSessionRequest, call: Call) -> pb.GetSessionResponse:
        """The session as last committed."""
        return pb.GetSessionResponse(session=session_message(await self._find(request.name, call, "name")))

    async def refresh_session(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        """A new token for an open session (S7)."""
        view = await self._find(request.name, call, "name")
        if view.session.close_time_ms:
            raise SessionClosed("the session is closed; open another", field="name")
        token, expire_ms = self._token(view.wallet, view.session.id)
        return pb.RefreshSessionResponse(token=token, token_expire_time=timestamp(expire_ms))

    async def close_session(self, request: pb.CloseSessionRequest, call: Call) -> pb.CloseSessionResponse:
        """Closes a session and reveals its seed."""
        wallet, session_id = names.parse_child(request.name, "sessions", call.caller, "name")
        view = await self._owner.call(CloseSession(wallet, session_id), call.deadline_ms)
        assert isinstance(view, RevealView)
        return pb.CloseSessionResponse(session=session_message(view.session), revealed=seed_message(view.revealed))

    async def list_sessions(self, request: pb.ListSessionsRequest, call: Call) -> pb.ListSessionsResponse:
        """A wallet's sessions, newest first."""
        wallet = names.parse_wallet(request.wallet, call.caller, "wallet")
        size = pages.page_size(request.page_size)
        query = EntryQuery(wallet, size, before_revision=pages.position(request.page_token), kinds=(EntryKind.SESSION_OPENED,))
        page = await self._owner.read(lambda reads: pages.newest(reads, query, "session"))
        balance = page.head.balance_micros if page.head else 0
        sessions = [session_message(SessionView(wallet, row, balance)) for row in page.rows if isinstance(row, Session)]
        return pb.ListSessionsResponse(sessions=sessions, next_page_token=page.next_token)

    async def set_client_seed(self, request: pb.SetClientSeedRequest, call: Call) -> pb.SetClientSeedResponse:
        """Sets the client seed of the rounds to come."""
        wallet, session_id = names.parse_child(request.session, "sessions", call.caller, "session")
        client_seed = names.parse_client_seed(request.client_seed, "client_seed", optional=False)
        view = await self._owner.call(SetClientSeed(wallet, session_id, client_seed), call.deadline_ms)
        assert isinstance(view, SessionView)
        return pb.SetClientSeedResponse(session=session_message(view))

    async def rotate_seed(self, request: pb.RotateSeedRequest, call: Call) -> pb.RotateSeedResponse:
        """Reveals the server seed in force and goes on with the next."""
        wallet, session_id = names.parse_child(request.session, "sessions", call.caller, "session")
        number = names.parse_seed_number(request.seed_number, "seed_number")
        client_seed = names.parse_client_seed(request.client_seed, "client_seed", optional=True)
        view = await self._owner.call(RotateSeed(wallet, session_id, number, client_seed), call.deadline_ms)
        assert isinstance(view, RevealView)
        return pb.RotateSeedResponse(revealed=seed_message(view.revealed), session=session_message(view.session))

    async def list_seeds(self, request: pb.ListSeedsRequest, call: Call) -> pb.ListSeedsResponse:
        """The seeds of a session, newest first."""
        view = await self._find(request.session, call, "session")
        size = pages.page_size(request.page_size)
        last = view.session.seed.number
        newest = pages.position(request.page_token, last=last) or last
        oldest = max(1, newest - size + 1)
        keys = [seed_key(view.wallet, view.session.id, number) for number in range(newest, oldest - 1, -1)]
        rows = await self._owner.read(lambda reads: reads.load(keys))
        found = [row if isinstance(row, Seed) else seed_in_force(view.session) for row in rows.values()]
        return pb.ListSeedsResponse(seeds=[seed_message(seed) for seed in found], next_page_token=str(oldest - 1) if oldest > 1 else "")

    async def _find(self, name: str, call: Call, field: str) -> SessionView:
        wallet, session_id = names.parse_child(name, "sessions", call.caller, field)
        head_key, session_key = wallet_key(wallet), Key(wallet, "session", session_id)
        rows = await self._owner.read(lambda reads: reads.load([head_key, session_key]))
        head, session = rows[head_key], rows[session_key]
        if not isinstance(head, Wallet) or not isinstance(session, Session):
            raise SessionNotFound(f"there is no {name}", field=field)
        return SessionView(wallet, session, head.balance_micros)

    def _token(self, wallet: WalletKey, session_id: bytes) -> tuple[str, int]:
        expire_ms = self._clock_ms() + self._token_ttl_s * 1000
        return self._access.make_token(wallet, session_id, expire_ms), expire_ms
