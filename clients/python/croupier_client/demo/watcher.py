"""The wallet's ledger as it grows, watched in the background."""

from __future__ import annotations

import queue
import threading

from croupier_client.client import Client
from croupier_client.errors import CroupierError
from croupier_client.money import show
from croupier_client.pb import wallet_service_pb2 as wallets

_PATIENCE_S = 5.0


class Watcher:
    """Reads `watch_wallet` in a thread and hands out what came, up to a revision."""

    def __init__(self, client: Client, wallet: str, revision: int) -> None:
        """`revision` is that of the wallet now; returns once the watch stands."""
        self._arrived: queue.SimpleQueue[wallets.Entry] = queue.SimpleQueue()
        self._stands = threading.Event()
        self.seen = revision
        threading.Thread(target=self._watch, args=(client, wallet), name="demo-watch", daemon=True).start()
        self._stands.wait(_PATIENCE_S)

    def until(self, revision: int) -> list[wallets.Entry]:
        """The entries that came since the last call, up to `revision`; fewer if they are late."""
        entries: list[wallets.Entry] = []
        while self.seen < revision:
            try:
                entry = self._arrived.get(timeout=_PATIENCE_S)
            except queue.Empty:
                break
            self.seen = entry.revision
            entries.append(entry)
        return entries

    def _watch(self, client: Client, wallet: str) -> None:
        try:
            for message in client.watch_wallet(wallet):
                self._stands.set()
                if message.HasField("entry"):
                    self._arrived.put(message.entry)
        except (CroupierError, ValueError):
            # The demo is over and its channel closed.
            return


def line_of(entry: wallets.Entry) -> str:
    """One line for one entry of the ledger."""
    kind = wallets.EntryKind.Name(entry.kind).removeprefix("ENTRY_KIND_").lower().replace("_", " ")
    moved = entry.transfer_micros - entry.stake_micros + entry.payout_micros
    sign = "+" if moved > 0 else ""
    amount = f"{sign}{show(moved, entry.currency_code)}" if moved else ""
    return f"ledger {entry.revision:>5}  {kind:<15} {amount:>14}  balance {show(entry.balance_micros, entry.currency_code)}"
