"""Which coordinator takes a request when one hangs or dies: callers pay one time-out at most, and writes are never sent again unasked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from croupier.stores.cassandra import coordinators
from croupier.stores.cassandra.coordinators import Coordinators
from croupier.stores.cassandra.driver import Misuse, NotSent, Unknown
from tests.cluster import purse
from tests.cluster.caller_load import Load, back
from tests.cluster.cql_frames import unavailable
from tests.cluster.cql_proxy import Answer, CqlProxy, Fault
from tests.cluster.machines import Ring
from tests.cluster.purse import Place, Purse, end, run

LOAD_TIMEOUT_S = 4.0
# cassandra-driver's scheduler may meet its own end while it is closed.
_QUIET = ("ignore::ResourceWarning", "ignore::pytest.PytestUnhandledThreadExceptionWarning")
pytestmark = [*map(pytest.mark.filterwarnings, _QUIET), pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def place(cassandra: Ring) -> Iterator[Place]:
    yield from purse.place_on(cassandra, "coordinators")


@pytest.fixture(params=["acsylla", "python"])
def driver_name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_hung_coordinator_costs_each_caller_less_than_one_time_out(place: Place, driver_name: str) -> None:
    """Frozen under load: nobody waits for the time limit or meets it twice, it is ejected, and takes part again when it is thawed."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            load = Load(whole, timeout_s=LOAD_TIMEOUT_S)
            async with load.running():
                await asyncio.sleep(1.0)
                proxies[0].freeze()
                await asyncio.sleep(2 * LOAD_TIMEOUT_S)
                assert load.unknown, "nobody met it"
                assert max(load.unknown.values()) <= 1, load.unknown
                assert load.waited.total() == 0, "somebody waited for the time limit"
                assert not load.unsent
                assert [one.ejected for one in whole.conditions] == [True, False, False]
                await asyncio.sleep(1.5 * LOAD_TIMEOUT_S)
                assert load.waited.total() == 0, "somebody still waits for the frozen one"
                proxies[0].thaw()
                await back(whole)
                before = proxies[0].seen
                await asyncio.sleep(1.0)
                assert proxies[0].seen > before, "it is back, and is not asked"
            assert max(load.unknown.values(), default=0) <= 1, load.unknown
            assert load.wrong == []

    run(scenario())


def test_a_lone_coordinator_gets_all_its_time(place: Place, driver_name: str) -> None:
    """Where nobody could be asked instead, a silence shorter than the time limit costs nothing but itself."""

    async def scenario() -> None:
        async with CqlProxy(place.endpoint.host, (place.endpoint.host, place.endpoint.port)) as proxy:
            whole = opened(place, [proxy], driver_name)
            await connect(whole)
            own = Purse()
            await own.open(whole)
            proxy.freeze()
            moving = asyncio.create_task(own.move(whole, "first", timeout_s=LOAD_TIMEOUT_S))
            await asyncio.sleep(LOAD_TIMEOUT_S / 2)
            assert not moving.done() and not whole.conditions[0].ejected
            proxy.thaw()
            assert (await moving).applied
            await end(whole)

    run(scenario())


def test_a_killed_coordinator_costs_its_requests_in_flight_only(place: Place, driver_name: str) -> None:
    """Connections cut and refused under load: the others go on within a second, nobody meets it again until it is back."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            load = Load(whole, timeout_s=LOAD_TIMEOUT_S)
            async with load.running():
                await asyncio.sleep(1.0)
                proxies[0].refusing = True
                proxies[0].cut()
                await asyncio.sleep(2.0)
                assert max(load.unknown.values(), default=0) <= 1, load.unknown
                assert load.waited.total() == 0, "somebody waits for a dead one"
                proxies[0].refusing = False
                await back(whole)
            assert not load.unsent
            assert load.wrong == []

    run(scenario())


def test_a_batch_that_was_not_sent_goes_to_the_next(place: Place, driver_name: str) -> None:
    """Too few replicas, as one coordinator sees it: another one is asked, without an error, and the batch is executed once."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            own = Purse()
            await own.open(whole)
            for proxy in proxies:
                proxy.tamper(Fault("unavailable", False, Answer.FORGED, lambda _: unavailable()))
            proxies[2].tamper(None)
            for note in range(6):
                assert (await own.move(whole, str(note))).applied
            for proxy in proxies:
                proxy.tamper(proxies[0].fault)
            with pytest.raises(NotSent, match="navailable"):
                await own.move(whole, "never")

    run(scenario())


