"""A real server to test against, on a free port with a data folder of its own: on a thread of this process, or as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from croupier import scheduling
from croupier.access import ADMIN_OPERATOR, OPERATOR_KIND, Operator, make_key, revoked
from croupier.config import Config
from croupier.model import WalletKey
from croupier.server import build, clock_ms, open_store
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import Document, Store, drive
from tests.integration.calling import Caller

TENANT, OTHER = "acme", "zenith"
PATIENCE_S = 10.0
"""How long a test waits for what must happen; every wait polls, so nothing takes that long."""
SAYS_ADDRESS = "croupier: serving gRPC on "
DOORS = ("front", "grpcio")
"""What can listen; every test of the API runs against each."""


class _Chosen:
    door = DOORS[0]


@contextmanager
def door_chosen(door: str) -> Iterator[str]:
    """Servers that are made within have this door, unless they are told another."""
    before, _Chosen.door = _Chosen.door, door
    try:
        yield door
    finally:
        _Chosen.door = before


def settings(data_dir: Path, **changes: Any) -> Config:
    """Settings for a server of a test: any free port, no metrics, no notice before a drain."""
    return msgspec.structs.replace(
        Config(listen="127.0.0.1:0", metrics_listen="", data_dir=data_dir, drain_notice_s=0, key_poll_s=0.05),
        **{"door": _Chosen.door, **changes},
    )


async def prepare(store: Store) -> dict[str, str]:
    """Makes two tenants and the admin, with a key each, and a key of the first that is revoked; the keys by name."""
    keys: dict[str, str] = {}
    now_ms = clock_ms()
    for operator in (TENANT, OTHER, ADMIN_OPERATOR):
        await store.put_document(Document(OPERATOR_KIND, operator, 1, msgspec.json.encode(Operator(operator, now_ms))))
        keys[operator], document = make_key(operator, "test", now_ms, os.urandom(40))
        await store.put_document(document)
    keys["revoked"], document = make_key(TENANT, "gone", now_ms, os.urandom(40))
    await store.put_document(document)
    await store.put_document(revoked(document, now_ms))
    return keys


class Serving:
    """A server on an event loop of its own thread: real sockets, and its parts at hand."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.keys: dict[str, str] = {}
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the server did not start"
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the server did not stop"

    def end(self) -> None:
        """Lets it begin to drain; a server that has ended already may be told again."""
        with suppress(RuntimeError):  # Its loop is closed.
            self.loop.call_soon_threadsafe(self._end.set)

    @property
    def address(self) -> str:
        """host:port."""
        return self.server.address

    def caller(self, key: str = TENANT) -> Caller:
        """Calls with the API key of that name."""
        return Caller(self.address, self.keys[key])

    def token(self, session: str, *, life_s: int = 600) -> str:
        """A player's token for a session's name; expired where `life_s` is below 0."""
        parts = session.split("/")
        wallet = WalletKey(parts[1], parts[3], parts[5])
        return self.server.access.make_token(wallet, bytes.fromhex(parts[7].replace("-", "")), clock_ms() + life_s * 1000)

    def do(self, coroutine: Any) -> Any:
        """Runs a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def metric(self, name: str, **labels: str) -> float:
        """A sample of its metrics, 0 where there is none yet."""
        return self.server.metrics.registry.get_sample_value(name, labels) or 0

    @property
    def waiting(self) -> int:
        """Calls that wait for an answer of the owner, whichever way they came."""
        return int(self.metric("croupier_queue_calls") + self.metric("croupier_hot_calls"))

    @contextmanager
    def owner_held(self) -> Iterator[None]:
        """Keeps the owner thread busy, so that calls queue up, until the block ends."""
        with self._held(self.server.owner.write):
            yield

    @contextmanager
    def reader_held(self) -> Iterator[None]:
        """Keeps the reader busy, so that reads queue up, until the block ends."""
        with self._held(self.server.owner.read):
            yield

    @contextmanager
    def _held(self, run: Callable[[Any], Coroutine[Any, Any, None]]) -> Iterator[None]:
        held, release = threading.Event(), threading.Event()

        async def hold(_: object) -> None:
            held.set()
            release.wait(PATIENCE_S)

        holding = asyncio.run_coroutine_threadsafe(run(hold), self.loop)
        assert held.wait(PATIENCE_S)
        try:
            yield
        finally:
            release.set()
            holding.result(PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            store = open_store(self.config)
            self.keys = await prepare(store)
            self.server = await build(self.config, store)
            await self.server.start()
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        await self._end.wait()
        await self.server.stop()


class Spawned:
    """A server as a process of its own, over a data folder that may have been used before."""

    def __init__(self, data_dir: Path, *flags: str, settings: str = "", keys: dict[str, str] | None = None) -> None:
        """`settings` is more TOML for its settings file; `keys` are those of the folder, where it was prepared before."""
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self.keys = keys or _prepared(data_dir)
        self.metrics_address = f"127.0.0.1:{free_port()}"
        self.log = data_dir / "log.jsonl"
        self._settings = data_dir / "croupier.toml"
        defaults = {"drain_notice_s": "0.1", "key_poll_s": "0.05", "door": f'"{_Chosen.door}"'}
        unsaid = "".join(f"{name} = {value}\n" for name, value in defaults.items() if name not in settings)
        self._more = settings
        self._settings.write_text(f'data_dir = "{data_dir}"\nlisten = "127.0.0.1:0"\n{unsaid}{settings}\n')
        self._flags = flags

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "croupier",
                    "serve",
                    "--config",
                    self._settings,
                    "--metrics-listen",
                    self.metrics_address,
                    *self._flags,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith(SAYS_ADDRESS), f"the server did not start: {said}{self.log.read_text()}"
        self.address = said.removeprefix(SAYS_ADDRESS).strip()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def caller(self, key: str = TENANT) -> Caller:
        """Calls with the API key of that name."""
        return Caller(self.address, self.keys[key])

    def terminate(self) -> None:
        """Asks it to drain."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """How it ended, once it has."""
        return self.process.wait(PATIENCE_S)

    def again(self) -> Spawned:
        """Another process over the same folder."""
        return Spawned(self.data_dir, *self._flags, settings=self._more, keys=self.keys)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def eventually(condition: Any, patience_s: float = PATIENCE_S) -> Any:
    """Polls until the condition holds; its value."""
    end = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return value


def _prepared(data_dir: Path) -> dict[str, str]:
    store = SqliteStore(data_dir / "croupier.db")
    try:
        return drive(prepare(store))
    finally:
        store.close()
