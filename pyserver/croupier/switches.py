"""Switches: which games take no new rounds, and why. Kept in the store, so that they outlive the node and are seen by others."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from msgspec import Struct, structs

from croupier.errors import WriteConflict
from croupier.runners.taker import Taker
from croupier.stores.store import Document, Reads

SWITCH_KIND = "switch"
_ATTEMPTS = 5

_log = logging.getLogger("croupier.switches")


class Switch(Struct, frozen=True):
    """The state of one game's switch."""

    disabled: bool
    reason: str
    actor: str
    time_ms: int


class Switches:
    """Reads and changes the switches, and puts them into force in the runner's house."""

    def __init__(self, owner: Taker, clock_ms: Callable[[], int]) -> None:
        self.disabled: dict[str, Switch] = {}
        """By game; `-` for all gaming."""
        self._owner = owner
        self._clock_ms = clock_ms

    async def disable(self, game: str, reason: str, actor: str) -> None:
        """New rounds and sessions of `game` are refused from now on."""
        await self._set(game, Switch(True, reason, actor, self._clock_ms()))

    async def enable(self, game: str, actor: str) -> None:
        """`game` may be played again."""
        await self._set(game, Switch(False, "", actor, self._clock_ms()))

    async def refresh(self) -> None:
        """Takes over switches that another process has changed."""
        self.replace(await self._owner.read(_documents))

    def replace(self, documents: list[Document]) -> None:
        """Puts the stored switches into force."""
        switches = {document.id: msgspec.json.decode(document.body, type=Switch) for document in documents}
        disabled = {game: switch for game, switch in switches.items() if switch.disabled}
        if disabled != self.disabled:
            self.disabled = disabled
            reasons = {game: switch.reason for game, switch in disabled.items()}
            self._owner.runner.house = structs.replace(self._owner.runner.house, disabled=reasons)

    async def _set(self, game: str, switch: Switch) -> None:
        for _ in range(_ATTEMPTS):
            versions = {document.id: document.version for document in await self._owner.read(_documents)}
            document = Document(SWITCH_KIND, game, versions.get(game, 0) + 1, msgspec.json.encode(switch))
            if await self._owner.write(lambda store, document=document: store.put_document(document)):
                break
        else:
            raise WriteConflict(f"others changed the switch of {game} {_ATTEMPTS} times meanwhile; try again")
        _log.warning("game %s %s by %s: %s", game, "disabled" if switch.disabled else "enabled", switch.actor, switch.reason)
        await self.refresh()


async def _documents(reads: Reads) -> list[Document]:
    return await reads.documents(SWITCH_KIND)
