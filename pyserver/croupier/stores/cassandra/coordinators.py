"""Every coordinator of the store, as one driver: which of them takes a request, and who takes the next one when it hangs, dies or lost its quorum.

There is one session per coordinator, so that no driver can choose another one by itself. Where one is silent while requests wait for it, and another one could
be used, it is asked a short question. So one that hangs costs each caller about a second, a lone one a time-out, one that dies its requests in flight; then the
next one is asked, those of the own region first. Reads go on by themselves. A conditional write goes on only where it was surely not sent: whoever gets Unknown
sends the same ids again, and names the coordinator to avoid.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from msgspec import Struct

from croupier.config import Cassandra
from croupier.stores.cassandra import survey
from croupier.stores.cassandra.checks import Look, ahead_ms
from croupier.stores.cassandra.driver import (
    Applied,
    Consistency,
    Driver,
    DriverError,
    Endpoint,
    Levels,
    Misuse,
    NotSent,
    Prepared,
    Row,
    Unknown,
    Value,
)
from croupier.stores.cassandra.health import SUSPECT_S, Health

T = TypeVar("T")
Ask = Callable[[Driver], Awaitable[T]]
"""One request to one coordinator."""
IN_FLIGHT_MAX = 256
"""Requests that one coordinator is given at once; Cassandra works at 128 by default, so more would only wait there."""
WAITING_MAX = 4_096
"""Requests that wait for their turn at one coordinator before further ones are refused."""
RETRY_S = 0.3
"""Between attempts to connect, and between probes of an ejected coordinator."""
PROBES_MAX = 20
"""Failed probes in a row after which it is connected to anew, for its name may have another address now."""
REFUSED_S = 10.0
"""Between attempts where the coordinator refuses to be used, which a person must mend."""
PROBE_TIMEOUT_S = 1.0
_WATCH_S = SUSPECT_S / 4
"""Between two looks at one that requests wait for."""
_PROBE = "SELECT key FROM system.local"
_REGION = "SELECT data_center FROM system.local"
_CLOCK = "SELECT toUnixTimestamp(now()) FROM system.local"
_LOCAL = (Consistency.LOCAL_ONE, Consistency.LOCAL_QUORUM, Consistency.LOCAL_SERIAL)
_log = logging.getLogger(__name__)


class MakeDriver(Protocol):
    """How the driver of one coordinator is made."""

    def __call__(self, endpoint: Endpoint, settings: Cassandra, *, keyspace: str | None = None) -> Driver:
        """`keyspace` instead of the settings' own; empty for statements that name theirs."""
        ...


class Condition(Struct, frozen=True):
    """A coordinator as people and metrics see it."""

    region: str
    name: str
    connected: bool
    ejected: bool
    in_flight: int
    time_outs: int
    ejections: int


def open_coordinators(settings: Cassandra, region: str, *, keyspace: str | None = None) -> Coordinators:
    """The coordinators that the settings name, by the driver that they name; `region` is the node's own. Raises Misuse, in a sentence."""
    endpoints = [endpoint(name, point) for name, points in settings.contact_points.items() for point in points]
    if not endpoints:
        raise Misuse("no node of Cassandra is named; set cassandra.contact_points")
    if settings.durability != "geo" and region not in settings.contact_points:
        raise Misuse(f"cassandra.contact_points names no node of region {region}, which durability {settings.durability} plays in")
    make = driver_class(settings)
    coordinators = [_Coordinator(at, make(at, settings, keyspace=keyspace)) for at in endpoints]
    return Coordinators(region, coordinators, is_local=settings.durability != "geo")


def driver_class(settings: Cassandra) -> MakeDriver:
    """The driver that the settings name; the other one's library is not loaded."""
    if settings.driver == "acsylla":
        from croupier.stores.cassandra.acsylla_driver import AcsyllaDriver  # noqa: PLC0415

        return AcsyllaDriver
    from croupier.stores.cassandra.python_driver import PythonDriver  # noqa: PLC0415

    return PythonDriver


