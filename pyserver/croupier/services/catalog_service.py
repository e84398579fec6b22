"""CatalogService: games, their models, pay tables and exact figures."""

from __future__ import annotations

import json
from typing import Any

from croupier.engine import GameModel
from croupier.errors import FieldInvalid, GameNotFound
from croupier.operations.house import ALL_GAMING, House
from croupier.pb import catalog_service_pb2 as pb
from croupier.pb import paytable_pb2
from croupier.runners.taker import Taker
from croupier.services import names, pages
from croupier.services.call import Call


class CatalogService:
    """See proto/croupier/v1/catalog_service.proto."""

    def __init__(self, owner: Taker) -> None:
        self._owner = owner

    async def list_games(self, request: pb.ListGamesRequest, call: Call) -> pb.ListGamesResponse:
        """The games, by name."""
        models = list(self._house.catalog.current.values())
        size, start = pages.page_size(request.page_size), pages.position(request.page_token, last=len(models) - 1)
        games = [_game(self._house, model) for model in models[start : start + size]]
        return pb.ListGamesResponse(games=games, next_page_token=str(start + size) if start + size < len(models) else "")

    async def get_game(self, request: pb.GetGameRequest, call: Call) -> pb.GetGameResponse:
        """One game with its current model."""
        name = names.parse_game(request.name, "name")
        model = self._house.catalog.current.get(name)
        if model is None:
            raise GameNotFound(f"there is no game {name}; ListGames names them", field="name")
        return pb.GetGameResponse(game=_game(self._house, model))

    async def get_model(self, request: pb.GetModelRequest, call: Call) -> pb.GetModelResponse:
        """One model by its hash."""
        model = self._house.catalog.by_hash.get(_parse_model(request.name))
        if model is None:
            raise GameNotFound(f"there is no {request.name} on this node", field="name")
        return pb.GetModelResponse(
            model=pb.Model(
                name=f"models/{model.hash.hex()}",
                game=f"games/{model.name}",
                version=model.version,
                definition=model.definition,
                pay_table=paytable_pb2.PayTable.FromString(model.pay_table()),
                figures=_figures(model),
            )
        )

    @property
    def _house(self) -> House:
        return self._owner.runner.house


def _game(house: House, model: GameModel) -> pb.Game:
    return pb.Game(
        name=f"games/{model.name}",
        title=model.title,
        family=model.family,
        model=f"models/{model.hash.hex()}",
        version=model.version,
        enabled=model.name not in house.disabled and ALL_GAMING not in house.disabled,
    )


def _figures(model: GameModel) -> pb.Figures | None:
    """The figures of the model's PAR sheet; absent where none was computed for these very bytes."""
    sheet: dict[str, Any] = json.loads(model.par_sheet) if model.par_sheet else {}
    if sheet.get("sha256") != model.hash.hex():
        return None
    return pb.Figures(
        return_exact="" if sheet["method"] == "simulation" else sheet["return"]["exact"],
        return_value=sheet["return"]["value"],
        variance=sheet["variance"],
        hit_rate=sheet["hit_rate"],
        max_win=sheet["max_win_x"],
        par_sheet=model.par_sheet,
    )


def _parse_model(text: str) -> bytes:
    head, _, digits = text.partition("/")
    try:
        if head == "models" and len(digits) == 64:
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise FieldInvalid(f"name must be models/{{64 hex digits}}, not {text[:128]!r}", field="name")
