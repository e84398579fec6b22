"""The servers under measurement, each on the server's core."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.processes import Process, free_port, python

FOLDER = Path(__file__).parent


class Served(Process):
    """A server that listens at `address`."""

    def __init__(self, name: str, address: str, command: list[str], folder: Path) -> None:
        self.address = address
        self.bare = name != "croupier"
        super().__init__(name, command, folder / f"{name}.log")
        self.wait_for_port(address)


class Croupier(Served):
    """The real server with its embedded store, in `data`, as `croupier serve --demo` starts it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.data = folder / "data"
        self.metrics_address = f"127.0.0.1:{free_port()}"
        address = f"127.0.0.1:{free_port()}"
        croupier = str(Path(sys.executable).with_name("croupier"))
        listen = ["--data-dir", str(self.data), "--listen", address, "--metrics-listen", self.metrics_address]
        super().__init__("croupier", address, [croupier, "serve", "--demo", *listen, *options], folder)


class Echo(Served):
    """The bare grpc.aio server that answers every play with `answer`."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        file = folder / "answer.bin"
        file.write_bytes(answer)
        address = f"127.0.0.1:{free_port()}"
        super().__init__("echo", address, python(FOLDER / "echo_server.py", address, str(file)), folder)
