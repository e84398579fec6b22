"""What one play of a batch or stream came to, and the plays of a stream that wait for their answers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import grpc

from .errors import CroupierError, Unavailable, error_of_refusal
from .pb import round_service_pb2 as rounds


@dataclass(frozen=True)
class PlayAnswer:
    """The answer to one play: a round or the error that refused it."""

    request: rounds.PlayRequest
    round: rounds.Round | None
    error: CroupierError | None

    def get(self) -> rounds.Round:
        """The round.

        Raises:
            CroupierError: if the play was refused.
        """
        if self.error is not None:
            raise self.error
        assert self.round is not None
        return self.round


def answer_of(request: rounds.PlayRequest, result: rounds.PlayResult) -> PlayAnswer:
    """The answer that a result of the wire stands for."""
    if result.HasField("round"):
        return PlayAnswer(request, result.round, None)
    error = error_of_refusal(result.refusal)
    error.id = request.round_id
    return PlayAnswer(request, None, error)


class Pipeline:
    """Plays sent and not answered yet, in order. After a break all of them are sent again: the ids make that harmless."""

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError("the window is at least 1")
        self._window = window
        self.pending: deque[rounds.PlayRequest] = deque()

    def has_room(self) -> bool:
        """Whether another play may be sent before an answer comes."""
        return len(self.pending) < self._window

    def sent(self, play: rounds.PlayRequest) -> rounds.PlayStreamRequest:
        """Notes a play as sent, and gives its message."""
        self.pending.append(play)
        return rounds.PlayStreamRequest(play=play)

    def again(self) -> list[rounds.PlayStreamRequest]:
        """The messages to send first on a new connection."""
        return [rounds.PlayStreamRequest(play=play) for play in self.pending]

    def answered(self, response: rounds.PlayStreamResponse) -> PlayAnswer:
        """The answer to the oldest play that waits for one."""
        return answer_of(self.pending.popleft(), response.result)


def stalled() -> CroupierError:
    """The error of a stream on which nothing came in time."""
    return CroupierError("nothing came on the stream in time", code=grpc.StatusCode.DEADLINE_EXCEEDED)


def moved() -> CroupierError:
    """The error of a stream whose node leaves service, or was found dead by other calls, so that it goes on at another."""
    return Unavailable("the node of the stream is left for another", code=grpc.StatusCode.UNAVAILABLE, reason="NODE_UNAVAILABLE")


def ended() -> CroupierError:
    """The error of a stream that the server ended before all was answered."""
    return Unavailable("the server ended the stream", code=grpc.StatusCode.UNAVAILABLE)
