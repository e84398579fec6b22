"""Both drivers, under replies that are forged, swallowed and cut: no conditional batch is ever sent twice, and no error is taken for "not sent" that is not."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cassandra.policies import RetryPolicy

from croupier.stores.cassandra.driver import GLOBAL, Consistency, DriverError, Endpoint, Misuse, NotSent, Unknown
from croupier.stores.cassandra.python_driver import PythonDriver
from tests.cluster import purse
from tests.cluster.cql_frames import Message, unprepared
from tests.cluster.cql_proxy import Answer, Fault
from tests.cluster.driver_faults import CASES, Case
from tests.cluster.machines import Ring
from tests.cluster.purse import TIMEOUT_S, Place, Purse, behind_proxy, both_drivers, connected, end, run

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def place(cassandra: Ring) -> Iterator[Place]:
    yield from purse.place_on(cassandra, "driver_contract")


@both_drivers()
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.name)
def test_a_conditional_batch_is_sent_once_and_its_error_is_classified(make: Callable[..., Any], case: Case, place: Place) -> None:
    """Each fault: one request left the driver, and only what surely did not happen is called not sent."""

    async def scenario() -> None:
        assert await breaches(make, place, case) == []

    run(scenario())


def test_control_a_driver_that_retries_by_itself_is_caught(place: Place) -> None:
    """cassandra-driver with its default policy sends batches again and takes executed ones for not sent: the suite must say so."""

    async def scenario() -> None:
        caught = {case.fault.name: await breaches(PythonDriver, place, case, retry_policy=RetryPolicy()) for case in CASES}
        assert any("sent 2 times" in " ".join(found) for found in caught.values()), caught
        assert any("taken for not sent, but applied" in found for found in caught.values()), caught

    run(scenario())


@both_drivers()
def test_a_refused_batch_tells_the_values_that_stand(make: Callable[..., Any], place: Place) -> None:
    """A lost race and an id that is not new come back with the current revision; the existing row comes whole."""

    async def scenario() -> None:
        own = Purse()
        async with connected(make, place.endpoint, place) as driver:
            await own.open(driver)
            assert (await own.move(driver, "first")).applied
            own.revision = 0
            lost = await own.move(driver, "second")
            assert (lost.applied, lost.row["revision"], lost.row["id"]) == (False, 1, None)
            own.revision = 1
            known = await own.move(driver, "first")
            assert (known.applied, known.row["revision"], known.row["id"], known.row["body"]) == (False, 1, "first", b"\x00bytes\xff")
            nowhere = await Purse().move(driver, "first")
            assert (nowhere.applied, nowhere.row) == (False, {})

    run(scenario())


@both_drivers()
def test_a_statement_that_the_server_forgot_is_prepared_again_and_executed_once(make: Callable[..., Any], place: Place) -> None:
    """After a restart the server may not know a prepared statement: the driver prepares it and sends the batch again, of which one was executed."""

    def forget(message: Message) -> bytes:
        length = struct.unpack_from(">H", message.body, 4)[0]
        return unprepared(message.body[6 : 6 + length])

    async def scenario() -> None:
        own = Purse()
        async with behind_proxy(place) as (proxy, endpoint), connected(make, endpoint, place) as driver:
            await own.open(driver)
            proxy.tamper(Fault("forgotten", False, Answer.FORGED, forget, times=1))
            assert (await own.move(driver, "first")).applied
            assert (proxy.seen, proxy.executed) == (2, 1)

    run(scenario())


@both_drivers()
def test_a_cancelled_batch_is_executed_all_the_same(make: Callable[..., Any], place: Place) -> None:
    """Cancelling does not take a request back, so whoever is cancelled knows nothing; the driver serves on, and can be closed."""

    async def scenario() -> None:
        own = Purse()
        async with connected(make, place.endpoint, place) as driver:
            await own.open(driver)
            moving = asyncio.create_task(own.move(driver, "first"))
            await asyncio.sleep(0.0005)
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
            await asyncio.sleep(0.3)
            assert set(await own.rows(driver)) <= {"", "first"}

    run(scenario())


@both_drivers()
def test_an_event_loop_may_end_while_calls_are_under_way(make: Callable[..., Any], place: Place) -> None:
    """Connecting to a node that says nothing, and asking one that fell silent: the loop ends, tasks are cancelled, and the process neither hangs nor dies."""

    async def scenario() -> None:
        async with behind_proxy(place) as (proxy, endpoint):
            driver, late = make(endpoint, place.settings()), make(endpoint, place.settings())
            await driver.connect()
            proxy.freeze()
            tasks = [
                asyncio.create_task(late.connect()),
                *(asyncio.create_task(driver.run("SELECT key FROM system.local", 5.0)) for _ in range(8)),
            ]
            await asyncio.sleep(0.05)
            for task in tasks[:4]:
                task.cancel()
            await end(driver)
            await end(late)

    for _ in range(3):
        run(scenario())


@both_drivers()
def test_what_the_server_does_not_understand_is_misuse(make: Callable[..., Any], place: Place) -> None:
    """Wrong statements, values and levels change nothing, and are told apart from faults."""

    async def scenario() -> None:
        async with connected(make, place.endpoint, place) as driver:
            with pytest.raises(Misuse):
                await driver.prepare("SELECT nothing FROM nowhere")
            with pytest.raises(Misuse):
                await driver.run("SELEKT 1", TIMEOUT_S)
            read = await driver.prepare(purse.READ)
            with pytest.raises(Misuse):
                await driver.query(read, (7, 8), Consistency.SERIAL, TIMEOUT_S)
            with pytest.raises(Misuse):
                await driver.conditional([(await driver.prepare(purse.MOVE), ("one", "name", 0))], GLOBAL, TIMEOUT_S)
            plain = await driver.prepare("INSERT INTO purse (name, id) VALUES (?, '1')")
            with pytest.raises(Unknown, match="conditions"):
                await driver.conditional([(plain, ("unconditional",))], GLOBAL, TIMEOUT_S)

    run(scenario())


@both_drivers()
def test_a_connection_that_was_lost_is_made_again(make: Callable[..., Any], place: Place) -> None:
    """While nobody listens calls end at once as not sent; within a second of the node's return they succeed, with the statements prepared before."""

    async def scenario() -> None:
        own = Purse()
        loop = asyncio.get_running_loop()
        async with behind_proxy(place) as (proxy, endpoint), connected(make, endpoint, place) as driver:
            await own.open(driver)
            proxy.refusing = True
            proxy.cut()
            await asyncio.sleep(0.2)
            began = loop.time()
            with pytest.raises(NotSent):
                await own.move(driver, "first")
            assert loop.time() - began < 0.2
            proxy.refusing = False
            began = loop.time()
            while not await purse.applied(own, driver):
                assert loop.time() - began < 2.0
                await asyncio.sleep(0.02)

    run(scenario())


