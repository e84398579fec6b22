"""The asyncio client: the methods of `Client`, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from . import calls
from .aio_session import AsyncSessionHandle
from .aio_transport import AioTransport
from .answers import Pipeline, PlayAnswer, answer_of
from .channel import Tls, split_addresses
from .client import HEARTBEAT_SILENCE_S_MAX
from .discovery import Reach
from .errors import CroupierError
from .names import wallet_name, wallet_of
from .pb import admin_service_pb2 as admin
from .pb import catalog_service_pb2 as catalog
from .pb import cluster_service_pb2 as cluster
from .pb import games_pb2 as games
from .pb import round_service_pb2 as rounds
from .pb import session_service_pb2 as sessions
from .pb import wallet_service_pb2 as wallets
from .retry import Attempts, RetryPolicy, is_retried

T = TypeVar("T")


class AsyncClient:
    """A client of one cluster for one event loop. Arguments and methods are those of `Client`, and so are the errors."""

    def __init__(
        self,
        addresses: str | Sequence[str],
        token: str = "",
        *,
        operator: str = "",
        tls: Tls | None = None,
        policy: RetryPolicy | None = None,
        region: str = "",
        discover: bool | None = None,
    ) -> None:
        self.operator = operator
        reach = Reach(split_addresses(addresses), region, discover)
        self._transport = AioTransport(reach, token, tls, policy or RetryPolicy())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def send(self, call: calls.Call[Any, T], deadline_s: float | None = None) -> T:
        """Sends any call of calls.py; `deadline_s` overrules the policy's."""
        return await self._transport.send(call, deadline_s)

    def wallet_name(self, player: str, currency_code: str) -> str:
        """The name of one of this operator's wallets."""
        if not self.operator:
            raise ValueError("give the client its operator: AsyncClient(..., operator=...)")
        return wallet_name(self.operator, player, currency_code)

    # Catalog.

    def games(self) -> AsyncIterator[catalog.Game]:
        """All games, by name."""
        return self._pages(calls.list_games)

    async def get_game(self, name: str) -> catalog.Game:
        """One game, `games/{game}`."""
        return await self.send(calls.get_game(name))

    async def get_model(self, name: str) -> catalog.Model:
        """One model, `models/{hash}`."""
        return await self.send(calls.get_model(name))

    # Sessions.

    async def open_session(self, wallet: str, game: str, *, session_id: str | None = None, client_seed: str = "") -> AsyncSessionHandle:
        """Opens a session; the same id again gives the same session with a fresh token."""
        opened = await self.send(calls.open_session(wallet, game, session_id, client_seed))
        return AsyncSessionHandle(self, opened.session, opened.token, opened.token_expire_time.ToDatetime())

    async def session(self, name: str) -> AsyncSessionHandle:
        """A handle for a session that is open already; it holds no token."""
        return AsyncSessionHandle(self, await self.get_session(name), "", None)

    async def get_session(self, name: str) -> sessions.Session:
        """The session as last committed."""
        return await self.send(calls.get_session(name))

    async def refresh_session(self, name: str) -> sessions.RefreshSessionResponse:
        """A new token for an open session."""
        return await self.send(calls.refresh_session(name))

    async def close_session(self, name: str) -> sessions.CloseSessionResponse:
        """Closes a session and reveals its seed."""
        return await self.send(calls.close_session(name))

    def sessions(self, wallet: str) -> AsyncIterator[sessions.Session]:
        """A wallet's sessions, newest first."""
        return self._pages(lambda token: calls.list_sessions(wallet, token))

    async def set_client_seed(self, session: str, client_seed: str) -> sessions.Session:
        """Sets the client seed of the rounds to come."""
        return await self.send(calls.set_client_seed(session, client_seed))

    async def rotate_seed(self, session: str, seed_number: int, client_seed: str = "") -> sessions.RotateSeedResponse:
        """Reveals a seed and puts the next in its place."""
        return await self.send(calls.rotate_seed(session, seed_number, client_seed))

    def seeds(self, session: str) -> AsyncIterator[sessions.Seed]:
        """A session's seeds, newest first."""
        return self._pages(lambda token: calls.list_seeds(session, token))

    # Rounds.

    async def play(self, session: str, bet: games.Bet, round_id: str | None = None) -> rounds.Round:
        """Plays a round. To learn the fate of a play that failed, play the same bet under the error's `id`."""
        return await self.send(calls.play(calls.play_request(session, bet, round_id)))

    async def act(self, round_: str, step: int, action: games.Action) -> rounds.Round:
        """Takes step `step` of an open round."""
        return await self.send(calls.act(round_, step, action))

    async def play_batch(self, plays: Sequence[rounds.PlayRequest]) -> list[PlayAnswer]:
        """Plays up to 1,000 rounds in order. Plays refused for a passing reason are tried again one by one."""
        results = await self.send(calls.play_batch(plays))
        return [await self._insist(answer_of(play, result)) for play, result in zip(plays, results, strict=True)]

    async def play_stream(
        self, plays: Iterable[rounds.PlayRequest] | AsyncIterable[rounds.PlayRequest], window: int = 64
    ) -> AsyncIterator[PlayAnswer]:
        """Plays rounds without waiting for answers between, as `Client.play_stream` does."""
        pipeline, source = Pipeline(window), _iterate(plays)
        first = await anext(source, None)
        if first is None:
            return
        source, attempts, progressed = _chain(first, source), self._transport.attempts(wallet_of(first.session)), False
        while True:
            silence_s_max = attempts.start(time.monotonic())
            outbox: asyncio.Queue[rounds.PlayStreamRequest | None] = asyncio.Queue()
            for message in pipeline.again():
                outbox.put_nowait(message)
            answers = self._transport.converse(attempts, calls.PLAY_STREAM, _drain(outbox), rounds.PlayStreamResponse, silence_s_max)
            try:
                while await _fill(pipeline, source, outbox):
                    answer = pipeline.answered(await anext(answers))
                    progressed = True
                    yield await self._insist(answer)
            except CroupierError as error:
                error.id = pipeline.pending[0].round_id if pipeline.pending else ""
                progressed = await self._after_break(attempts, error, progressed=progressed)
            else:
                return
            finally:
                outbox.put_nowait(None)
                await answers.aclose()

    async def get_round(self, name: str) -> rounds.Round:
        """One round as last committed."""
        return await self.send(calls.get_round(name))

    async def open_round(self, session: str) -> rounds.Round | None:
        """A session's open round."""
        return await self.send(calls.get_open_round(session))

    def rounds(self, parent: str) -> AsyncIterator[rounds.Round]:
        """The rounds of a wallet or a session, newest first."""
        return self._pages(lambda token: calls.list_rounds(parent, token))

    async def verify_round(self, name: str) -> rounds.VerifyRoundResponse:
        """The server's own check of a round; `croupier_client.verify` is the independent one."""
        return await self.send(calls.verify_round(name))

    # Wallets.

    async def get_wallet(self, name: str) -> wallets.Wallet:
        """One wallet as last committed."""
        return await self.send(calls.get_wallet(name))

    async def deposit(self, wallet: str, amount_micros: int, *, transfer_id: str | None = None, reference: str = "") -> wallets.Transfer:
        """Adds money; opens the wallet if there is none."""
        return await self.send(calls.deposit(wallet, amount_micros, transfer_id, reference))

    async def withdraw(self, wallet: str, amount_micros: int, *, transfer_id: str | None = None, reference: str = "") -> wallets.Transfer:
        """Takes money out."""
        return await self.send(calls.withdraw(wallet, amount_micros, transfer_id, reference))

    async def get_transfer(self, wallet: str, transfer_id: str) -> wallets.Transfer:
        """One transfer."""
        return await self.send(calls.get_transfer(wallet, transfer_id))

    def transfers(self, wallet: str) -> AsyncIterator[wallets.Transfer]:
        """A wallet's transfers, newest first."""
        return self._pages(lambda token: calls.list_transfers(wallet, token))

    def entries(self, wallet: str) -> AsyncIterator[wallets.Entry]:
        """A wallet's ledger, newest first."""
        return self._pages(lambda token: calls.list_entries(wallet, token))

    async def watch_wallet(self, name: str, resume_token: str = "") -> AsyncIterator[wallets.WatchWalletResponse]:
        """Every entry after the token, then each new one and the heartbeats, as `Client.watch_wallet` gives them."""
        token, attempts, progressed = resume_token, self._transport.attempts(wallet_of(name)), False
        while True:
            attempts.start(time.monotonic())
            request = wallets.WatchWalletRequest(name=name, resume_token=token)
            messages = self._transport.watch(attempts, calls.WATCH_WALLET, request, wallets.WatchWalletResponse, HEARTBEAT_SILENCE_S_MAX)
            try:
                async for message in messages:
                    progressed = True
                    token = message.resume_token or token
                    yield message
            except CroupierError as error:
                progressed = await self._after_break(attempts, error, progressed=progressed)
            finally:
                await messages.aclose()

    async def trial_balance(self, operator: str = "") -> Sequence[wallets.TrialBalance]:
        """Sums of a tenant's wallets by currency."""
        return await self.send(calls.get_trial_balance(f"operators/{operator or self.operator}"))

    # The cluster.

    async def list_nodes(self) -> Sequence[cluster.ClusterNode]:
        """The nodes that serve together."""
        return await self.send(calls.list_nodes())

    # Administration.

    async def get_node(self) -> admin.Node:
        """The node at the first address that the client was given."""
        return await self.send(calls.get_node())

    async def drain_node(self) -> admin.Node:
        """Takes the node at the first address that the client was given out of service."""
        return await self.send(calls.drain_node())

    async def enable_game(self, game: str) -> Sequence[admin.DisabledGame]:
        """Lets a game be played again, or all gaming with `games/-`."""
        return await self.send(calls.enable_game(game))

    async def disable_game(self, game: str, reason: str) -> Sequence[admin.DisabledGame]:
        """Refuses new rounds of a game, or all gaming with `games/-`."""
        return await self.send(calls.disable_game(game, reason))

    async def _insist(self, answer: PlayAnswer) -> PlayAnswer:
        """Tries a play that was refused for a passing reason again, as a call of its own under the same id."""
        if answer.error is None or not is_retried(answer.error):
            return answer
        try:
            return PlayAnswer(answer.request, await self.send(calls.play(answer.request)), None)
        except CroupierError as error:
            return PlayAnswer(answer.request, None, error)

    async def _after_break(self, attempts: Attempts, error: CroupierError, *, progressed: bool) -> bool:
        """Waits until a broken stream may be opened again; it has made no progress then."""
        if progressed:
            attempts.renew(time.monotonic())
        await self._transport.pause(attempts, error, error.id)
        return False

    async def _pages(self, page: Callable[[str], calls.Call[Any, calls.Page[T]]]) -> AsyncIterator[T]:
        token = ""
        while True:
            got = await self.send(page(token))
            for item in got.items:
                yield item
            token = got.next_page_token
            if not token:
                return


async def _fill(
    pipeline: Pipeline, source: AsyncIterator[rounds.PlayRequest], outbox: asyncio.Queue[rounds.PlayStreamRequest | None]
) -> bool:
    """Sends plays until the window is full or there are no more; False when nothing is left to wait for."""
    while pipeline.has_room():
        play = await anext(source, None)
        if play is None:
            break
        outbox.put_nowait(pipeline.sent(play))
    return bool(pipeline.pending)


async def _drain(outbox: asyncio.Queue[rounds.PlayStreamRequest | None]) -> AsyncIterator[rounds.PlayStreamRequest]:
    while (message := await outbox.get()) is not None:
        yield message


async def _iterate(plays: Iterable[rounds.PlayRequest] | AsyncIterable[rounds.PlayRequest]) -> AsyncIterator[rounds.PlayRequest]:
    if isinstance(plays, AsyncIterable):
        async for play in plays:
            yield play
    else:
        for play in plays:
            yield play


async def _chain(first: rounds.PlayRequest, rest: AsyncIterator[rounds.PlayRequest]) -> AsyncIterator[rounds.PlayRequest]:
    yield first
    async for play in rest:
        yield play
