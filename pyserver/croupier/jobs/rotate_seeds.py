"""Rotates the seed of every open session.

After a restore the rounds that were played since the backup are gone, but players have seen them; under the same seeds they would come out the same
again. The seeds that take over were never used, so nobody knows what they give.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from msgspec import Struct

from croupier.errors import Refusal, RoundOpen
from croupier.model import EntryKind, Key, Session, WalletKey
from croupier.operations.change_session import RotateSeed
from croupier.runners.embedded import Call, EmbeddedRunner
from croupier.stores.store import EntryQuery, Reads

_PAGE = 1_000
_BATCH = 256


class Rotated(Struct):
    """What became of the open sessions."""

    sessions: int = 0
    """Their seed was rotated."""
    in_round: int = 0
    """They keep their seed, for a round of theirs waits for an action."""


async def rotate_open_sessions(runner: EmbeddedRunner) -> Rotated:
    """Rotates every open session outside a round. Raises the Refusal of any other failure."""
    rotated = Rotated()
    calls: list[Call] = []
    async for wallet, session in _open_sessions(runner.store):
        calls.append(Call(RotateSeed(wallet, session.id, session.seed.number, "")))
        if len(calls) == _BATCH:
            await _rotate(runner, calls, rotated)
            calls = []
    await _rotate(runner, calls, rotated)
    return rotated


async def _rotate(runner: EmbeddedRunner, calls: Sequence[Call], rotated: Rotated) -> None:
    for result in await runner.process(calls):
        if isinstance(result, RoundOpen):
            rotated.in_round += 1
        elif isinstance(result, Refusal):
            raise result
        else:
            rotated.sessions += 1


async def _open_sessions(reads: Reads) -> AsyncIterator[tuple[WalletKey, Session]]:
    after: WalletKey | None = None
    while wallets := await reads.wallets(after, _PAGE):
        for wallet in wallets:
            async for session in _sessions(reads, wallet):
                if not session.close_time_ms:
                    yield wallet, session
        after = wallets[-1]


async def _sessions(reads: Reads, wallet: WalletKey) -> AsyncIterator[Session]:
    revision = 0
    kinds = (EntryKind.SESSION_OPENED,)
    while entries := await reads.entries(EntryQuery(wallet, _PAGE, after_revision=revision, oldest_first=True, kinds=kinds)):
        keys = [Key(wallet, "session", entry.reference) for entry in entries]
        rows = await reads.load(keys)
        for key in keys:
            row = rows[key]
            assert isinstance(row, Session), "each SESSION_OPENED entry has its row"
            yield row
        revision = entries[-1].revision
