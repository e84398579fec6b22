"""AdminService: steering a node and its games."""

from __future__ import annotations

import asyncio

from croupier.checks import Checks
from croupier.errors import FieldInvalid, GameNotFound
from croupier.operations.house import ALL_GAMING
from croupier.pb import admin_service_pb2 as pb
from croupier.runners.taker import Taker
from croupier.services import names
from croupier.services.call import Call
from croupier.services.convert import timestamp
from croupier.switches import Switch, Switches


class AdminService:
    """See proto/croupier/v1/admin_service.proto."""

    def __init__(
        self, owner: Taker, switches: Switches, node: str, version: str, start_ms: int, stop: asyncio.Event, checks: Checks
    ) -> None:
        """`stop` is set once the node is to leave service, by whomever."""
        self._owner = owner
        self._switches = switches
        self._node = node
        self._version = version
        self._start_ms = start_ms
        self._stop = stop
        self._checks = checks

    async def get_node(self, request: pb.GetNodeRequest, call: Call) -> pb.GetNodeResponse:
        """The node itself."""
        return pb.GetNodeResponse(node=self._message())

    async def drain_node(self, request: pb.DrainNodeRequest, call: Call) -> pb.DrainNodeResponse:
        """Takes the node out of service."""
        self._stop.set()
        return pb.DrainNodeResponse(node=self._message())

    async def enable_game(self, request: pb.EnableGameRequest, call: Call) -> pb.EnableGameResponse:
        """Lets a game be played again, or all gaming."""
        await self._switches.enable(self._game(request.game), call.caller.name)
        return pb.EnableGameResponse(disabled_games=self._disabled())

    async def disable_game(self, request: pb.DisableGameRequest, call: Call) -> pb.DisableGameResponse:
        """Refuses new rounds and sessions of a game, or all gaming; rounds in play finish first (G8)."""
        if not 1 <= len(request.reason) <= 256:
            raise FieldInvalid("reason must have 1 to 256 characters", field="reason")
        await self._switches.disable(self._game(request.game), request.reason, call.caller.name)
        return pb.DisableGameResponse(disabled_games=self._disabled())

    def _game(self, text: str) -> str:
        game = names.parse_game(text, "game")
        if game != ALL_GAMING and game not in self._owner.runner.house.catalog.current:
            raise GameNotFound(f"there is no game {game}; ListGames names them, and games/- means all", field="game")
        return game

    def _disabled(self) -> list[pb.DisabledGame]:
        return [_disabled_game(game, switch) for game, switch in sorted(self._switches.disabled.items())]

    def _message(self) -> pb.Node:
        runner = self._owner.runner
        state = pb.NODE_STATE_DRAINING if self._stop.is_set() else pb.NODE_STATE_SERVING
        return pb.Node(
            name=f"nodes/{self._node}",
            version=self._version,
            state=pb.NODE_STATE_OUT_OF_SERVICE if runner.failure else state,
            reason=runner.failure,
            start_time=timestamp(self._start_ms),
            queued_calls=self._owner.queued,
            rounds=runner.counts.rounds,
            store=runner.store.name,
            disabled_games=self._disabled(),
            problems=list(self._checks.problems.values()),
        )


def _disabled_game(game: str, switch: Switch) -> pb.DisabledGame:
    return pb.DisabledGame(game=f"games/{game}", reason=switch.reason, disable_time=timestamp(switch.time_ms), actor=switch.actor)
