"""`croupier cluster region`: which region decides for wallets, in durability class home."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from msgspec import structs

from croupier.cli.exits import FAILED, REFUSED, UNUSABLE, Failure
from croupier.cli.options import config_option, json_option, load_config, parse_wallet
from croupier.cli.output import Progress, emit, money
from croupier.cli.who import who
from croupier.config import Config
from croupier.errors import OutcomeUnknown, Refusal, StoreUnreachable
from croupier.model import WalletKey
from croupier.stores.cassandra.losses import ExpectedLoss
from croupier.stores.cassandra.opening import CassandraStore

T = TypeVar("T")
_PAGE_WALLETS = 500
_ATTEMPTS, _PAUSE_S = 5, 1.0
_AT_ONCE = 8


@click.group()
def region() -> None:
    """Move wallets from one home region to another; give a lost region up; take it back."""


@region.command()
@click.argument("source", metavar="FROM")
@click.option("--to", "target", required=True, help="The region that is to decide for them.")
@click.option("--wallet", "wallet_name", default="", help="Only operators/{operator}/players/{player}/wallets/{currency}.")
@click.option("--accept-loss", "accepts", is_flag=True, help="Give FROM up, which is lost: all that it has not sent on is lost too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@config_option
def move(config_file: Path | None, source: str, target: str, wallet_name: str, *, accepts: bool, yes: bool, as_json: bool) -> None:
    """Make another region the home of all wallets of region FROM, while play goes on; nothing is lost. It may be cut off and run again.

    Where FROM is lost for good, --accept-loss first tells what is expected to be lost, and asks. No node of FROM may be at work then.
    """
    settings = _settings(load_config(config_file), source, target, gives_up=accepts)
    if accepts and wallet_name:
        raise click.UsageError("--accept-loss is for a whole region, not for one wallet")
    if accepts:
        loss = asyncio.run(_expected(settings, source, target))
        click.echo(_loss_text(loss, source, target), err=True)
        if not yes:
            click.confirm(f"Give region {source} up?", abort=True, err=True)
        asyncio.run(_give_up(settings, source, target))
        value = {"from": source, "to": target, "given_up": True, **structs.asdict(loss)}
        emit(value, f"region {source} is given up: its wallets go on in {target}", as_json=as_json)
        return
    moved = asyncio.run(_moved(settings, source, target, [parse_wallet(wallet_name)] if wallet_name else []))
    emit(
        {"from": source, "to": target, "given_up": False, "moved": moved},
        f"{moved:,} wallets of {source} have their home in {target} now",
        as_json=as_json,
    )


@region.command("take-back")
@click.argument("name", metavar="REGION")
@json_option
@config_option
def take_back(config_file: Path | None, name: str, *, as_json: bool) -> None:
    """Let a region that was given up take part again, once its data was made anew from the others'. Exit code 1 where it was not, with the wallets."""
    settings = load_config(config_file)
    other = next((region for region in settings.cassandra.contact_points if region != name), name)
    settings = _settings(settings, name, other, gives_up=True)
    torn = [str(wallet) for wallet in asyncio.run(_taken_back(settings, name))]
    if torn:
        why = f"region {name} is not taken back: {len(torn):,} wallets there are not as the others have them; rebuild its data first"
        emit({"region": name, "taken_back": False, "wallets": torn}, "\n".join((why, *torn[:20])), as_json=as_json)
        sys.exit(FAILED)
    emit({"region": name, "taken_back": True, "wallets": []}, f"region {name} takes part again", as_json=as_json)


def _settings(settings: Config, source: str, target: str, *, gives_up: bool) -> Config:
    """The settings of whoever acts: where a region is given up, in the other one."""
    if not settings.is_clustered or settings.cassandra.durability != "home":
        raise Failure("only in durability class home do wallets have a home region", UNUSABLE)
    known = settings.cassandra.contact_points
    for name in (source, target):
        if name not in known:
            raise Failure(f"the settings know no region {name}; there are {', '.join(known) or 'none'}", UNUSABLE)
    if source == target and not gives_up:
        raise Failure(f"{source} is the home of its wallets already", REFUSED)
    return structs.replace(settings, region=target)


@asynccontextmanager
async def _store(settings: Config) -> AsyncGenerator[CassandraStore]:
    store = CassandraStore(settings)
    await store.open()
    try:
        yield store
    except StoreUnreachable as refusal:
        raise Failure(f"{refusal.message}; where a region is lost for good, --accept-loss gives it up", UNUSABLE) from refusal
    except Refusal as refusal:
        raise Failure(refusal.message, UNUSABLE) from refusal
    finally:
        store.close()


async def _expected(settings: Config, source: str, target: str) -> ExpectedLoss:
    async with _store(settings) as store:
        return await _insisted(lambda: store.expected_loss(source, target))


async def _give_up(settings: Config, source: str, target: str) -> None:
    async with _store(settings) as store:
        await _insisted(lambda: store.give_up(source, target, who()))


async def _taken_back(settings: Config, name: str) -> list[WalletKey]:
    async with _store(settings) as store:
        return await _insisted(lambda: store.take_back(name, who()))


async def _insisted(what: Callable[[], Awaitable[T]]) -> T:
    """Does what may be done again, some times: where a region was just lost, the others time out for a moment."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await what()
        except (StoreUnreachable, OutcomeUnknown):
            await asyncio.sleep(_PAUSE_S)
    return await what()


async def _moved(settings: Config, source: str, target: str, named: Sequence[WalletKey]) -> int:
    """How many wallets were moved: of those named, or of all."""
    async with _store(settings) as store:
        if named:
            return sum([await _move_one(store, wallet, source, target) for wallet in named])
        moved = 0
        with Progress("wallets", sum(one.wallets for one in await store.sums(""))) as progress:
            after: WalletKey | None = None
            while keys := await store.wallets(after, _PAGE_WALLETS):
                for start in range(0, len(keys), _AT_ONCE):
                    part = keys[start : start + _AT_ONCE]
                    moved += sum(await asyncio.gather(*(_move_one(store, key, source, target) for key in part)))
                    progress.add(len(part))
                after = keys[-1]
        return moved


async def _move_one(store: CassandraStore, wallet: WalletKey, source: str, target: str) -> bool:
    return (await store.home_of(wallet)).partition(":")[0] == source and await store.move_home(wallet, target)


def _loss_text(loss: ExpectedLoss, source: str, target: str) -> str:
    balances = ", ".join(money(micros, currency) for currency, micros in sorted(loss.balance_micros.items())) or "nothing"
    held = f"{target} has {loss.wallets:,} wallets of {source}, which hold {balances}"
    if not loss.last_ms:
        return f"{held}; whatever else {source} has acknowledged is lost"
    then = datetime.fromtimestamp(loss.last_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    ago_s = time.time() - loss.last_ms / 1_000
    return f"{held}; the newest change that has arrived is of {then}, {ago_s:,.1f} s ago: all that {source} has acknowledged since then is lost"
