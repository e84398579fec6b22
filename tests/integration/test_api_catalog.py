"""CatalogService over the wire: games, models, pages."""

from __future__ import annotations

import hashlib
from typing import Any

from grpc import StatusCode

from tests.integration.calling import Caller, refused
from tests.integration.serving import Serving


def pages(acme: Caller, size: int) -> list[list[Any]]:
    """All pages of ListGames."""
    found, token = [], ""
    while True:
        page = acme.call("CatalogService.ListGames", page_size=size, page_token=token)
        found.append(list(page.games))
        token = page.next_page_token
        if not token:
            return found


def test_pages_hold_every_game_once(acme: Caller) -> None:
    """The pages of ListGames put together are the whole list, in order of names, whatever their size."""
    games = acme.call("CatalogService.ListGames").games
    names = [game.name for game in games]
    assert len(names) >= 12
    assert names == sorted(names)
    for size in (1, 5, len(names), 1_000):
        found = pages(acme, size)
        assert [game.name for page in found for game in page] == names
        assert all(len(page) == size for page in found[:-1])


def test_a_game_names_its_model(acme: Caller) -> None:
    """GetGame and GetModel agree with ListGames, and a model's name is the SHA-256 of its definition (F8)."""
    for game in acme.call("CatalogService.ListGames").games:
        assert acme.call("CatalogService.GetGame", name=game.name).game == game
        model = acme.call("CatalogService.GetModel", name=game.model).model
        assert (model.game, model.version) == (game.name, game.version)
        assert model.name == f"models/{hashlib.sha256(model.definition.encode()).hexdigest()}"
        assert model.pay_table.rows
        assert game.family in model.definition
        assert game.enabled


def test_players_and_admins_may_read_the_catalog(serving: Serving, acme: Caller) -> None:
    """What can be played is shown to every known caller alike."""
    listed = acme.call("CatalogService.ListGames")
    assert serving.caller("admin").call("CatalogService.ListGames") == listed


def test_refusals(acme: Caller) -> None:
    """Unknown games and models, malformed names, pages that were never given out."""
    for method in ("GetGame", "GetModel"):
        known = {"GetGame": "games/nothing", "GetModel": f"models/{'0' * 64}"}[method]
        said = refused(acme.call, f"CatalogService.{method}", name=known)
        assert (said.code, said.reason, said.field) == (StatusCode.NOT_FOUND, "GAME_NOT_FOUND", "name")
        for malformed in (
            "",
            "games/",
            "dice-10000",
            "games/Dice",
            "games/a\nb",
            "games/\u00e9",
            f"games/{'x' * 65}",
            "models/zz",
            f"models/{'g' * 64}",
            f"models/{'0' * 63} ",
        ):
            said = refused(acme.call, f"CatalogService.{method}", name=malformed)
            assert (said.code, said.reason) in {
                (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
                (StatusCode.NOT_FOUND, "GAME_NOT_FOUND"),
            }
    for token in ("0", "-1", "x", "12", "999999999999999999", "9" * 40, "１"):  # noqa: RUF001
        said = refused(acme.call, "CatalogService.ListGames", page_token=token)
        assert (said.code, said.reason, said.field) == (StatusCode.OUT_OF_RANGE, "TOKEN_OUT_OF_RANGE", "page_token")
    for size in (-1, 1_001, 2**31 - 1, -(2**31)):
        said = refused(acme.call, "CatalogService.ListGames", page_size=size)
        assert (said.code, said.reason, said.field) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "page_size")
