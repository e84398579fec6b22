"""A region of class home is lost under load and given up by the operator's command: what its heir had not yet is lost and nothing else, as announced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from croupier.model import GENESIS_EPOCH, WITHOUT_ENTRY_MS, Entry, EntryKind, Epoch, WalletKey, epoch_key
from croupier.server import clock_ms
from croupier.stores.cassandra.opening import CassandraStore
from tests.cluster.classes import HOME
from tests.cluster.commands import Said, croupier, settings_of
from tests.cluster.crowd import ATTEMPT_S_MAX, until
from tests.cluster.node import Node
from tests.cluster.stage import REGIONS, Machines, Stage
from tests.cluster.timeline import draw, panels_of
from tests.faults.checker import Effect, Findings, check_wallet, effect_of, evidence_of, revision_of, wallet_key_of, wishes_by_wallet
from tests.faults.wishes import Player, Wish

LOST, HEIR, _ = REGIONS
_LOAD_S, _AFTER_S = 6.0, 5.0
_GOES_ON_S_MAX = 40.0
_REPLAY_S = 12.0
"""What the lost region's disk still holds for the others arrives within that time once it is back."""
_PAUSE_S = 0.1


class HomeLost(Struct):
    """What was lost, and how soon play went on."""

    name: str
    title: str
    faults: int
    wallets: int
    """Of the lost region."""
    lost_rounds: int
    """Acknowledged, and beyond what the heir had."""
    kept_rounds: int
    """Acknowledged there before, and kept."""
    lag_s: float
    """From the first answer that is lost to the kill; 0 where none is."""
    announced_age_s: float
    """From the newest id that had arrived, as the command told it, to the kill."""
    announced_micros: int
    """What the command said that the heir has of the region's balances."""
    found_micros: int
    """What the ledgers say that it went on from."""
    goes_on_s: float
    """From the command's end to the first answer for a wallet of the lost region."""
    all_go_on_s: float
    """The same for every wallet of it."""
    findings: Findings

    @property
    def is_as_announced(self) -> bool:
        """Nothing else is lost, and the sum is the announced one."""
        return self.findings.is_clean and self.announced_micros == self.found_micros


class _Course(Struct):
    """What is remembered until the end."""

    homes: dict[str, str]
    before: dict[str, list[Wish]] = {}
    """What players of the lost region's wallets knew when it was given up; they go on without it, since a repeat of it would be a new call."""
    killed_ns: int = 0
    killed_ms: int = 0
    given_up_ns: int = 0


async def home_lost(cluster: Machines, seed: int, plots: Path, *, cut_s: float) -> HomeLost:
    """Plays; cuts the region off for so long while its own callers play on, or not at all; kills all of it at once; gives it up; plays on; judges."""
    name = "home-lost-behind" if cut_s else "home-lost"
    title = f"A home region is lost, {f'{cut_s:.0f} s after it was cut off' if cut_s else 'at once'}, and given up"
    stage = Stage(cluster, name.replace("-", "_"), seed, pause_s=_PAUSE_S, settings=HOME)
    try:
        await stage.up()
        async with stage.crowd.playing():
            await asyncio.sleep(_LOAD_S)
            stage.begins()
            begin_ns = stage.begin_ns
            await asyncio.sleep(_LOAD_S)
            course = _Course(await _homes(stage))
            if cut_s:
                stage.notes(f"{LOST} cut off")
                await stage.harm("cut", LOST)
                await asyncio.sleep(cut_s)
            await _kill(stage, course)
            announced = await _give_up(stage, course)
            first_s, all_s = await _goes_on(stage, course)
            await asyncio.sleep(_AFTER_S)
            end_ns = time.monotonic_ns()
        draw(plots / f"{name}.svg", title, panels_of(_all_wishes(stage, course), begin_ns, end_ns), stage.events)
        await stage.harm("mend")  # It is back with the data that it had, which nobody may mind.
        await asyncio.sleep(_REPLAY_S)
        await stage.crowd.settle()
        judged = HomeLost(
            name,
            title,
            3 + bool(cut_s),
            announced["wallets"],
            0,
            0,
            0.0,
            (course.killed_ms - announced["last_ms"]) / 1e3,
            announced["balance_micros"].get("EUR", 0),
            0,
            first_s,
            all_s,
            Findings(),
        )
        async with stage.reads(_heir(stage)) as reads:
            await _judge(reads, stage, course, judged)
    finally:
        await stage.down()
        await stage.harm("mend")
    return judged


async def _homes(stage: Stage) -> dict[str, str]:
    async with stage.reads(_heir(stage)) as store:
        return {name: await store.home_of(wallet_key_of(name)) for name in {player.wallet for player in stage.crowd.players}}


async def _kill(stage: Stage, course: _Course) -> None:
    """Everything in the region at the same moment."""
    stage.notes(f"all of {LOST} killed")
    course.killed_ns, course.killed_ms = time.monotonic_ns(), clock_ms()
    nodes = [node for node in stage.nodes if node.region == LOST]
    for node in nodes:
        node.kill()
    machines = [machine.name for machine in stage.cluster.plan.named(LOST) if machine.kind != "node"]
    await asyncio.gather(*(stage.harm("kill", name) for name in machines), *(node.ended() for node in nodes))


