"""The servers under measurement, each on the server's core."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.processes import Process, free_port, python

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
BUILT = ROOT / "target" / "release"
FRONT: dict[str, str | int] = {"door": "front", "pin": True}
"""Settings of the server behind its front door, on a CPU of its own."""
GRPCIO: dict[str, str | int] = {"door": "grpcio"}
"""Settings of the server behind grpcio's own door."""
_ORDER_S_MAX = 10.0


class Served(Process):
    """A server that listens at `address`."""

    bare = True
    """Gives a recorded answer to every play."""

    def __init__(self, name: str, address: str, command: list[str], folder: Path) -> None:
        self.address = address
        super().__init__(name, command, folder / f"{name}.log")
        self.wait_for_port(address)


class Croupier(Served):
    """The real server, as `croupier serve --demo` starts it, with its data and logs in `folder`. `settings` go into its configuration file."""

    bare = False

    def __init__(self, folder: Path, settings: Mapping[str, str | int] = FRONT, name: str = "croupier") -> None:
        folder.mkdir(exist_ok=True)
        self.data = folder / "data"
        self.metrics_address = f"127.0.0.1:{free_port()}"
        self._samples = folder / "samples.txt"
        config = folder / "croupier.toml"
        config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
        address = f"127.0.0.1:{free_port()}"
        options = ["--config", str(config), "--data-dir", str(self.data), "--listen", address, "--metrics-listen", self.metrics_address]
        super().__init__(name, address, python(FOLDER / "launch.py", str(self._samples), "serve", "--demo", *options), folder)

    def order(self, order: str) -> dict[str, Any]:
        """Tells launch.py what to do, and waits until it is done; its answer."""
        position = self._samples.stat().st_size
        self.say(order)
        end = time.monotonic() + _ORDER_S_MAX
        while time.monotonic() < end:
            for line in self._samples.read_text()[position:].splitlines():
                if line.startswith("# {") and line.endswith("}"):
                    return json.loads(line[2:])
            time.sleep(0.01)
        raise RuntimeError(f"{self.name} did not do as told: {order}")

    def samples(self) -> str:
        """What was sampled, as faulthandler wrote it."""
        return self._samples.read_text()


class Echo(Served):
    """The bare grpc.aio server that answers every play with `answer`."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        address = f"127.0.0.1:{free_port()}"
        super().__init__("echo", address, python(FOLDER / "echo_server.py", address, _kept(folder, answer)), folder)


class Tonic(Served):
    """The bare tonic server that answers every play with `answer`, on one thread."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        address = f"127.0.0.1:{free_port()}"
        super().__init__("tonic", address, [str(BUILT / "croupier_tonic_echo"), address, _kept(folder, answer)], folder)


def _kept(folder: Path, answer: bytes) -> str:
    file = folder / "answer.bin"
    file.write_bytes(answer)
    return str(file)
