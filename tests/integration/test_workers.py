"""`--workers`: doors in processes of their own share the port, forward to the owner, and begin and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode

from croupier.cli import exits
from tests.integration.calling import EUR, Caller, dice, new_wallet, refused
from tests.integration.certificates import Authority, written
from tests.integration.serving import Spawned, eventually

WORKERS = 3
ESTABLISHED = "01"
"""As in the column `st` of /proc/net/tcp."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Spawned]:
    with Spawned(tmp_path, "--workers", str(WORKERS)) as server:
        yield server


def doors(server: Spawned) -> set[int]:
    """The processes besides the owner, by id."""
    owner = server.process.pid
    return {int(pid) for pid in Path(f"/proc/{owner}/task/{owner}/children").read_text().split()}


def alone(server: Spawned) -> Caller:
    """A caller with a connection of its own, which gRPC otherwise shares between channels."""
    caller = server.caller()
    caller.channel = grpc.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
    return caller


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def connections(pid: int, address: str) -> int:
    """Callers' connections that a process holds."""
    port = int(address.rpartition(":")[2])
    sockets = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED and f"socket:[{row[9]}]" in sockets for row in rows)


def test_every_process_takes_connections_and_the_owner_answers(node: Spawned) -> None:
    """Calls over many connections reach one owner: each wallet's rounds are numbered without a gap, hot, forwarded and streamed calls alike."""
    first, wallet = node.caller(), new_wallet()
    first.deposit(wallet, 100 * EUR)
    session = first.open(wallet).session.name
    callers = [alone(node) for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(lambda caller: caller.play(session, dice(100_000)).number, callers))
    assert numbers == list(range(1, len(callers) + 1))
    assert {caller.head(wallet).revision for caller in callers} == {2 + len(callers)}
    processes = [node.process.pid, *doors(node)]
    assert len(processes) == WORKERS
    assert all(connections(process, node.address) for process in processes)


def test_a_door_that_dies_is_replaced(node: Spawned) -> None:
    """Its callers come back over another connection; the owner and the other doors go on."""
    before = doors(node)
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(doors(node)) == WORKERS - 1 and doors(node) != before)
    wallet = new_wallet()
    node.caller().deposit(wallet)
    eventually(lambda: all(_is_served(alone(node), wallet) for _ in range(8)))


def test_a_drain_ends_the_doors_first(node: Spawned) -> None:
    """SIGTERM: streams over every door end without an error, all processes end, exit code 0."""
    wallet, callers = new_wallet(), [alone(node) for _ in range(12)]
    running = doors(node)
    watches = [caller.watch(wallet, "0") for caller in callers if caller.deposit(wallet)]
    assert all(watch.entries(1) for watch in watches)
    node.terminate()
    assert node.exit_code() == exits.OK
    for watch in watches:
        watch.rest()
    assert not any(map(runs, running))


def test_no_door_outlives_its_owner(node: Spawned) -> None:
    """A killed owner takes its doors along, and the port is free for the next one."""
    running = doors(node)
    node.process.kill()
    node.process.wait(10)
    eventually(lambda: not any(map(runs, running)))
    with Spawned(node.data_dir, "--workers", str(WORKERS), "--listen", node.address, keys=node.keys) as again:
        assert refused(again.caller().head, new_wallet())[0] is StatusCode.NOT_FOUND


def test_two_nodes_do_not_share_a_port(node: Spawned, tmp_path: Path) -> None:
    """Processes of one node do, so another node must look before it listens."""
    flags = ["--workers", "2", "--listen", node.address, "--metrics-listen", "", "--data-dir", str(tmp_path / "other")]
    second = subprocess.run([sys.executable, "-m", "croupier", "serve", *flags], capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == exits.UNUSABLE
    assert "the port is taken" in second.stderr


def test_doors_check_certificates(tmp_path: Path) -> None:
    """TLS ends at the door that took the connection; the name in the caller's certificate is known to the owner, hot and forwarded."""
    house, clients = Authority("house"), Authority("clients")
    key, certificate = written(tmp_path, "server", *house.issue("node-1"))
    (tmp_path / "clients.pem").write_bytes(clients.certificate)
    flags = ("--tls-certificate", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(tmp_path / "clients.pem"))
    with Spawned(tmp_path / "data", "--workers", str(WORKERS), *flags) as server:
        wallet = new_wallet()
        callers = [Caller(server.address, "", grpc.ssl_channel_credentials(house.certificate, *clients.issue("acme"))) for _ in range(8)]
        for acme in callers:
            acme.deposit(wallet)
            assert acme.call("CatalogService.ListGames").games
        assert callers[0].head(wallet).revision == 8
        stranger = Caller(server.address, "", grpc.ssl_channel_credentials(house.certificate, *house.issue("acme")))
        with pytest.raises(grpc.RpcError):
            stranger.call("CatalogService.ListGames", timeout=5)


def test_processes_are_pinned(tmp_path: Path) -> None:
    """With --pin each process has one CPU, the owner the first."""
    cpus = sorted(os.sched_getaffinity(0))
    with Spawned(tmp_path, "--workers", "2", "--pin") as server:
        (door,) = doors(server)
        threads = [int(thread.name) for thread in Path(f"/proc/{server.process.pid}/task").iterdir()]
        assert {cpu for thread in threads for cpu in os.sched_getaffinity(thread)} == {cpus[0]}
        assert os.sched_getaffinity(door) == {(cpus[1:] or cpus)[0]}


def _is_served(caller: Caller, wallet: str) -> bool:
    try:
        return bool(caller.head(wallet).revision)
    except grpc.RpcError:
        return False
