"""Hot calls as the front door brings them: translated in batches on the owner's thread, and answered there once all of a batch is committed.

Inbox -> admit -> parse -> translate -> (the owner decides and commits) -> encode -> inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, cast

from google.protobuf.message import DecodeError
from msgspec import Struct

from croupier.door import Answer, Inbox
from croupier.errors import Overloaded, Refusal
from croupier.metrics import Metrics
from croupier.model import Key, State
from croupier.runners.embedded import Call as Queued
from croupier.runners.embedded import Result
from croupier.runners.hot import Outcome
from croupier.runners.taker import RETRY_AFTER_S
from croupier.services import access_log, names, status
from croupier.services.forwarding import Relayed, Send
from croupier.services.guard import Guard, log_refusal, undecodable
from croupier.services.hot import Decide, Lookup, Work, answered, queued
from croupier.services.registry import HotMethod

_MAY_GO_ON = b""


class Intake:
    """Takes hot calls in batches."""

    def __init__(
        self, inbox: Inbox, methods: Sequence[HotMethod], guard: Guard, metrics: Metrics, clock_ms: Callable[[], int], max_commands: int
    ) -> None:
        """`methods` in the order in which the door knows them; `max_commands` bounds a batch, for one call may bring a thousand plays."""
        self._inbox = inbox
        self._methods = [(method, metrics.refusals(method.path)) for method in methods]
        self._guard = guard
        self._clock_ms = clock_ms
        self._max_commands = max_commands

    def take(self) -> Batch:
        """Everything that waits, translated."""
        log = access_log.HotCalls() if access_log.is_on() else None
        batch = Batch(self._inbox, self._refused, self._max_commands, log)
        now_ms = self._clock_ms()
        for ticket, number, message, deadline_ms, authorization, certificate, peer, age_us in self._inbox.take():
            method = self._methods[number if number >= 0 else -1 - number][0]
            try:
                if log:
                    log.began(ticket, method.path, peer, age_us)
                call = self._guard.admit(authorization, certificate, method.roles, deadline_ms, now_ms)
                if log:
                    log.is_by(ticket, call.caller.name)
                if number < 0:
                    batch.answers.append((ticket, _MAY_GO_ON))
                else:
                    work = method.translate(method.decode(message), call)
                    forwarding = self._guard.forwarding
                    send = forwarding.way(method.path, message, call, partial(_wallet_of, work)) if forwarding else None
                    if send:
                        batch.forward(ticket, number, work, deadline_ms, send)
                    else:
                        batch.add(ticket, number, work, deadline_ms)
            except DecodeError:
                batch.answers.append(self._ended(ticket, number, undecodable()))
            except Refusal as refusal:
                log_refusal(method.path, peer, refusal)
                batch.answers.append(self._refused(ticket, number, refusal))
            except Exception as error:
                batch.answers.append(self._refused(ticket, number, error))
        batch.log(*batch.answers)
        return batch

    def _refused(self, ticket: int, number: int, error: Exception) -> Answer:
        """A refusal, in its place where it is one message of a stream."""
        method = self._methods[number if number >= 0 else -1 - number][0]
        if not isinstance(error, Refusal):
            return self._ended(ticket, number, self._guard.broken(method.path, error))
        return (ticket, method.refused(error)) if method.refused and number >= 0 else self._ended(ticket, number, error)

    def _ended(self, ticket: int, number: int, refusal: Refusal) -> Answer:
        """A refusal that ends the call."""
        self._methods[number if number >= 0 else -1 - number][1](refusal.reason)
        return ticket, *status.said(refusal)


def _wallet_of(work: Work) -> str | None:
    """The name of the one wallet that a call is about; None where it is about none, or more."""
    if isinstance(work, Lookup):
        return None
    wallets = {command.wallet for command in work.commands if not isinstance(command, Refusal)}
    return names.wallet_name(wallets.pop()) if len(wallets) == 1 else None


class Part(Struct, frozen=True):
    """One call, to be answered for itself."""

    calls: Sequence[Queued]
    keys: Sequence[Key]
    answer: Callable[[Outcome], Answer]


class Forwarded(Struct, frozen=True):
    """A call for another node."""

    part: Part
    """The call itself, should the other node not answer."""
    send: Callable[[], Coroutine[Any, Any, Answer | None]]
    """Its answer there; None where there is none."""


class Batch:
    """Calls that were taken together."""

    def __init__(
        self, inbox: Inbox, refused: Callable[[int, int, Exception], Answer], max_commands: int, log: access_log.HotCalls | None
    ) -> None:
        self.calls: list[Queued] = []
        """To be decided, in order."""
        self.keys: list[Key] = []
        """To be read, as last committed."""
        self.answers: list[Answer] = []
        self.forwards: list[Forwarded] = []
        """Calls for other nodes; they are in none of the other lists."""
        self._works: list[tuple[int, int, Work, int]] = []
        """Ticket, number of the method, and where the results end."""
        self._inbox = inbox
        self._refused = refused
        self._max_commands = max_commands
        self._log = log

    def add(self, ticket: int, number: int, work: Work, deadline_ms: int) -> None:
        """Adds a call. Raises Overloaded for more than the batch has room for."""
        if isinstance(work, Lookup):
            self.keys.extend(work.keys)
        elif len(self.calls) + len(work.commands) > self._max_commands:
            raise Overloaded(f"{len(self.calls)} plays are waiting already; nothing was done", retry_after_s=RETRY_AFTER_S)
        else:
            self.calls.extend(queued(work, deadline_ms))
        self._works.append((ticket, number, work, len(self.calls)))

    def forward(self, ticket: int, number: int, work: Work, deadline_ms: int, send: Send) -> None:
        """Adds a call for another node."""
        assert isinstance(work, Decide), "what is only read is read here"
        part = Part(queued(work, deadline_ms), (), partial(self._answer, ticket, number, work))
        self.forwards.append(Forwarded(part, partial(self._forwarded, ticket, number, send)))

    def answer(self, results: Sequence[Result], state: State | Refusal) -> None:
        """Answers every call. `results` has one for each of `calls`, `state` the rows under `keys`."""
        start, make = 0, self._answer if self._log else self._made
        for ticket, number, work, end in self._works:
            self.answers.append(make(ticket, number, work, results[start:end] if isinstance(work, Decide) else state))
            start = end
        self._inbox.answer(self.answers)

    def parts(self) -> Iterator[Part]:
        """See HotBatch."""
        start = 0
        for ticket, number, work, end in self._works:
            keys = work.keys if isinstance(work, Lookup) else ()
            yield Part(self.calls[start:end], keys, partial(self._answer, ticket, number, work))
            start = end

    def log(self, *answers: Answer) -> None:
        """Tells the access log, if there is one, of answers."""
        if self._log:
            for answer in answers:
                self._log.ended(answer[0], answer[1] if len(answer) == 4 else 0)

    def _answer(self, ticket: int, number: int, work: Work, outcome: Outcome) -> Answer:
        answer = self._made(ticket, number, work, outcome)
        self.log(answer)
        return answer

    async def _forwarded(self, ticket: int, number: int, send: Send) -> Answer | None:
        try:
            message = await send()
            answer: Answer | None = None if message is None else (ticket, message)
        except Relayed as relayed:
            answer = (ticket, *relayed.said)
        except Exception as error:
            answer = self._refused(ticket, number, error)
        if answer:
            self.log(answer)
        return answer

    def _made(self, ticket: int, number: int, work: Work, outcome: Outcome) -> Answer:
        if isinstance(outcome, Refusal):
            return self._refused(ticket, number, outcome)
        try:
            if isinstance(work, Decide):
                return ticket, answered(work, cast("Sequence[Result]", outcome))
            return ticket, work.answer(cast("State", outcome))
        except Exception as error:
            return self._refused(ticket, number, error)