class Coordinators:
    """See the module, and Driver."""

    def __init__(self, region: str, coordinators: Sequence[_Coordinator], *, is_local: bool = False) -> None:
        """`is_local`: no region's coordinator may stand in for another's."""
        for one in coordinators:
            one.stand_ins = [other for other in coordinators if other is not one and (not is_local or other.region == one.region)]
        self.name = region
        self._own = [one for one in coordinators if one.region == region]
        self._others = [one for one in coordinators if one.region != region]
        self._turn = 0

    @property
    def conditions(self) -> list[Condition]:
        """Every coordinator's, those of the own region first."""
        return [one.condition for one in (*self._own, *self._others)]

    async def looks(self) -> list[Look]:
        """What each coordinator tells that answers now."""
        told = await asyncio.gather(*(one.look() for one in (*self._own, *self._others)))
        return [look for look in told if look is not None]

    async def connect(self) -> None:
        """Returns when one answers and every one has been tried; the others are tried again in the background. Raises NotSent, Misuse."""
        everyone = (*self._own, *self._others)
        outcomes = await asyncio.gather(*(one.connect() for one in everyone), return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        refused = next((error for error in errors if not isinstance(error, NotSent)), None)
        if refused is not None or len(errors) == len(everyone):
            self.close()
            raise refused or NotSent("; ".join(map(str, errors)))

    async def prepare(self, cql: str) -> Prepared:
        """See Driver.prepare; the coordinators that were not asked prepare it when they first need it."""
        return await self._first(self._candidates(is_local=False), lambda driver: driver.prepare(cql))

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        """See Driver.query. Goes on with another coordinator where one does not answer: what a query may change may change twice."""
        candidates = self._candidates(is_local=consistency in _LOCAL)
        return await self._first(candidates, lambda driver: driver.query(statement, values, consistency, timeout_s), unknown_too=True)

    async def conditional(
        self, statements: Sequence[tuple[Prepared, Sequence[Value]]], levels: Levels, timeout_s: float, *, avoid: str = ""
    ) -> Applied:
        """See Driver.conditional. The statement goes to a second coordinator only where the first surely did not take it."""
        candidates = self._candidates(is_local=levels.is_local, avoid=avoid)
        return await self._first(candidates, lambda driver: driver.conditional(statements, levels, timeout_s))

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        """See Driver.run."""
        # Always the same one, as long as it answers: after a change of the schema the others learn it a little later.
        candidates = (one for one in (*self._own, *self._others) if one.health.usable)
        return await self._first(candidates, lambda driver: driver.run(cql, timeout_s))

    def abandon(self) -> None:
        """See Driver.abandon."""
        for one in (*self._own, *self._others):
            one.driver.abandon()

    def close(self) -> None:
        """See Driver.close."""
        for one in (*self._own, *self._others):
            one.close()

    def _candidates(self, *, is_local: bool, avoid: str = "") -> Iterator[_Coordinator]:
        """Whom to ask, in order; each is judged when its turn comes. Local means the own region's replicas, whom another's coordinator would not ask."""
        self._turn += 1
        at = self._turn % len(self._own) if self._own else 0
        order = [*self._own[at:], *self._own[:at], *([] if is_local else self._others)]
        if avoid:
            order.sort(key=lambda one: one.driver.name == avoid)
        now = time.monotonic()
        order.sort(key=lambda one: one.health.suspected(now))
        return (one for one in order if one.health.usable)

    async def _first(self, candidates: Iterator[_Coordinator], ask: Ask[T], *, unknown_too: bool = False) -> T:
        """The first answer. Goes on where nothing was sent, and once where nobody answered, if that is harmless."""
        errors: list[str] = []
        for one in candidates:
            try:
                return await one.ask(ask)
            except NotSent as error:
                errors.append(str(error))
            except Unknown as error:
                if not unknown_too:
                    raise
                unknown_too = False
                errors.append(str(error))
        raise NotSent("; ".join(errors) or f"no coordinator can be reached from {self.name}")


class _Coordinator:
    """A driver, its health, and the task that connects or probes it."""

    def __init__(self, endpoint: Endpoint, driver: Driver) -> None:
        self.region = endpoint.region
        self.driver = driver
        self.health = Health()
        self._mending: asyncio.Task[None] | None = None
        self._doubting: asyncio.Task[None] | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._room_to_doubt = asyncio.Semaphore(1)
        self._waiting = 0
        self.stand_ins: Sequence[_Coordinator] = ()
        """Those that may be asked in its place, whatever the request."""

    @property
    def condition(self) -> Condition:
        health = self.health
        return Condition(
            self.region, self.driver.name, health.connected, health.ejected, health.in_flight, health.time_outs, health.ejections
        )

    async def look(self) -> Look | None:
        """What its clock says, and how large its Paxos state is; None where it does not answer."""
        before_ms = time.time() * 1000
        try:
            ((then_ms,),) = await self.ask(lambda driver: driver.run(_CLOCK, PROBE_TIMEOUT_S))
            after_ms = time.time() * 1000
            paxos_mib = await self.ask(lambda driver: survey.paxos_mib(driver, PROBE_TIMEOUT_S))
        except DriverError:
            return None
        return Look(self.driver.name, ahead_ms(before_ms, then_ms, after_ms), paxos_mib)

    async def ask(self, ask: Ask[T], room: asyncio.Semaphore | None = None) -> T:
        """One request, in its turn. Raises what the driver raises."""
        room = room or self._room
        if self._waiting >= WAITING_MAX:
            raise NotSent(f"{WAITING_MAX} requests wait for it", self.driver.name)
        self._waiting += 1
        try:
            await room.acquire()
        finally:
            self._waiting -= 1
        health = self.health
        try:
            if not health.usable:
                raise NotSent("ejected while the request waited for its turn", self.driver.name)
            sent_at = time.monotonic()
            health.sent(sent_at)
            if self._watching is None:
                self._watching = asyncio.get_running_loop().call_later(_WATCH_S, self._watch)
            try:
                answer = await ask(self.driver)
            except DriverError as error:
                if not error.silent:
                    health.answered(time.monotonic())
                elif health.silent(sent_at):
                    self._eject()
                raise
            except BaseException:
                health.abandoned()
                raise
            health.answered(time.monotonic())
            return answer
        finally:
            room.release()

    def _watch(self) -> None:
        """As long as requests wait for it. Where it is suspected, and another one is not, a short question decides before they run into their time limits."""
        self._watching = None
        if not self.health.in_flight:
            return
        loop, now = asyncio.get_running_loop(), time.monotonic()
        self._watching = loop.call_later(_WATCH_S, self._watch)
        if not self.health.usable or not self.health.suspected(now) or (self._doubting is not None and not self._doubting.done()):
            return
        if any(one.health.usable and not one.health.suspected(now) for one in self.stand_ins):
            self._doubting = loop.create_task(self._question())

    async def _question(self) -> None:
        with suppress(DriverError):
            await self.ask(lambda driver: driver.run(_PROBE, SUSPECT_S), self._room_to_doubt)

    async def connect(self) -> None:
        """Connects, or goes on trying in the background. Raises NotSent, Misuse."""
        try:
            await self._connect()
        except (NotSent, Unknown) as error:
            self._mend()
            raise NotSent(str(error)) from error

    async def _connect(self) -> None:
        await self.driver.connect()
        rows = await self.driver.run(_REGION, PROBE_TIMEOUT_S)
        if rows != [(self.region,)]:
            self.driver.close()
            counted = ", ".join(str(row[0]) for row in rows)
            raise Misuse(
                f"it is in data centre {counted} as Cassandra counts, and in region {self.region} by cassandra.contact_points",
                self.driver.name,
            )
        self.health.connected = True

    def close(self) -> None:
        self.health.connected = False
        for ending in (self._mending, self._doubting, self._watching):
            if ending is not None:
                ending.cancel()
        self.driver.close()

    def _eject(self) -> None:
        _log.warning("coordinator ejected: it does not answer", extra={"coordinator": self.driver.name, "region": self.region})
        self.driver.abandon()
        self._mend()

    def _mend(self) -> None:
        if self._mending is None or self._mending.done():
            self._mending = asyncio.get_running_loop().create_task(self._until_it_answers())

    async def _until_it_answers(self) -> None:
        """One attempt at a time, until it is connected and answers."""
        health, failed = self.health, 0
        while not health.usable:
            await asyncio.sleep(RETRY_S)
            try:
                if health.connected and failed < PROBES_MAX:
                    await self.driver.run(_PROBE, PROBE_TIMEOUT_S)
                else:
                    # There is nothing to probe until it is connected.
                    failed, health.connected = 0, False
                    await self._connect()
                health.back(time.monotonic())
            except (NotSent, Unknown):
                failed += 1
            except Misuse as error:
                _log.error("coordinator refuses: %s", error, extra={"coordinator": self.driver.name, "region": self.region})
                await asyncio.sleep(REFUSED_S)
        _log.info("coordinator answers", extra={"coordinator": self.driver.name, "region": self.region})


def endpoint(region: str, point: str) -> Endpoint:
    """A contact point of the settings. Raises Misuse where it is not host:port."""
    host, colon, port = point.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise Misuse(f'cassandra.contact_points: "{point}" of region {region} is not host:port')
    return Endpoint(region, host.strip("[]"), int(port))
