"""The Python client and several nodes over real sockets: which node gets a call, and what happens when one dies, hangs, leaves or sheds."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import grpc
import pytest

from croupier_client import AsyncClient, Client, RetryPolicy, Unavailable, bets, play_request
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import wallet_service_pb2 as wallets
from croupier_client.routing import ranked
from croupier_client.standing import Ejection
from tests.unit.scripted_node import EXHAUSTED, UNAVAILABLE, ScriptedNode, Stream, answer, refuse

QUICK = RetryPolicy(
    deadline_s=20,
    attempt_timeout_s=2,
    failover_timeout_s=0.5,
    backoff_first_s=0.01,
    backoff_max_s=0.05,
    list_interval_s=1,
    ejection=Ejection(first_s=0.3, return_s=0.5),
)
DEPOSITED = answer(wallets.DepositResponse(transfer=wallets.Transfer(balance_micros=7)))
PATIENCE_S = 10


@contextmanager
def _cluster(count: int, *, regions: Sequence[str] = (), streams: tuple[Stream, ...] = ()) -> Iterator[list[ScriptedNode]]:
    with ExitStack() as stack:
        nodes = [stack.enter_context(ScriptedNode(DEPOSITED, streams=streams)) for _ in range(count)]
        for node, region in zip(nodes, regions or ["here"] * count, strict=True):
            node.listing, node.region = nodes, region
        yield nodes


def _wallet_of(node: ScriptedNode, nodes: Sequence[ScriptedNode], number: int = 0) -> str:
    """A wallet that prefers this node among those."""
    ports = [str(other.port) for other in nodes]
    wallets_ = (f"operators/o/players/{name}/wallets/EUR" for name in range(10_000))
    fitting = [wallet for _, wallet in zip(range(400), wallets_, strict=False) if ranked(ports, wallet)[0] == str(node.port)]
    return fitting[number]


def _client(nodes: Sequence[ScriptedNode], region: str = "here") -> Client:
    """A client of the first two nodes that has learnt of the others."""
    client = Client([node.address for node in nodes[:2]], "ck_key", policy=QUICK, region=region)
    client.deposit("operators/o/players/first/wallets/EUR", 1)
    _eventually(lambda: len(_addresses(client)) == len(nodes))
    for node in nodes:
        node.requests.clear()
        node.metadata.clear()
    return client


def _addresses(client: Client) -> list[str]:
    nodes = client._transport._nodes  # pyright: ignore[reportPrivateUsage]
    return nodes.addresses() if any(known.listed for known in nodes._known.values()) else []  # pyright: ignore[reportPrivateUsage]


def _eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)


def test_calls_go_straight_to_the_node_that_the_wallet_prefers() -> None:
    """Two addresses given, three nodes listed: each call arrives where servers would forward it to."""
    with _cluster(3) as nodes, _client(nodes) as client:
        for node in nodes:
            client.deposit(_wallet_of(node, nodes), 5)
            assert len(node.requests) == 1
            assert node.metadata[0]["authorization"] == "Bearer ck_key"
        assert [told.address for told in client.list_nodes()] == [node.address for node in nodes]


async def test_the_asyncio_client_finds_them_too() -> None:
    """The same through AsyncClient; closing it ends what it does in the background."""
    with _cluster(3) as nodes:
        async with AsyncClient([nodes[0].address, nodes[1].address], "ck_key", policy=QUICK) as client:
            await client.deposit(_wallet_of(nodes[2], nodes), 5)
            async with asyncio.timeout(PATIENCE_S):
                while not nodes[2].requests:
                    await client.deposit(_wallet_of(nodes[2], nodes), 5)
        assert len(asyncio.all_tasks()) == 1


def test_a_node_that_dies_costs_no_call() -> None:
    """Twenty players at a node that ends: every call is answered by the others, which are told to serve it themselves; then none is sent there."""
    with _cluster(3) as nodes, _client(nodes) as client:
        dying, failures, done = nodes[0], list[Exception](), threading.Event()
        wallets_ = [_wallet_of(dying, nodes, number) for number in range(20)]

        def play(wallet: str) -> None:
            while not done.is_set():
                try:
                    client.deposit(wallet, 5)
                except Exception as error:
                    failures.append(error)

        players = [threading.Thread(target=play, args=(wallet,)) for wallet in wallets_]
        for player in players:
            player.start()
        _eventually(lambda: len(dying.requests) > 200)
        dying.stop()
        _eventually(lambda: sum(len(node.requests) for node in nodes[1:]) > 200)
        done.set()
        for player in players:
            player.join()
        assert failures == []
        assert nodes[1].metadata[-1]["authorization"] == "Forwarded Bearer ck_key"


def test_a_hung_node_costs_a_call_its_time_out_and_comes_back() -> None:
    """Two calls wait for their attempt's time-out, later ones go elsewhere at once; once it answers again it gets its wallets back."""
    with _cluster(3) as nodes, _client(nodes) as client:
        hung, wallet = nodes[0], _wallet_of(nodes[0], nodes)
        hung.is_frozen.set()
        took: list[float] = []
        for _ in range(20):
            started = time.monotonic()
            client.deposit(wallet, 5)
            took.append(time.monotonic() - started)
        # The question for the list may be one of the two that time out.
        assert 1 <= sum(seconds > 0.4 for seconds in took) <= 2
        assert max(took) < 1.5
        hung.is_frozen.clear()
        _eventually(lambda: _answered_by(hung, client, wallet))


