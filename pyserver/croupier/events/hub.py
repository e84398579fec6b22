"""Wakes those who watch a wallet when it has new entries. It carries no entries: a watcher reads them from the store, so it can miss none."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from croupier.model import Entry, WalletKey


class Hub:
    """Watchers by wallet."""

    def __init__(self) -> None:
        self._watchers: dict[WalletKey, list[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def watch(self, wallet: WalletKey) -> Generator[asyncio.Event, None, None]:
        """An event that is set after each commit to `wallet` while the block runs."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._watchers.setdefault(wallet, []).append(event)
        try:
            yield event
        finally:
            watchers = self._watchers[wallet]
            watchers.remove(event)
            if not watchers:
                del self._watchers[wallet]

    def committed(self, wallet: WalletKey, _: Sequence[Entry] = ()) -> None:
        """Says that `wallet` has new entries. May be called from any thread."""
        if wallet in self._watchers and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, wallet)

    def wake_all(self) -> None:
        """Wakes every watcher, so that streams can end when the node drains."""
        for wallet in list(self._watchers):
            self._wake(wallet)

    def _wake(self, wallet: WalletKey) -> None:
        for event in self._watchers.get(wallet, ()):
            event.set()
