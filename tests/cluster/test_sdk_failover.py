"""The clients of clients/ on a real cluster, one engine node of which is killed, stopped or drained: no call fails, and nothing counts twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import islice

import pytest

from croupier_client import AsyncClient, Client, bets, micros, new_id
from croupier_client.demo.tour import choose
from croupier_client.pb import round_service_pb2 as rounds
from tests.cluster.machines import Members, Ring
from tests.cluster.sdk_load import DICE, HEADER, VICTIM, at, suffer
from tests.cluster.sdk_programs import go_failover, typescript_failover
from tests.cluster.sdk_stage import OPERATOR, EngineNodes, engine_nodes
from tests.interop.programs import needs_go, needs_node

ROUNDS = 150
"""That each example plays."""


@pytest.fixture(scope="module")
def standing(cassandra: Ring, etcd: Members, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineNodes]:
    with engine_nodes(cassandra, etcd, tmp_path_factory.mktemp("engines"), f"sdk_{new_id()[-8:]}") as nodes:
        yield nodes


@pytest.fixture
def nodes(standing: EngineNodes) -> EngineNodes:
    standing.stand()
    return standing


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("fault", "call_p99_s_max"), [("kill", 1.0), ("freeze", 2.0), ("drain", 1.0)])
async def test_200_rounds_a_second_go_on(nodes: EngineNodes, fault: str, call_p99_s_max: float) -> None:
    """All at the node that is killed, stopped or drained: 0 failed calls, each round in its ledger once. A machine that is busy otherwise has more
    time, by how long its median call takes; docs/reliability.md has figures.
    """
    noticed = await suffer(nodes, fault)
    print(f"{HEADER}\n{fault} | {noticed}")
    assert noticed.failures == []
    assert at(noticed.took_s, 0.99) < call_p99_s_max + 10 * at(noticed.took_s, 0.5)


@pytest.mark.timeout(90)
def test_streams_and_an_open_round_go_on(nodes: EngineNodes) -> None:
    """Kill -9 in the middle of a stream of plays that another client watches: each play counts once, in order, the watch has no gap; a round that
    was open is found and finished at another node.
    """
    wallet, other = nodes.wallets_of(VICTIM, 2, f"streams-{new_id()[-8:]}")
    with Client(nodes.addresses, nodes.key, operator=OPERATOR) as client, Client(nodes.addresses, nodes.key) as watcher:
        for name in (wallet, other):
            client.deposit(name, micros(1_000))
        table = client.open_session(other, "games/blackjack-classic")
        while (waiting := table.play(bets.blackjack(micros(1)))).state != rounds.ROUND_STATE_OPEN:
            pass
        session = client.open_session(wallet, "games/dice-10000")
        watch = watcher.watch_wallet(wallet)
        next(watch)
        answers = []
        for number, answer in enumerate(session.play_stream([DICE] * 300, window=16), start=1):
            answers.append(answer.get())
            if number == 100:
                nodes.nodes[VICTIM].kill()
        assert [round_.number for round_ in answers] == list(range(1, 301))
        entries = islice((message.entry for message in watch if message.HasField("entry")), 300)
        assert [entry.revision for entry in entries] == list(range(3, 303))
        round_ = client.session(table.name).open_round()
        assert round_ is not None
        assert round_ == waiting
        while round_.state == rounds.ROUND_STATE_OPEN:
            round_ = table.act(round_, choose(round_.outcome.blackjack))
        table.close()
        assert table.verify(round_).matches


async def test_the_sdk_finds_the_node_that_a_wallet_prefers(nodes: EngineNodes) -> None:
    """Given two of three nodes, it calls the third directly for the wallets that prefer it."""
    (wallet,) = nodes.wallets_of("node-3", 1, f"found-{new_id()[-8:]}")
    async with AsyncClient(nodes.addresses[:2], nodes.key, operator=OPERATOR) as client:
        await client.deposit(wallet, micros(1))
        async with asyncio.timeout(10):
            while nodes.addresses[2] not in client._transport._channels:  # pyright: ignore[reportPrivateUsage]
                await client.get_wallet(wallet)
                await asyncio.sleep(0.1)


@needs_go
@needs_node
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("fault", "layers"), [("kill", ("attempts", "config")), ("freeze", ("attempts",))])
async def test_the_examples_go_on(nodes: EngineNodes, fault: str, layers: tuple[str, ...]) -> None:
    """Go and TypeScript: by attempts of their own they outlive a dead and a hung node, by the published service config a dead one."""
    programs = await asyncio.to_thread(lambda: (go_failover(), typescript_failover()))
    wallets = nodes.wallets_of(VICTIM, 4, f"example-{new_id()[-8:]}")
    given = ["--addresses", ",".join(nodes.addresses), "--key", nodes.key, "--rounds", str(ROUNDS)]
    commands = [[*program, *given, "--layer", layer] for program in programs for layer in layers]
    is_under_way, is_broken = asyncio.Semaphore(0), asyncio.Event()
    playing = [
        asyncio.create_task(_run([*command, "--player", wallet.split("/")[3]], is_under_way, is_broken))
        for command, wallet in zip(commands, wallets, strict=False)
    ]
    for _ in commands:
        await is_under_way.acquire()
    await asyncio.to_thread(getattr(nodes.nodes[VICTIM], fault))
    is_broken.set()
    for command, report in zip(commands, await asyncio.gather(*playing), strict=True):
        print(fault, command[-1], report)
        assert (report["played"], report["failed"], report["balance_off_micros"]) == (ROUNDS, 0, 0)


async def _run(command: list[str], is_under_way: asyncio.Semaphore, is_broken: asyncio.Event) -> dict[str, int]:
    """The report of an example; says when a third of its rounds is played, and reads on once the fault is there."""
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    assert program.stdout is not None
    said = [""]
    while line := (await program.stdout.readline()).decode():
        said.append(line.strip())
        if said[-1] == f"played {ROUNDS // 3}":
            is_under_way.release()
            await is_broken.wait()
    code = await program.wait()
    is_under_way.release()
    assert code == 0, said[-5:]
    report: dict[str, int] = json.loads(said[-1])
    return report