def _answered_by(node: ScriptedNode, client: Client, wallet: str) -> bool:
    before = len(node.requests)
    client.deposit(wallet, 5)
    return len(node.requests) > before


def test_a_node_that_leaves_gets_no_new_calls() -> None:
    """As soon as the list says so, before it refuses any."""
    with _cluster(3) as nodes, _client(nodes) as client:
        leaving, wallet = nodes[0], _wallet_of(nodes[0], nodes)
        client.deposit(wallet, 5)
        leaving.drains = True
        _eventually(lambda: not _answered_by(leaving, client, wallet))
        before = len(leaving.requests)
        for _ in range(5):
            client.deposit(wallet, 5)
        assert len(leaving.requests) == before


def test_a_node_that_refuses_service_is_left_without_a_pause() -> None:
    """NODE_UNAVAILABLE once: the call is answered elsewhere, and the next ones go there at once."""
    with _cluster(2) as nodes, _client(nodes) as client:
        nodes[0].script(refuse(UNAVAILABLE, "NODE_UNAVAILABLE"))
        nodes[0].drains = True
        for _ in range(5):
            client.deposit(_wallet_of(nodes[0], nodes), 5)
        assert (len(nodes[0].requests), len(nodes[1].requests)) == (1, 5)


def test_calls_spill_to_the_region_that_an_overloaded_node_names() -> None:
    """At once, and although RetryInfo asks those who have nowhere to go to wait."""
    with _cluster(3, regions=("here", "there", "beyond")) as nodes, _client(nodes) as client:
        told = nodes[2]
        nodes[0].script(refuse(EXHAUSTED, "OVERLOADED", retry_ms=5_000, node=str(told.port), address=told.address, region="beyond"))
        started = time.monotonic()
        client.deposit(_wallet_of(nodes[0], nodes), 5)
        assert time.monotonic() - started < 2
        assert [len(node.requests) for node in nodes] == [1, 0, 1]


def test_a_region_that_is_down_is_left() -> None:
    """The only node of the client's region ends: calls go on in another one."""
    with _cluster(2, regions=("here", "there")) as nodes, _client(nodes) as client:
        nodes[0].stop()
        for _ in range(3):
            assert client.deposit(_wallet_of(nodes[0], nodes), 5).balance_micros == 7
        assert len(nodes[1].requests) == 3


def test_a_client_may_be_told_to_keep_to_its_addresses() -> None:
    """With `discover=False`, or one address, no list is asked for."""
    with _cluster(2) as nodes:
        for addresses, discover in (([node.address for node in nodes], False), ([nodes[0].address], None)):
            with Client(addresses, policy=QUICK, discover=discover) as client:
                for node in nodes:
                    client.deposit(_wallet_of(node, nodes), 5)
                assert _addresses(client) == []
        assert nodes[1].requests == []