@both_drivers()
def test_many_rows_come_in_pages(make: Callable[..., Any], place: Place) -> None:
    """A partition of more rows than a page comes whole, at the serial level too."""

    async def scenario() -> None:
        own = Purse()
        async with connected(make, place.endpoint, place) as driver:
            insert = await driver.prepare("INSERT INTO purse (name, id, body) VALUES (?, ?, ?)")
            for begin in range(0, 4_500, 500):
                writes = (driver.query(insert, (own.name, f"{id_:06}", b"x"), Consistency.QUORUM, 5.0) for id_ in range(begin, begin + 500))
                await asyncio.gather(*writes)
            assert sorted(await own.rows(driver)) == [f"{id_:06}" for id_ in range(4_500)]

    run(scenario())


@both_drivers()
def test_who_cannot_be_reached_or_has_no_such_keyspace_is_told(make: Callable[..., Any], place: Place) -> None:
    """No node at the address: not sent; a keyspace that is not there: misuse, with its name."""

    async def scenario() -> None:
        nobody = make(Endpoint(place.endpoint.region, "127.0.23.1", 1), place.settings())
        with pytest.raises(NotSent, match=r"127\.0\.23\.1:1"):
            await nobody.connect()
        with pytest.raises(Misuse, match="missing_keyspace"):
            await make(place.endpoint, place.settings(keyspace="missing_keyspace")).connect()

    run(scenario())


async def breaches(make: Callable[..., Any], place: Place, case: Case, **options: Any) -> list[str]:
    """What a driver does against the contract under one fault; nothing where it keeps it."""
    own, fault, found = Purse(), case.fault, list[str]()
    async with behind_proxy(place) as (proxy, endpoint), connected(make, endpoint, place, **options) as driver:
        await own.open(driver)
        for cql in (purse.MOVE, purse.NOTE):
            await driver.prepare(cql)
        proxy.tamper(fault)
        error: Exception | None = None
        try:
            await asyncio.wait_for(own.move(driver, "first"), 5 * TIMEOUT_S)
        except Exception as raised:
            error = raised
        seen, executed = proxy.seen, proxy.executed
        proxy.tamper(None)
    if not isinstance(error, case.expected) or (isinstance(error, DriverError) and case.silent not in (None, error.silent)):
        found.append(f"{case.expected.__name__} expected, raised {error!r}")
    if seen != 1:
        found.append(f"sent {seen} times")
    async with connected(PythonDriver, place.endpoint, place) as direct:
        await asyncio.sleep(0.05)
        rows = await own.rows(direct)
    if fault.reaches_server and rows.get("first", (0, None))[0] != 1:
        found.append(f"executed {executed} times, and the rows are {rows}")
    if isinstance(error, NotSent) and "first" in rows:
        found.append("taken for not sent, but applied")
    return found
