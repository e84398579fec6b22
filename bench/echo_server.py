"""The baseline: a bare grpc.aio server that reads the same requests and gives one fixed answer of the size of a real one.

It parses every request and serialises every answer with the generated messages, and does nothing else: no credentials, no decision, no store.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from croupier_client.pb import round_service_pb2 as pb

SERVICE = "croupier.v1.RoundService"
Context = grpc.aio.ServicerContext[Any, Any]


class Echo:
    """Answers that never change."""

    def __init__(self, answer: pb.PlayResponse) -> None:
        self._play = answer
        self._batches: dict[int, pb.PlayBatchResponse] = {}
        self._stream = pb.PlayStreamResponse(result=pb.PlayResult(round=answer.round))

    async def play(self, _request: pb.PlayRequest, _context: Context) -> pb.PlayResponse:
        """One round for any play."""
        return self._play

    async def play_batch(self, request: pb.PlayBatchRequest, _context: Context) -> pb.PlayBatchResponse:
        """As many rounds as there are plays."""
        count = len(request.plays)
        if count not in self._batches:
            self._batches[count] = pb.PlayBatchResponse(results=[pb.PlayResult(round=self._play.round)] * count)
        return self._batches[count]

    async def play_stream(self, requests: AsyncIterator[pb.PlayStreamRequest], _context: Context) -> AsyncIterator[pb.PlayStreamResponse]:
        """One round for each play of the stream."""
        async for _ in requests:
            yield self._stream


def handlers(echo: Echo) -> grpc.GenericRpcHandler:
    """The three methods, without the service's interceptors, roles or guards."""
    play = grpc.unary_unary_rpc_method_handler(echo.play, pb.PlayRequest.FromString, pb.PlayResponse.SerializeToString)
    batch = grpc.unary_unary_rpc_method_handler(echo.play_batch, pb.PlayBatchRequest.FromString, pb.PlayBatchResponse.SerializeToString)
    stream = grpc.stream_stream_rpc_method_handler(
        echo.play_stream, pb.PlayStreamRequest.FromString, pb.PlayStreamResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"Play": play, "PlayBatch": batch, "PlayStream": stream})


async def main(listen: str, answer: bytes) -> None:
    """Serves until it is killed. `answer` is an encoded PlayResponse."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(Echo(pb.PlayResponse.FromString(answer))),))
    server.add_insecure_port(listen)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
