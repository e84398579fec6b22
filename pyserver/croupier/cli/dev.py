"""`croupier dev …`: a real cluster on this machine, to play on and to break."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import structs

from croupier.cli.dev_text import after_up, status_table, summary_text, tick_text
from croupier.cli.exits import FAILED, UNUSABLE, Failure
from croupier.cli.options import json_option
from croupier.cli.output import emit
from croupier.dev import engine, network, places
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places
from croupier.dev.plan import Plan
from croupier.dev.rebuild import rebuild

F = TypeVar("F", bound=Callable[..., Any])
_WATCH_S = 1.0


@click.group()
def dev() -> None:
    """A real cluster on this machine: Cassandra, etcd and engine nodes, to play on and to break."""


def _folder_option(command: F) -> F:
    """Adds --folder, and turns what the cluster cannot do into a sentence."""

    @click.option(
        "--folder", type=click.Path(path_type=Path), default=Path("data/cluster"), show_default=True, help="The cluster's data and logs."
    )
    @functools.wraps(command)
    def with_folder(folder: Path, **rest: Any) -> Any:
        try:
            return command(place=Places(folder.resolve(), places.cache()), **rest)
        except DevFailed as error:
            raise Failure(str(error), UNUSABLE) from error

    return with_folder  # type: ignore[return-value]


@dev.command()
@click.option(
    "--regions",
    default="eu:1,us:1,asia:1",
    show_default=True,
    metavar="NAME:N,…",
    help="Regions, and how many Cassandra nodes each has; 0 is none.",
)
@click.option("--etcd", type=click.IntRange(0, 9), default=3, show_default=True, help="Members of etcd.")
@click.option("--nodes", type=click.IntRange(0, 50), default=3, show_default=True, help="Engine nodes, dealt out over the regions.")
@click.option(
    "--durability",
    type=click.Choice(["local", "home", "geo"]),
    help="What survives: docs/cassandra.md.  [default: local in one region, geo over several]",
)
@click.option(
    "--driver", type=click.Choice(["acsylla", "python"]), default="acsylla", show_default=True, help="The nodes' driver for Cassandra."
)
@click.option("--isolated", is_flag=True, help="Give each machine a network namespace, so that it can be cut off; needs root.")
@click.option(
    "--network",
    "network_",
    metavar="A.B.C",
    help="First three numbers of every address.  [default: 127.0.20; isolated, one of 198.18.0.0/15]",
)
@json_option
@_folder_option
def up(place: Places, *, regions: str, etcd: int, nodes: int, isolated: bool, network_: str | None, as_json: bool, **kept: Any) -> None:
    """Start the cluster: fetch what is missing, configure, start, and wait until it serves. Again: start what is down."""
    start = time.monotonic()
    plan = Plan(
        regions=_regions(regions), etcd=etcd, nodes=nodes, isolated=isolated, network=network_ or _network(place, isolated=isolated), **kept
    )
    cluster = Cluster(place, plan, say=_say)
    cluster.up()
    _say(f"Up in {time.monotonic() - start:.0f} s")
    status_ = cluster.status()
    key = engine.demo_key(plan, place) if nodes else ""
    emit({"machines": status_, "operator_key": key}, f"{status_table(status_)}\n\n{after_up(cluster, key)}", as_json=as_json)


@dev.command()
@click.option("--watch", is_flag=True, help="Show it again each second, until Ctrl-C.")
@json_option
@_folder_option
def status(place: Places, *, watch: bool, as_json: bool) -> None:
    """Show every machine: what its process does, whether it answers its callers, how it is cut off."""
    while True:
        shown = Cluster.open(place).status()
        if watch and not as_json:
            click.clear()
        emit(shown, status_table(shown), as_json=as_json)
        if not watch:
            return
        time.sleep(_WATCH_S)


@dev.command()
@click.option("--remove", is_flag=True, help="Remove data and logs too.")
@json_option
@_folder_option
def down(place: Places, *, remove: bool, as_json: bool) -> None:
    """Stop every machine. Data and logs stay, and `up` goes on with them, unless --remove."""
    cluster = Cluster.open(place, say=_say)
    if remove:
        cluster.remove()
    else:
        cluster.down()
    emit({"folder": str(place.folder), "removed": remove}, f"Stopped; {place.folder} is {'removed' if remove else 'kept'}", as_json=as_json)


def _on_each(name: str, told: str, does: Callable[[Cluster, str], None]) -> None:
    """Adds a command that does one thing to each machine that is named, or to each of a region, one after another."""

    def one_by_one(cluster: Cluster, *machines: str) -> None:
        for machine in machines:
            does(cluster, machine)

    _on_all(name, told, one_by_one)


def _on_all(name: str, told: str, does: Callable[..., None]) -> None:
    """Adds a command that does something to all machines that are named, or to all of a region."""

    @dev.command(name, help=told)
    @click.argument("machines", nargs=-1, required=True, metavar="MACHINE|REGION…")
    @json_option
    @_folder_option
    def on_all(place: Places, *, machines: tuple[str, ...], as_json: bool) -> None:
        cluster = Cluster.open(place, say=_say)
        chosen = list(dict.fromkeys(machine.name for named in machines for machine in cluster.plan.named(named)))
        does(cluster, *chosen)
        _emit_of(cluster, chosen, as_json=as_json)

    assert on_all


_on_each("kill", "Kill machines by SIGKILL, as a power cut would.", Cluster.kill)
_on_each("stop", "Stop machines by SIGTERM: an engine node drains first.", Cluster.stop)
_on_each("pause", "Freeze machines by SIGSTOP: they keep their connections and answer nothing.", Cluster.pause)
_on_each("resume", "Let frozen machines go on.", Cluster.resume)
_on_all(
    "restart", "Start machines that are down, together; restart those that run, one after another; wait until they serve.", Cluster.restart
)
_on_each("destroy", "Kill Cassandra nodes and remove their data, as a broken disk would.", Cluster.destroy)


@dev.command()
@click.argument("machine")
@json_option
@_folder_option
def replace(place: Places, *, machine: str, as_json: bool) -> None:
    """Rebuild a Cassandra node that was destroyed, from the others, while they go on serving."""
    start = time.monotonic()
    cluster = Cluster.open(place, say=_say)
    rebuild(cluster, machine, _say)
    _say(f"{machine} is rebuilt, after {time.monotonic() - start:.0f} s")
    _emit_of(cluster, [machine], as_json=as_json)


@dev.command()
@click.argument("name", metavar="MACHINE|REGION")
@click.option("--direction", type=click.Choice(["both", "in", "out"]), default="both", show_default=True, help="Which way nothing goes.")
@click.option("--callers", is_flag=True, help="Cut it off from those who call it, too.")
@json_option
@_folder_option
def cut(place: Places, *, name: str, direction: network.Direction, callers: bool, as_json: bool) -> None:
    """Cut a machine or a region off from the others; its callers still reach it. The cluster must be --isolated."""
    cluster = Cluster.open(place)
    cluster.cut(name, direction, callers=callers)
    _emit_of(cluster, [machine.name for machine in cluster.plan.named(name)], as_json=as_json)


@dev.command()
@click.argument("name", required=False, metavar="[MACHINE|REGION]")
@json_option
@_folder_option
def heal(place: Places, *, name: str | None, as_json: bool) -> None:
    """Join again what was cut off: one machine or region, or all."""
    cluster = Cluster.open(place)
    cluster.heal(name)
    _emit_of(cluster, [machine.name for machine in (cluster.plan.named(name) if name else cluster.plan.machines())], as_json=as_json)


@dev.command(context_settings={"ignore_unknown_options": True})
@click.argument("machine")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
@json_option
@_folder_option
def nodetool(place: Places, *, machine: str, arguments: tuple[str, ...], as_json: bool) -> None:
    """Ask a Cassandra node by Cassandra's own tool, for example `status`."""
    said = Cluster.open(place, say=_say).nodetool(machine, *arguments)
    emit({"machine": machine, "said": said}, said.rstrip(), as_json=as_json)