def _echo(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[rounds.PlayStreamResponse]:
    for request in requests:
        play = rounds.PlayStreamRequest.FromString(request).play
        if context.is_active():
            yield rounds.PlayStreamResponse(result=rounds.PlayResult(round=rounds.Round(name=play.round_id)))


def test_a_play_stream_goes_on_at_another_node() -> None:
    """Its node ends in the middle: what was not answered is sent again, in order, under the same ids."""
    with _cluster(2, streams=(_echo,)) as nodes, _client(nodes) as client:
        session = f"{_wallet_of(nodes[0], nodes)}/sessions/s"
        plays = [play_request(session, bets.slots(1), None) for _ in range(300)]
        answers: list[str] = []
        for answer_ in client.play_stream(iter(plays), window=8):
            answers.append(answer_.get().name)
            if len(answers) == 100:
                nodes[0].stop()
        assert answers == [play.round_id for play in plays]
        assert (nodes[0].opened, nodes[1].opened) == (1, 1)


def _entries(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[wallets.WatchWalletResponse]:
    request = wallets.WatchWalletRequest.FromString(next(iter(requests)))
    first = int(request.resume_token or 0)
    yield wallets.WatchWalletResponse(resume_token=str(first))
    for revision in range(first + 1, first + 4):
        yield wallets.WatchWalletResponse(entry=wallets.Entry(revision=revision), resume_token=str(revision))
    while context.is_active():
        time.sleep(0.05)


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_watch_leaves_a_node_that_hangs(blocking: bool) -> None:  # noqa: FBT001
    """It hears nothing, but other calls find its node hung: it goes on elsewhere by its token long before its heartbeats are missed."""
    with _cluster(2, streams=(_entries,)) as nodes:
        hung, wallet = nodes[0], _wallet_of(nodes[0], nodes)
        if blocking:
            await asyncio.to_thread(_watch, nodes, hung, wallet)
            return
        async with AsyncClient([node.address for node in nodes], policy=QUICK, region="here") as client:
            await client.deposit(wallet, 5)
            await asyncio.sleep(0.3)
            watch = client.watch_wallet(wallet)
            seen = [(await anext(watch)).entry.revision for _ in range(4)]
            hung.is_frozen.set()
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(3):
                    await client.deposit(wallet, 5)
                seen += [(await anext(watch)).entry.revision for _ in range(4)]
        assert seen == [0, 1, 2, 3, 0, 4, 5, 6]


def _watch(nodes: list[ScriptedNode], hung: ScriptedNode, wallet: str) -> None:
    with _client(nodes) as client:
        watch = client.watch_wallet(wallet)
        seen = [next(watch).entry.revision for _ in range(4)]
        hung.is_frozen.set()
        started = time.monotonic()
        for _ in range(3):
            client.deposit(wallet, 5)
        seen += [next(watch).entry.revision for _ in range(4)]
        assert seen == [0, 1, 2, 3, 0, 4, 5, 6]
        assert time.monotonic() - started < PATIENCE_S


def test_a_closed_client_ends_what_it_does() -> None:
    """A call in flight fails at once instead of being tried again, and there is no way back."""
    with _cluster(1) as nodes:
        client, caught = Client(nodes[0].address, policy=QUICK), list[BaseException]()
        client.deposit("operators/o/players/p/wallets/EUR", 5)
        nodes[0].is_frozen.set()

        def play() -> None:
            with pytest.raises(Unavailable) as info:
                client.deposit("operators/o/players/p/wallets/EUR", 5)
            caught.append(info.value)

        player = threading.Thread(target=play)
        player.start()
        time.sleep(0.1)
        client.close()
        player.join(PATIENCE_S)
        assert len(caught) == 1
        with pytest.raises(ValueError, match="closed"):
            client.deposit("operators/o/players/p/wallets/EUR", 5)