async def _give_up(stage: Stage, course: _Course) -> Any:
    """By the operator's command, once every attempt under way has ended; what that announced."""
    await asyncio.sleep(ATTEMPT_S_MAX)
    for player in stage.crowd.players:
        if course.homes[player.wallet] == LOST:
            _begin_anew(player, course)
    stage.notes(f"{LOST} given up for {HEIR}")
    said: Said = await croupier(
        "cluster", "region", "move", LOST, "--to", HEIR, "--accept-loss", "--yes", "--json", "--config", settings_of(_heir(stage))
    )
    course.given_up_ns = time.monotonic_ns()
    assert said.exit_code == 0, said
    return said.value


def _begin_anew(player: Player, course: _Course) -> None:
    """The player keeps only what it does not know yet."""
    course.before.setdefault(player.wallet, []).extend(wish for wish in player.wishes if wish.is_settled)
    player.wishes[:] = [wish for wish in player.wishes if not wish.is_settled]
    player.leaves_table()


async def _goes_on(stage: Stage, course: _Course) -> tuple[float, float]:
    """How long until a wallet of the lost region was answered, and until all were."""
    players = [player for player in stage.crowd.players if course.homes[player.wallet] == LOST]

    def firsts() -> list[int]:
        """When each wallet was answered first after its region was given up; 0 where it was not yet."""
        answered: dict[str, int] = dict.fromkeys((player.wallet for player in players), 0)
        for player in players:
            times = [wish.answered_ns for wish in player.wishes if wish.answered_ns > course.given_up_ns]
            if times:
                answered[player.wallet] = min([*times, answered[player.wallet] or min(times)])
        return list(answered.values())

    assert await until(lambda: all(firsts()), _GOES_ON_S_MAX), "a wallet of the lost region is not played on"
    stage.notes("all its wallets go on")
    return (min(firsts()) - course.given_up_ns) / 1e9, (max(firsts()) - course.given_up_ns) / 1e9


async def _judge(reads: CassandraStore, stage: Stage, course: _Course, judged: HomeLost) -> None:
    """Wallets of other homes have lost nothing. Of the lost region's nothing is missing that the heir had, nor anything that came after."""
    answered: list[int] = []
    for name, wishes in wishes_by_wallet(stage.crowd.players).items():
        key, is_lost = wallet_key_of(name), course.homes[name] == LOST
        before = course.before.get(name, [])
        evidence = await evidence_of(reads, key, [*before, *wishes])
        lost = _missing(evidence.entries, before) if is_lost else set[Wish]()
        check_wallet(evidence, [wish for wish in (*before, *wishes) if wish not in lost], judged.findings)
        if not is_lost:
            continue
        inherited = await _inherited(reads, key)
        judged.found_micros += inherited.balance_micros
        _check_prefix(key, lost, inherited.last_revision, judged.findings)
        judged.lost_rounds += sum(wish.rpc == "Play" for wish in lost)
        judged.kept_rounds += sum(wish.rpc == "Play" and wish.answer is not None and wish not in lost for wish in before)
        answered += [wish.answered_ns for wish in lost]
    judged.lag_s = (course.killed_ns - min(answered)) / 1e9 if answered else 0.0


async def _inherited(reads: CassandraStore, key: WalletKey) -> Epoch:
    """The end of the only epoch that no entry ended, since homes did not move otherwise."""
    number = GENESIS_EPOCH
    while isinstance(epoch := (await reads.load([epoch_key(key, number)]))[epoch_key(key, number)], Epoch):
        if epoch.close_time_ms == WITHOUT_ENTRY_MS:
            return epoch
        number += 1
    raise AssertionError(f"nobody has inherited {key}")


def _missing(entries: Sequence[Entry], before: Sequence[Wish]) -> set[Wish]:
    """What was answered before the region was given up, and is not in the ledger."""
    there: set[Effect] = {(EntryKind(entry.kind), entry.reference, entry.step) for entry in entries}
    return {wish for wish in before if wish.answer is not None and (effect := effect_of(wish)) is not None and effect not in there}


def _check_prefix(key: WalletKey, lost: Iterable[Wish], inherited: int, findings: Findings) -> None:
    """Nothing is lost that comes before something that the heir had."""
    for wish in lost:
        if 0 < revision_of(wish) <= inherited:
            findings.lost += 1
            findings.examples.append(f"lost: {wish.rpc} at revision {revision_of(wish)} of {key}, of which {inherited} were there")


def _all_wishes(stage: Stage, course: _Course) -> list[Wish]:
    return [*(wish for wishes in course.before.values() for wish in wishes), *stage.crowd.wishes]


def _heir(stage: Stage) -> Node:
    return next(node for node in stage.nodes if node.region == HEIR)
