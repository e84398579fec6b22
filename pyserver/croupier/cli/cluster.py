"""`croupier cluster`: the cluster as etcd and the store have it, seen and steered without its nodes, so that it works while they are down."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from msgspec import structs

from croupier.cli.api import Access, Unanswered, access_options
from croupier.cli.cluster_archive import archive
from croupier.cli.cluster_facts import gather
from croupier.cli.cluster_region import region
from croupier.cli.cluster_text import clock_problems, overview, value_of
from croupier.cli.cluster_verify import verify
from croupier.cli.exits import FAILED, REFUSED, UNUSABLE, Failure
from croupier.cli.options import config_option, json_option, load_config
from croupier.cli.output import emit, table
from croupier.cli.who import who
from croupier.cluster.etcd.control import Control, ControlRefused, View
from croupier.cluster.etcd.errors import EtcdError
from croupier.cluster.etcd.records import Pause
from croupier.cluster.membership import Member
from croupier.config import Etcd

T = TypeVar("T")


@click.group()
def cluster() -> None:
    """The whole cluster: list it, move what it leads, pause it, prove its money. Needs a server's settings file, and none of its servers."""


@cluster.command("list")
@json_option
@access_options
def list_(access: Access, *, as_json: bool) -> None:
    """List nodes, terms, servers of the store and members of etcd in one table, and whatever is wrong, a sentence each (then exit code 1).

    The clocks of nodes, and what is wrong by their own word, are shown where a key of the operator admin is at hand.
    """
    try:
        facts = gather(access.settings)
    except ValueError as error:
        raise Failure(str(error), UNUSABLE) from error
    if facts.etcd is None and facts.store is None:
        raise Failure("the settings name neither etcd nor Cassandra; give those of a server of the cluster with --config", UNUSABLE)
    members = facts.etcd.view.members if facts.etcd and facts.etcd.view else []
    clocks = {member.node: _clock_ahead_ms(access, member) for member in members} if access.key else {}
    said = [sentence for member in members for sentence in _says(access, member)] if access.key else []
    problems = [*facts.problems, *clock_problems(clocks), *said]
    emit(value_of(access.settings, facts, clocks, problems), overview(access.settings, facts, clocks, problems), as_json=as_json)
    if problems:
        sys.exit(FAILED)


@cluster.command()
@click.argument("singleton", required=False, default="")
@json_option
@config_option
def history(config_file: Path | None, singleton: str, *, as_json: bool) -> None:
    """Show which node held which singleton since when: the last 100 terms of each, or of SINGLETON."""
    view = _steered(_etcd(config_file), lambda control: control.view())
    found = {name: terms for name, terms in view.history.items() if singleton in ("", name)}
    rows = [("SINGLETON", "FENCE", "NODE", "SINCE", "UNTIL")]
    for name, terms in sorted(found.items()):
        ends = [*(_time(term.since_ms) for term in terms[1:]), "now" if _is_held(view, name) else ""]
        rows += [(name, str(term.fence), term.node, _time(term.since_ms), end) for term, end in zip(terms, ends, strict=True)]
    emit({name: [structs.asdict(term) for term in terms] for name, terms in found.items()}, table(rows), as_json=as_json)


@cluster.command()
@click.argument("singleton")
@click.option("--to", "node", required=True, help="The node that is to hold it.")
@json_option
@config_option
def switchover(config_file: Path | None, singleton: str, node: str, *, as_json: bool) -> None:
    """Move SINGLETON to a node of your choice: its holder finishes a step and gives it up, then the other takes it over under a new fence."""
    _move(config_file, singleton, node, as_json=as_json)


@cluster.command()
@click.argument("singleton")
@json_option
@config_option
def failover(config_file: Path | None, singleton: str, *, as_json: bool) -> None:
    """Begin a new term of SINGLETON at whichever other node is next; what the old holder still writes is refused by the store."""
    _move(config_file, singleton, "", as_json=as_json)


@cluster.command()
@click.option("--reason", default="", help="For whoever meets it later.")
@json_option
@config_option
def pause(config_file: Path | None, reason: str, *, as_json: bool) -> None:
    """Let no singleton move until `resume`: who holds a term keeps it, and nobody takes over one that ends. Rounds are not concerned."""
    said = Pause(who(), reason, time.time_ns() // 1_000_000)
    _steered(_etcd(config_file), lambda control: control.pause(said))
    emit({"paused": True, **structs.asdict(said)}, "paused: no singleton moves until croupier cluster resume", as_json=as_json)


@cluster.command()
@json_option
@config_option
def resume(config_file: Path | None, *, as_json: bool) -> None:
    """Let singletons move again."""
    _steered(_etcd(config_file), lambda control: control.resume())
    emit({"paused": False}, "resumed: singletons move again", as_json=as_json)


cluster.add_command(archive)
cluster.add_command(region)
cluster.add_command(verify)


def _move(config_file: Path | None, singleton: str, node: str, *, as_json: bool) -> None:
    holder = _steered(_etcd(config_file), lambda control: control.move(singleton, who(), node))
    value = {"singleton": singleton, "node": holder.node, "fence": holder.fence}
    emit(value, f"{singleton} is held by {holder.node}, fence {holder.fence}", as_json=as_json)


def _etcd(config_file: Path | None) -> Etcd:
    settings = load_config(config_file).etcd
    if not settings.endpoints:
        raise Failure("the settings name no member of etcd; give those of a server of the cluster with --config", UNUSABLE)
    return settings


def _steered(settings: Etcd, what: Callable[[Control], Awaitable[T]]) -> T:
    """What a person wants of etcd. Raises Failure."""

    async def steer() -> T:
        control = Control(settings)
        try:
            return await what(control)
        finally:
            await control.close()

    try:
        return asyncio.run(steer())
    except ControlRefused as refused:
        raise Failure(str(refused), REFUSED) from refused
    except (EtcdError, ValueError) as error:
        raise Failure(str(error), UNUSABLE) from error


def _clock_ahead_ms(access: Access, member: Member) -> int | None:
    """How far a node's clock is ahead of this machine's; None where it does not tell."""
    try:
        with closing(access.at(member.address)) as node:
            sent_ms = time.time() * 1000
            said = node.nodes().answer_time
            middle_ms = (sent_ms + time.time() * 1000) / 2
    except (Unanswered, Failure):
        return None
    return round(said.ToMilliseconds() - middle_ms) if said.seconds else None


def _says(access: Access, member: Member) -> list[str]:
    """What is wrong by a node's own word, as far as it answers."""
    try:
        with closing(access.at(member.address)) as node:
            return [f"{member.node} says: {problem}" for problem in node.show().problems]
    except (Unanswered, Failure):
        return []


def _is_held(view: View, singleton: str) -> bool:
    queue = view.terms.get(singleton, [])
    return bool(queue and queue[0].fence)


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
