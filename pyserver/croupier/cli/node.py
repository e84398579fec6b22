"""`croupier node`: the nodes of a cluster, seen and steered over their API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click

from croupier.cli.api import SERVING, STATES, Access, ClusterNode, OwnNode, Unanswered, access_options, find, id_of
from croupier.cli.cluster_facts import problems_of
from croupier.cli.exits import REFUSED, UNUSABLE, Failure
from croupier.cli.options import json_option
from croupier.cli.output import emit, table
from croupier.cli.preflight import Candidate, reasons_against

_POLL_S = 0.2


@click.group()
def node() -> None:
    """Nodes of a cluster: list them, look at one, drain one before it is stopped."""


@node.command("list")
@json_option
@access_options
def list_(access: Access, *, as_json: bool) -> None:
    """List all nodes, as the one that is asked knows them."""
    with closing(access.at(access.address)) as asked:
        answer = asked.nodes()
    found = [_value(one) for one in answer.nodes]
    value = {"nodes": found, "answered_by": answer.answered_by.partition("/")[2]}
    keys = ("node", "region", "address", "state", "load", "version", "start_time")
    rows = [("NODE", "REGION", "ADDRESS", "STATE", "LOAD", "VERSION", "STARTED"), *(tuple(str(one[key]) for key in keys) for one in found)]
    emit(value, table(rows), as_json=as_json)


@node.command()
@click.argument("name", required=False, default="")
@json_option
@access_options
def show(access: Access, name: str, *, as_json: bool) -> None:
    """Show node NAME, or the one that is asked: its state, what waits, what is wrong with it."""
    found = find(access, name)
    with closing(access.at(found.address)) as one:
        said = one.show()
    value = {
        **_value(found),
        "state": STATES.get(said.state, "unknown"),
        "reason": said.reason,
        "store": said.store,
        "queued_calls": said.queued_calls,
        "rounds": said.rounds,
        "disabled_games": [{"game": game.game, "reason": game.reason} for game in said.disabled_games],
        "problems": list(said.problems),
    }
    emit(value, _shown(value), as_json=as_json)


@node.command()
@click.option("--node", "name", default="", help="Which node.  [default: the one at --address]")
@click.option("--wait", "waits", is_flag=True, help="Return when it has ended.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=1), default=60.0, show_default=True, help="How long to wait, in seconds.")
@click.option("--force", is_flag=True, help="Drain it although something speaks against it.")
@json_option
@access_options
def drain(access: Access, name: str, timeout_s: float, *, waits: bool, force: bool, as_json: bool) -> None:
    """Take a node out of service without a failed call: it tells balancers and clients, finishes what runs, and ends.

    Refuses (exit code 5) while another node drains, no other node serves, or etcd or the store lack a quorum, as far as nodes and --config can tell.
    """
    with closing(access.at(access.address)) as asked:
        nodes = list(asked.nodes().nodes)
    leaving = find(access, name)
    reasons = _reasons(access, leaving, nodes)
    if reasons and not force:
        raise Failure(f"{id_of(leaving)} must not be drained now: {'; '.join(reasons)} (--force drains it all the same)", REFUSED)
    with closing(access.at(leaving.address)) as one:
        drained = one.drain()
    state = STATES.get(drained.state, "unknown")
    if waits:
        _wait(access, leaving.address, drained, timeout_s)
        state = "ended"
    value = {"node": id_of(leaving), "state": state, "against": reasons}
    emit(value, f"{id_of(leaving)}: {state}" + "".join(f"\n  although {reason}" for reason in reasons), as_json=as_json)


def _reasons(access: Access, leaving: ClusterNode, nodes: Sequence[ClusterNode]) -> list[str]:
    """What speaks against draining the node, by all that can be asked."""
    candidates = [Candidate(id_of(found), found.region, STATES.get(found.state, "unknown"), _problems(access, found)) for found in nodes]
    return reasons_against(id_of(leaving), candidates, problems_of(access.settings))


def _problems(access: Access, found: ClusterNode) -> tuple[str, ...]:
    if found.state != SERVING:
        return ()
    try:
        with closing(access.at(found.address)) as one:
            return tuple(one.show().problems)
    except Unanswered as failure:
        return (failure.message,)


def _wait(access: Access, address: str, drained: OwnNode, timeout_s: float) -> None:
    """Until nothing answers there any more, or a process that was started later does."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with closing(access.at(address)) as one:
                if one.show().start_time != drained.start_time:
                    return
        except Unanswered:
            return
        time.sleep(_POLL_S)
    raise Failure(f"{drained.name} is still there after {timeout_s:.0f} s; its log says what it waits for", UNUSABLE)


def _value(found: ClusterNode) -> dict[str, Any]:
    return {
        "node": id_of(found),
        "region": found.region,
        "address": found.address,
        "state": STATES.get(found.state, "unknown"),
        "load": f"{found.load_permille / 10:.0f} %",
        "load_permille": found.load_permille,
        "version": found.version,
        "start_time": datetime.fromtimestamp(found.start_time.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _shown(value: dict[str, Any]) -> str:
    keys = ("node", "region", "address", "state", "reason", "load", "version", "start_time", "store", "queued_calls", "rounds")
    lines = [f"{key.replace('_', ' '):<13}{value[key]}" for key in keys if value[key] != ""]
    lines += [f"disabled     {game['game']}: {game['reason']}" for game in value["disabled_games"]]
    lines += [f"problem      {problem}" for problem in value["problems"]]
    return "\n".join(lines)