@dev.command()
@click.option("--players", type=click.IntRange(1, 200), default=12, show_default=True, help="Each has a wallet and a session.")
@click.option("--rate", type=click.FloatRange(0.1, 2_000), default=40.0, show_default=True, help="Rounds a second, all players together.")
@click.option("--seconds", type=click.FloatRange(1), help="How long; until Ctrl-C by default.")
@json_option
@_folder_option
def load(place: Places, *, players: int, rate: float, seconds: float | None, as_json: bool) -> None:
    """Play through the Python client, and show rate, errors and gaps each second. Exit code 1: money drifted, or a round's fate is unknown."""
    cluster = Cluster.open(place)
    try:
        from croupier.dev.load import CannotPlay, Load  # noqa: PLC0415 The client is a package of its own, which a server need not have.
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is needed: install the Python client, clients/python", UNUSABLE) from error
    addresses = [f"{node.address}:{cluster.plan.ports.grpc}" for node in cluster.plan.of_kind("node")]
    playing = Load(addresses, engine.demo_key(cluster.plan, place), operator="demo", players=players, rate=rate)
    try:
        for tick in playing.run(seconds):
            _say(tick_text(tick))
    except CannotPlay as error:
        raise Failure(str(error), UNUSABLE) from error
    except KeyboardInterrupt:
        _say("Stopping: rounds that were begun are answered first")
    summary = playing.finish()
    emit(structs.asdict(summary), summary_text(summary), as_json=as_json)
    if summary.drift_micros or summary.unresolved:
        raise Failure("not every round is accounted for", FAILED)


def _network(place: Places, *, isolated: bool) -> str:
    """The one that the folder's cluster has already, or a free one."""
    if place.state.is_file():
        return Cluster.open(place).plan.network
    return network.free_network() if isolated else "127.0.20"


def _emit_of(cluster: Cluster, names: list[str], *, as_json: bool) -> None:
    """Shows the machines that something was done to."""
    shown = [machine for machine in cluster.status() if machine.name in names]
    emit(shown, status_table(shown), as_json=as_json)


def _regions(text: str) -> dict[str, int]:
    """eu:1,us:3 -> {"eu": 1, "us": 3}."""
    try:
        pairs = [(name.strip(), int(number)) for name, _, number in (part.partition(":") for part in text.split(","))]
    except ValueError as error:
        raise click.UsageError(f"--regions must be like eu:1,us:1, not {text!r}") from error
    if any(not name or number < 0 for name, number in pairs) or len(dict(pairs)) < len(pairs):
        raise click.UsageError(f"--regions must name each region once, like eu:1,us:1, not {text!r}")
    return dict(pairs)


def _say(step: str) -> None:
    click.echo(step, err=True)
