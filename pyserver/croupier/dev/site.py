"""What every kind of machine is started from."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from croupier.dev.fetch import Tools
from croupier.dev.places import Places
from croupier.dev.plan import Machine, Plan


class Site(Struct, frozen=True):
    """The plan, the folders, and the programs that were found for it."""

    plan: Plan
    places: Places
    tools: Tools

    def folder(self, machine: Machine) -> Path:
        """One machine's own folder."""
        return self.places.of(machine)
