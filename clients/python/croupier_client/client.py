"""The blocking client: one method per RPC, plus a handle for the session that is being played."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, Self, TypeVar

from . import calls
from .answers import Pipeline, PlayAnswer, answer_of
from .channel import Tls, split_addresses
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
from .session import SessionHandle
from .transport import Transport

T = TypeVar("T")
HEARTBEAT_SILENCE_S_MAX = 25.0
"""A watch that heard nothing for this long is taken for dead: heartbeats come every 10 seconds."""


class Client:
    """A client of one cluster. Thread-safe; close it or use it as a context manager.

    Args:
        addresses: `"host:port"`, several separated by commas or as a list: the nodes to fail over between.
        token: an operator's key (`ck_…`) or a player's session token (`cs_…`); empty with mutual TLS.
        operator: the operator's id, needed only by `wallet_name`.
        tls: None means plain text.
        policy: time-outs and retries.
        region: the caller's own, whose nodes it prefers; by default that of the node that first told it which nodes there are.
        discover: whether to ask the cluster for all its nodes; by default with more than one address. Say no where the addresses are
            load balancers or the nodes' own addresses cannot be reached from here.
    """

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
        self._transport = Transport(reach, token, tls, policy or RetryPolicy())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def send(self, call: calls.Call[Any, T], deadline_s: float | None = None) -> T:
        """Sends any call of calls.py; `deadline_s` overrules the policy's."""
        return self._transport.send(call, deadline_s)

    def wallet_name(self, player: str, currency_code: str) -> str:
        """The name of one of this operator's wallets."""
        if not self.operator:
            raise ValueError("give the client its operator: Client(..., operator=...)")
        return wallet_name(self.operator, player, currency_code)

    # Catalog.

    def games(self) -> Iterator[catalog.Game]:
        """All games, by name."""
        return self._pages(calls.list_games)

    def get_game(self, name: str) -> catalog.Game:
        """One game, `games/{game}`."""
        return self.send(calls.get_game(name))

    def get_model(self, name: str) -> catalog.Model:
        """One model, `models/{hash}`."""
        return self.send(calls.get_model(name))

    # Sessions.

    def open_session(self, wallet: str, game: str, *, session_id: str | None = None, client_seed: str = "") -> SessionHandle:
        """Opens a session; the same id again gives the same session with a fresh token."""
        opened = self.send(calls.open_session(wallet, game, session_id, client_seed))
        return SessionHandle(self, opened.session, opened.token, opened.token_expire_time.ToDatetime())

    def session(self, name: str) -> SessionHandle:
        """A handle for a session that is open already; it holds no token."""
        return SessionHandle(self, self.get_session(name), "", None)

    def get_session(self, name: str) -> sessions.Session:
        """The session as last committed."""
        return self.send(calls.get_session(name))

    def refresh_session(self, name: str) -> sessions.RefreshSessionResponse:
        """A new token for an open session."""
        return self.send(calls.refresh_session(name))

    def close_session(self, name: str) -> sessions.CloseSessionResponse:
        """Closes a session and reveals its seed."""
        return self.send(calls.close_session(name))

    def sessions(self, wallet: str) -> Iterator[sessions.Session]:
        """A wallet's sessions, newest first."""
        return self._pages(lambda token: calls.list_sessions(wallet, token))

    def set_client_seed(self, session: str, client_seed: str) -> sessions.Session:
        """Sets the client seed of the rounds to come."""
        return self.send(calls.set_client_seed(session, client_seed))

    def rotate_seed(self, session: str, seed_number: int, client_seed: str = "") -> sessions.RotateSeedResponse:
        """Reveals a seed and puts the next in its place."""
        return self.send(calls.rotate_seed(session, seed_number, client_seed))

    def seeds(self, session: str) -> Iterator[sessions.Seed]:
        """A session's seeds, newest first."""
        return self._pages(lambda token: calls.list_seeds(session, token))

    # Rounds.

    def play(self, session: str, bet: games.Bet, round_id: str | None = None) -> rounds.Round:
        """Plays a round. To learn the fate of a play that failed, play the same bet under the error's `id`."""
        return self.send(calls.play(calls.play_request(session, bet, round_id)))

    def act(self, round_: str, step: int, action: games.Action) -> rounds.Round:
        """Takes step `step` of an open round."""
        return self.send(calls.act(round_, step, action))

    def play_batch(self, plays: Sequence[rounds.PlayRequest]) -> list[PlayAnswer]:
        """Plays up to 1,000 rounds in order. Plays refused for a passing reason are tried again one by one."""
        results = self.send(calls.play_batch(plays))
        return [self._insist(answer_of(play, result)) for play, result in zip(plays, results, strict=True)]

    def play_stream(self, plays: Iterable[rounds.PlayRequest], window: int = 64) -> Iterator[PlayAnswer]:
        """Plays rounds without waiting for answers between; answers come in the order of the plays.

        `plays` is read up to `window` ahead of the answers. A broken stream is opened again, and what was not answered is sent again
        under the same ids.

        Raises:
            CroupierError: if the stream cannot be brought back within the policy's deadline.
        """
        pipeline, source = Pipeline(window), iter(plays)
        first = next(source, None)
        if first is None:
            return
        source, attempts, progressed = chain([first], source), self._transport.attempts(wallet_of(first.session)), False
        while True:
            silence_s_max = attempts.start(time.monotonic())
            outbox: queue.SimpleQueue[rounds.PlayStreamRequest | None] = queue.SimpleQueue()
            for message in pipeline.again():
                outbox.put(message)
            answers = self._transport.converse(
                attempts, calls.PLAY_STREAM, iter(outbox.get, None), rounds.PlayStreamResponse, silence_s_max
            )
            try:
                while _fill(pipeline, source, outbox):
                    answer = pipeline.answered(next(answers))
                    progressed = True
                    yield self._insist(answer)
            except CroupierError as error:
                error.id = pipeline.pending[0].round_id if pipeline.pending else ""
                progressed = self._after_break(attempts, error, progressed=progressed)
            else:
                return
            finally:
                outbox.put(None)
                answers.close()

    def get_round(self, name: str) -> rounds.Round:
        """One round as last committed."""
        return self.send(calls.get_round(name))

    def open_round(self, session: str) -> rounds.Round | None:
        """A session's open round."""
        return self.send(calls.get_open_round(session))

    def rounds(self, parent: str) -> Iterator[rounds.Round]:
        """The rounds of a wallet or a session, newest first."""
        return self._pages(lambda token: calls.list_rounds(parent, token))

    def verify_round(self, name: str) -> rounds.VerifyRoundResponse:
        """The server's own check of a round; `croupier_client.verify` is the independent one."""
        return self.send(calls.verify_round(name))

    # Wallets.

    def get_wallet(self, name: str) -> wallets.Wallet:
        """One wallet as last committed."""
        return self.send(calls.get_wallet(name))

    def deposit(self, wallet: str, amount_micros: int, *, transfer_id: str | None = None, reference: str = "") -> wallets.Transfer:
        """Adds money; opens the wallet if there is none."""
        return self.send(calls.deposit(wallet, amount_micros, transfer_id, reference))

    def withdraw(self, wallet: str, amount_micros: int, *, transfer_id: str | None = None, reference: str = "") -> wallets.Transfer:
        """Takes money out."""
        return self.send(calls.withdraw(wallet, amount_micros, transfer_id, reference))

    def get_transfer(self, wallet: str, transfer_id: str) -> wallets.Transfer:
        """One transfer."""
        return self.send(calls.get_transfer(wallet, transfer_id))

    def transfers(self, wallet: str) -> Iterator[wallets.Transfer]:
        """A wallet's transfers, newest first."""
        return self._pages(lambda token: calls.list_transfers(wallet, token))

    def entries(self, wallet: str) -> Iterator[wallets.Entry]:
        """A wallet's ledger, newest first."""
        return self._pages(lambda token: calls.list_entries(wallet, token))

    def watch_wallet(self, name: str, resume_token: str = "") -> Iterator[wallets.WatchWalletResponse]:
        """Every entry after the token, then each new one; heartbeats (without an entry) included, so that a caller can keep their token.

        A broken watch is taken up again where it stopped, without gap or repeat. It raises once that has failed for the policy's deadline.
        """
        token, attempts, progressed = resume_token, self._transport.attempts(wallet_of(name)), False
        while True:
            attempts.start(time.monotonic())
            request = wallets.WatchWalletRequest(name=name, resume_token=token)
            messages = self._transport.watch(attempts, calls.WATCH_WALLET, request, wallets.WatchWalletResponse, HEARTBEAT_SILENCE_S_MAX)
            try:
                for message in messages:
                    progressed = True
                    token = message.resume_token or token
                    yield message
            except CroupierError as error:
                progressed = self._after_break(attempts, error, progressed=progressed)
            finally:
                messages.close()

    def trial_balance(self, operator: str = "") -> Sequence[wallets.TrialBalance]:
        """Sums of a tenant's wallets by currency."""
        return self.send(calls.get_trial_balance(f"operators/{operator or self.operator}"))

    # The cluster.

    def list_nodes(self) -> Sequence[cluster.ClusterNode]:
        """The nodes that serve together, as one of them sees them."""
        return self.send(calls.list_nodes())

    # Administration.

    def get_node(self) -> admin.Node:
        """The node at the first address that the client was given."""
        return self.send(calls.get_node())

    def drain_node(self) -> admin.Node:
        """Takes the node at the first address that the client was given out of service."""
        return self.send(calls.drain_node())

    def enable_game(self, game: str) -> Sequence[admin.DisabledGame]:
        """Lets a game be played again, or all gaming with `games/-`."""
        return self.send(calls.enable_game(game))

    def disable_game(self, game: str, reason: str) -> Sequence[admin.DisabledGame]:
        """Refuses new rounds of a game, or all gaming with `games/-`."""
        return self.send(calls.disable_game(game, reason))

    def _insist(self, answer: PlayAnswer) -> PlayAnswer:
        """Tries a play that was refused for a passing reason again, as a call of its own under the same id."""
        if answer.error is None or not is_retried(answer.error):
            return answer
        try:
            return PlayAnswer(answer.request, self.send(calls.play(answer.request)), None)
        except CroupierError as error:
            return PlayAnswer(answer.request, None, error)

    def _after_break(self, attempts: Attempts, error: CroupierError, *, progressed: bool) -> bool:
        """Waits until a broken stream may be opened again; it has made no progress then."""
        if progressed:
            attempts.renew(time.monotonic())
        self._transport.pause(attempts, error, error.id)
        return False

    def _pages(self, page: Callable[[str], calls.Call[Any, calls.Page[T]]]) -> Iterator[T]:
        token = ""
        while True:
            got = self.send(page(token))
            yield from got.items
            token = got.next_page_token
            if not token:
                return


def _fill(pipeline: Pipeline, source: Iterator[rounds.PlayRequest], outbox: queue.SimpleQueue[rounds.PlayStreamRequest | None]) -> bool:
    """Sends plays until the window is full or there are no more; False when nothing is left to wait for."""
    while pipeline.has_room():
        play = next(source, None)
        if play is None:
            break
        outbox.put(pipeline.sent(play))
    return bool(pipeline.pending)
