"""`croupier round`: a round as it was stored, and as it replays."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing
from typing import cast

import click

from croupier import keyfile
from croupier.cli.audit import open_vault
from croupier.cli.exits import FAILED, NOT_FOUND, UNUSABLE, Failure
from croupier.cli.options import Place, json_option, load_catalog, place_options
from croupier.cli.output import emit, money
from croupier.currencies import STEP_MICROS
from croupier.errors import Refusal
from croupier.model import Key, Round, Seed, Session, WalletKey, seed_key
from croupier.operations import replay, seeds
from croupier.services.recall import recall
from croupier.stores.sqlite import open_snapshot
from croupier.stores.store import Reads, drive

_NAME = re.compile(
    r"operators/([^/]+)/players/([^/]+)/wallets/([A-Z]{3})/rounds/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
)


@click.group("round")
def round_() -> None:
    """Rounds in a database file."""


@round_.command()
@click.argument("name")
@json_option
@place_options
def show(place: Place, name: str, *, as_json: bool) -> None:
    """Show round NAME as it was stored: bet, draws, outcome, choices, balance before and after.

    NAME is operators/{operator}/players/{player}/wallets/{currency}/rounds/{id}. What is shown is a replay of the record, not a round (G3).
    """
    wallet, id_ = _parse(name)
    with closing(open_snapshot(place.database)) as snapshot:
        found = _load(snapshot, wallet, id_)
    value = recall(wallet, found)
    emit(value, _text(wallet, found, value), as_json=as_json)


@round_.command()
@click.argument("name")
@click.option("--sealed", is_flag=True, help="If the seed is not revealed yet, open it with the key file. It is never printed.")
@json_option
@place_options
def verify(place: Place, name: str, *, sealed: bool, as_json: bool) -> None:
    """Play round NAME again from its seed and compare it with what was stored, byte for byte. Exit code 1 if they differ."""
    wallet, id_ = _parse(name)
    with closing(open_snapshot(place.database)) as snapshot:
        found = _load(snapshot, wallet, id_)
        seed = _server_seed(snapshot, place, wallet, found) if sealed else _revealed(snapshot, wallet, found)
    model = load_catalog(place.models_dir).by_hash.get(found.model)
    if model is None:
        raise Failure(f"the round's model {found.model.hex()} is not in {place.models_dir}; name its folder with --models-dir", UNUSABLE)
    replayed = replay.replay(model, seed, found, STEP_MICROS[wallet.currency])
    differs = replay.difference(found, seed, replayed)
    value = {
        "round": name,
        "matches": not differs,
        "difference": differs,
        "model": f"{model.name} {model.version}",
        "steps": 0 if isinstance(replayed, Refusal) else len(replayed),
        "number": found.number,
        "client_seed": found.client_seed,
        "server_seed_hash": found.commitment.hex(),
        "server_seed": "" if sealed else seed.hex(),
    }
    said = (
        f"differs: {differs}"
        if differs
        else f"matches: {len(found.steps)} steps of {model.name} replay byte for byte from seed {found.seed_number}"
    )
    emit(value, said, as_json=as_json)
    if differs:
        sys.exit(FAILED)


def _parse(name: str) -> tuple[WalletKey, bytes]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise click.UsageError(
            f"a round's name is operators/{{operator}}/players/{{player}}/wallets/{{currency}}/rounds/{{uuid}}, not {name[:200]!r}"
        )
    return WalletKey(*match.group(1, 2, 3)), bytes.fromhex(match.group(4).replace("-", ""))


def _load(reads: Reads, wallet: WalletKey, id_: bytes) -> Round:
    key = Key(wallet, "round", id_)
    found = drive(reads.load((key,)))[key]
    if not isinstance(found, Round):
        raise Failure(f"there is no such round in {wallet}", NOT_FOUND)
    return found


def _revealed(reads: Reads, wallet: WalletKey, round_: Round) -> bytes:
    key = seed_key(wallet, round_.session, round_.seed_number)
    seed = drive(reads.load((key,)))[key]
    if not isinstance(seed, Seed) or not seed.revealed:
        raise Failure("the round's seed is not revealed yet: rotate it, close the session, or use --sealed with the key file", UNUSABLE)
    return seed.revealed


def _server_seed(reads: Reads, place: Place, wallet: WalletKey, round_: Round) -> bytes:
    """The round's seed, opened with the key file whether it was revealed or not."""
    vault = open_vault(place)
    if vault is None:
        raise Failure(f"there is no key file {place.keys}; name it with --key-file", UNUSABLE)
    drive(keyfile.refuse_foreign(reads, vault, place.keys))
    keys = (seed_key(wallet, round_.session, round_.seed_number), Key(wallet, "session", round_.session))
    rows = drive(reads.load(keys))
    stored, session = rows[keys[0]], rows[keys[1]]
    if not isinstance(stored, Seed):
        assert isinstance(session, Session), "a round lies in a session"
        stored = session.seed
    return vault.open(stored.sealed, seeds.bound_to(wallet, round_.session))


def _text(wallet: WalletKey, round_: Round, value: dict[str, object]) -> str:
    last = round_.steps[-1]
    currency = wallet.currency
    lines = [
        f"{value['name']}  (a record, not a round)",
        f"state    {'settled' if round_.settled else 'open, waits for an action'}, step {len(round_.steps) - 1}",
        f"session  {value['session_id']}, round {round_.number}, seed {round_.seed_number}, client seed {round_.client_seed}",
        f"model    {round_.model.hex()}",
        f"time     {value['create_time']}",
        f"bet      {json.dumps(value['bet'])}",
        f"before   {money(round_.balance_before_micros, currency)}",
        f"staked   {money(last.stake_micros, currency)}",
        f"paid     {money(last.payout_micros, currency)}",
        f"after    {money(last.balance_micros, currency)}",
    ]
    steps = cast("list[dict[str, object]]", value["steps"])
    for number, step in enumerate(steps):
        choice = f" {json.dumps(step['action'])}" if step["action"] else ""
        lines.append(f"step {number}  {choice} {json.dumps(step['outcome'])}")
    return "\n".join(lines)
