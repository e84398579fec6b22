"""grpc.channelz.v1 for admins: the library's servicer behind this server's guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode
from grpc_channelz.v1._async import ChannelzServicer

from croupier.errors import FieldInvalid

NAME = "grpc.channelz.v1.Channelz"

Behaviour = Callable[[Any, object], Awaitable[Any]]


class Channelz:
    """The methods of grpc.channelz.v1.Channelz, as the registry looks for them."""

    def __init__(self) -> None:
        library: Any = ChannelzServicer()
        self.get_top_channels = _behaviour(library.GetTopChannels)
        self.get_servers = _behaviour(library.GetServers)
        self.get_server = _behaviour(library.GetServer)
        self.get_server_sockets = _behaviour(library.GetServerSockets)
        self.get_channel = _behaviour(library.GetChannel)
        self.get_subchannel = _behaviour(library.GetSubchannel)
        self.get_socket = _behaviour(library.GetSocket)


class _Context:
    """Where the library says what is wrong with a request."""

    def __init__(self) -> None:
        self.text = ""

    def set_code(self, code: StatusCode) -> None:
        """The code is always that there is no such thing, because the ids are all that a request holds."""

    def set_details(self, text: str) -> None:
        """Keeps what is wrong."""
        self.text = text


def _behaviour(method: Callable[[Any, Any], Awaitable[Any]]) -> Behaviour:
    async def behaviour(request: Any, _: object) -> Any:
        context = _Context()
        answer = await method(request, context)
        if answer is None:
            raise FieldInvalid(f"there is nothing under the ids of the request: {context.text}")
        return answer

    return behaviour