def test_what_is_unknown_is_not_sent_again_unasked(place: Place, driver_name: str) -> None:
    """One time-out is one request; the caller names the coordinator, and the next try goes past it."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            own = Purse()
            await own.open(whole)
            for proxy in proxies:
                proxy.tamper(Fault("swallowed", True, Answer.NOTHING))
            with pytest.raises(Unknown) as raised:
                await own.move(whole, "first")
            assert sum(proxy.seen for proxy in proxies) == 1
            at = next(proxy for proxy in proxies if proxy.seen)
            assert raised.value.coordinator == f"{at.host}:{at.port}"
            for proxy in proxies:
                proxy.tamper(None)
            await back(whole)
            for _ in range(6):
                answer = await own.move(whole, "first", avoid=raised.value.coordinator)
                assert (answer.applied, answer.row["id"]) == (False, "first")
            assert at.seen == 0

    run(scenario())


def test_all_lost_is_told_at_once_and_mends_itself(place: Place, driver_name: str) -> None:
    """Without any coordinator calls end at once as not sent; when they are back calls succeed, without a restart."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            own = Purse()
            await own.open(whole)
            for proxy in proxies:
                proxy.refusing = True
                proxy.cut()
            await asyncio.sleep(0.3)
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(NotSent):
                await own.move(whole, "first")
            assert loop.time() - began < 0.3
            for proxy in proxies:
                proxy.refusing = False
            async with asyncio.timeout(3.0):
                while not await purse.applied(own, whole):  # noqa: ASYNC110 - each try is one
                    await asyncio.sleep(0.02)

    run(scenario())


def test_one_that_was_lost_for_long_is_found_as_soon_as_it_is_back(place: Place, driver_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than it is probed under its old connection: from then on each attempt connects, and the first one after its return succeeds."""
    monkeypatch.setattr(coordinators, "RETRY_S", 0.05)
    monkeypatch.setattr(coordinators, "PROBES_MAX", 70)

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            for proxy in proxies:
                proxy.refusing = True
                proxy.cut()
            own = Purse()
            while any(one.connected for one in whole.conditions):
                with pytest.raises((NotSent, Unknown)):
                    await own.move(whole, "first")
                await asyncio.sleep(0.02)
            for proxy in proxies:
                proxy.refusing = False
            await back(whole, 2.0)

    run(scenario())


def test_one_that_is_down_at_the_start_joins_later(place: Place, driver_name: str) -> None:
    """The node starts with those that answer; the others are connected to in the background."""

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            proxies = [
                await stack.enter_async_context(CqlProxy(place.endpoint.host, (place.endpoint.host, place.endpoint.port))) for _ in range(2)
            ]
            proxies[0].refusing = True
            whole = opened(place, proxies, driver_name)
            await whole.connect()
            stack.push_async_callback(end, whole)
            assert [one.connected for one in whole.conditions] == [False, True]
            await Purse().open(whole)
            proxies[0].refusing = False
            await back(whole)

    run(scenario())


def test_it_looks_at_every_coordinator(place: Place, driver_name: str) -> None:
    """Each tells its clock and how much disk its Paxos state takes; one that is gone tells nothing."""

    async def scenario() -> None:
        async with three(place, driver_name) as (whole, proxies):
            looks = await whole.looks()
            assert [(look.address, abs(look.ahead_ms) < 1_000) for look in looks] == [(one.name, True) for one in whole.conditions]
            assert len({look.paxos_mib for look in looks}) == 1 and looks[0].paxos_mib is not None and looks[0].paxos_mib >= 0
            proxies[0].refusing = True
            proxies[0].cut()
            await asyncio.sleep(0.3)
            assert len(await whole.looks()) == 2

    run(scenario())


def test_a_region_by_a_wrong_name_is_refused(place: Place, driver_name: str) -> None:
    """LOCAL_SERIAL through another data centre would be another Paxos: what the settings call a region must be Cassandra's own name for it."""

    async def scenario() -> None:
        points = {"elsewhere": (f"{place.endpoint.host}:{place.endpoint.port}",)}
        whole = coordinators.open_coordinators(place.settings(contact_points=points, driver=driver_name), "elsewhere")
        with pytest.raises(Misuse, match="elsewhere"):
            await whole.connect()
        await end(whole)

    run(scenario())


def test_settings_without_a_node_are_refused(place: Place) -> None:
    """No contact point at all, one without a port, and a class that plays in a region without one: a sentence each."""
    with pytest.raises(Misuse, match="set cassandra"):
        coordinators.open_coordinators(place.settings(), "eu")
    with pytest.raises(Misuse, match='"here" of region eu is not host:port'):
        coordinators.open_coordinators(place.settings(contact_points={"eu": ("here",)}), "eu")
    with pytest.raises(Misuse, match="no node of region us"):
        coordinators.open_coordinators(place.settings(contact_points={"eu": ("here:1",)}, durability="local"), "us")


def opened(place: Place, proxies: list[CqlProxy], driver_name: str) -> Coordinators:
    region = place.endpoint.region
    points = {region: tuple(f"{proxy.host}:{proxy.port}" for proxy in proxies)}
    return coordinators.open_coordinators(place.settings(contact_points=points, driver=driver_name), region)


@asynccontextmanager
async def three(place: Place, driver_name: str) -> AsyncIterator[tuple[Coordinators, list[CqlProxy]]]:
    """Three coordinators, each a proxy before the same node, and a driver for them."""
    node = place.endpoint
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(CqlProxy(node.host, (node.host, node.port))) for _ in range(3)]
        whole = opened(place, proxies, driver_name)
        await connect(whole)
        yield whole, proxies
        await end(whole)


async def connect(whole: Coordinators) -> None:
    """With the statements of a purse prepared."""
    await whole.connect()
    for cql in (purse.OPEN, purse.MOVE, purse.NOTE):
        await whole.prepare(cql)
