"""History by month on Cassandra: what is old and final is copied once or more often, without a gap, by whichever node holds the job."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from croupier.cli import exits
from croupier.cluster.membership import Member, Term, TermLost
from croupier.config import Config
from croupier.dev.engine import toml
from croupier.jobs.archive import SINGLETON, Archiver, Progress
from croupier.model import Entry, EntryKind, WalletKey, WalletWrite
from croupier.operations import ledger
from croupier.services.recall import recall_entry
from croupier.stores import codec
from croupier.stores.cassandra import archive, statements
from croupier.stores.cassandra.archive import Copied
from croupier.stores.cassandra.indices import Spot, bucket
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult, FencedRecord
from tests.cluster.commands import croupier
from tests.conformance.rings import Death, Killed, Node
from tests.conformance.writes import NOW_MS, write_on

pytestmark = pytest.mark.timeout(60, func_only=True)
DAY_MS = 86_400_000
MONTH = 202701
_number = iter(range(1_000_000))


@pytest.fixture
def wallet() -> WalletKey:
    """One that no other test has, of an operator of its own."""
    return WalletKey(f"archive-{next(_number)}", "ann", "EUR")


async def test_old_entries_of_closed_partitions_are_copied(node: CassandraStore, wallet: WalletKey) -> None:
    """By month, up to the limit, from where the archive reaches to; nothing of an open partition, nor anything newer; once more changes nothing."""
    first = write_on(wallet, None, count=4)
    second = write_on(wallet, first.wallet, count=3, rolls=1)
    third = write_on(wallet, second.wallet, rolls=1)
    fourth = write_on(wallet, third.wallet)
    for write in (first, second, third, fourth):
        await node.commit([write])
    assert archive.month_of(NOW_MS) == MONTH and archive.month_of(NOW_MS + 31 * DAY_MS) == 202702
    assert await node.archived_until(wallet) == 0
    assert await node.archive(wallet, NOW_MS + 7, limit=4) == Copied(4, 4, is_done=False)
    assert await node.archive(wallet, NOW_MS + 7) == Copied(2, 6, is_done=True)
    assert await node.archive(wallet, NOW_MS + 7) == Copied(0, 6, is_done=True)
    assert await node.archived(wallet, MONTH) == [*first.entries, *second.entries[:2]]
    assert await node.archive(wallet, NOW_MS + 1_000) == Copied(2, 8, is_done=True)
    assert await node.archive(wallet, NOW_MS + 1_000) == Copied(0, 8, is_done=True)
    assert await node.archived_until(wallet) == 8
    assert await node.archived(wallet, MONTH, after_revision=5, limit=9) == [*second.entries[1:], *third.entries]
    assert await node.archived(wallet, MONTH - 1) == []


async def test_clocks_that_disagree_leave_no_gap(node: CassandraStore, wallet: WalletKey) -> None:
    """Where a node's clock was ahead, older entries with later revisions wait for the one that is not old enough; each is in the month of its own time."""
    ages_days = (40, 40, 10, 40)
    await node.commit([at_times(wallet, [NOW_MS - days * DAY_MS for days in ages_days])])
    assert await node.archive(wallet, NOW_MS - 30 * DAY_MS) == Copied(2, 2, is_done=True)
    assert await node.archive(wallet, NOW_MS) == Copied(2, 4, is_done=True)
    assert [entry.revision for entry in await node.archived(wallet, 202612)] == [1, 2, 4]
    assert [entry.revision for entry in await node.archived(wallet, MONTH)] == [3]


async def test_the_job_goes_through_all_wallets_and_then_rests(node: CassandraStore) -> None:
    """A few wallets a turn, more than one turn for a long one, over operators and parts of the index; the next pass copies only what is new."""
    keys = [wallet_of("long", 1)] + [wallet_of(operator, number) for operator in ("long", "short") for number in range(2, 12)]
    written = {key: await closed(node, key, 600 if key == keys[0] else 3) for key in keys}
    job, term = archiver(node), await begun(node)
    await to_the_end(job, term)
    for key, entries in written.items():
        assert await node.archived(key, MONTH, limit=1_000) == entries
        assert await node.archived_until(key) == len(entries)
    copied = job.entries
    assert copied >= 600 + 20 * 3 and job.wallets >= 21 and job.failures == 0
    await job.step(term)
    assert (job.every_s, job.entries) == (60, copied)
    again = archiver(node, now_ms=NOW_MS + 41 * DAY_MS)
    await to_the_end(again, term)
    assert again.entries == 0 and again.wallets == job.wallets


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["a copy", "the wallet's mark", "the job's mark"])
async def test_a_holder_that_dies_is_followed(
    keyspace: Config, node: CassandraStore, wallet: WalletKey, step: str, *, is_sent: bool
) -> None:
    """Wherever the job's holder ends, the next one goes on: every entry is there, once, in order; the old holder's mark is refused."""
    entries = await closed(node, wallet, 20)
    start = FencedRecord(
        SINGLETON, "progress", msgspec.json.encode(Progress(NOW_MS + 40 * DAY_MS, Spot(wallet.operator, bucket("ann")), 0))
    )
    old = Term(SINGLETON, await node.raise_fence(SINGLETON, "old"), "old")
    await node.put_fenced(start, old.fence)
    what = statements.PUT_FENCED if step == "the job's mark" else statements.PUT_ARCHIVE
    dying = Node(keyspace, Death(what, is_sent, {"a copy": 7, "the wallet's mark": 21, "the job's mark": 1}[step]))
    await dying.open()
    with pytest.raises(Killed):
        await archiver(dying).step(old)
    assert dying.dying and dying.dying.happened
    dying.close()
    new = Term(SINGLETON, await node.raise_fence(SINGLETON, "new"), "new")
    job = archiver(node)
    await to_the_end(job, new)
    assert await node.archived(wallet, MONTH) == entries
    assert await node.archived_until(wallet) == 20
    with pytest.raises(TermLost, match="later term"):
        await archiver(node, now_ms=NOW_MS + 80 * DAY_MS).step(old)


async def test_a_wallet_that_cannot_be_read_is_passed_over(node: CassandraStore, wallet: WalletKey) -> None:
    """It is counted and named, and what comes after it is archived all the same; mended, it is archived in the next pass."""
    other = wallet._replace(player="bob")
    broken, whole = await closed(node, wallet, 3), await closed(node, other, 3)
    key = [*wallet, 1, statements.ENTRY, (2).to_bytes(8, "big")]
    ((body,),) = await node._links.world.read(
        statements.READ_ENTRIES[True], [*wallet, 1, (1).to_bytes(8, "big"), (3).to_bytes(8, "big"), 1]
    )
    await node._links.world.note(statements.PUT_ROW, [*key, b"\xc1"])
    job, term = archiver(node), await begun(node)
    await to_the_end(job, term)
    assert job.failures == 1
    assert await node.archived(wallet, MONTH) == [] and await node.archived(other, MONTH) == whole
    await node._links.world.note(statements.PUT_ROW, [*key, body])
    await to_the_end(archiver(node, now_ms=NOW_MS + 41 * DAY_MS), term)
    assert await node.archived(wallet, MONTH) == broken


async def test_play_comes_first(node: CassandraStore) -> None:
    """While any node is busy the job does nothing; between steps it rests longer than it worked."""
    await closed(node, wallet_of("busy", 1), 3)
    term = await begun(node)
    members = [Member("calm", "eu", "calm:1", "0"), Member("busy", "eu", "busy:1", "0", load_permille=900)]
    job = Archiver(node, lambda: members, lambda: NOW_MS + 40 * DAY_MS, 30)
    await job.step(term)
    assert (job.every_s, job.entries, job.wallets) == (10, 0, 0)
    assert job.behind_s == math.inf
    members[1] = structs.replace(members[1], load_permille=100)
    await job.step(term)
    assert 0.2 <= job.every_s < 10


async def test_an_operator_reads_a_month(keyspace: Config, node: CassandraStore, wallet: WalletKey, tmp_path: Path) -> None:
    """`croupier cluster archive`: page by page, in the fields of the API, with how far the archive reaches; a broken chain is told."""
    entries = await closed(node, wallet, 5)
    settings = {"keyspace": keyspace.cassandra.keyspace, "durability": "local", "contact_points": keyspace.cassandra.contact_points}
    file = tmp_path / "settings.toml"
    file.write_text(toml({"store": "cassandra", "region": keyspace.region, "cassandra": {**settings, "accept": keyspace.cassandra.accept}}))
    asked = ("cluster", "archive", "--config", file, "--wallet", wallet)
    nothing = await croupier(*asked, "--month", "2027-01")
    assert nothing.out == "nothing of that month is in the archive\nthe archive of this wallet reaches to revision 0 of 6\n"
    await node.archive(wallet, NOW_MS + DAY_MS)
    value = (await croupier(*asked, "--month", "2027-01", "--limit", 3, "--json")).value
    assert value["entries"] == [recall_entry(wallet, entry) for entry in entries[:3]]
    assert (value["after"], value["archived_until_revision"], value["wallet_revision"], value["broken_chain_at"]) == (3, 5, 6, None)
    value = (await croupier(*asked, "--month", "2027-01", "--after", 3, "--json")).value
    assert [entry["name"] for entry in value["entries"]] == [f"{wallet}/entries/{revision}" for revision in (4, 5)]
    assert value["after"] is None
    text = (await croupier(*asked, "--month", "2027-01", "--limit", 3)).out.splitlines()
    assert text[0].split()[:3] == ["REVISION", "TIME", "KIND"] and text[1].split()[:3] == ["1", "2027-01-15T08:00:00.001Z", "deposit"]
    assert text[-2:] == ["the archive of this wallet reaches to revision 5 of 6", "there are more: go on with --after 3"]
    forged = codec.encode_row(structs.replace(entries[3], balance_micros=1_000_000))
    await node._links.world.note(statements.PUT_ARCHIVE, [*wallet, MONTH, 4, forged])
    broken = await croupier(*asked, "--month", "2027-01")
    assert broken.exit_code == exits.FAILED and broken.out.endswith("FAILED: the hash chain is broken at revision 4\n")
    assert (await croupier(*asked, "--month", "2027-13")).exit_code == exits.USAGE
    nobody = await croupier("cluster", "archive", "--config", file, "--wallet", wallet._replace(player="nobody"), "--month", "2027-01")
    assert (nobody.exit_code, nobody.err) == (exits.NOT_FOUND, f"croupier: there is no wallet {wallet._replace(player='nobody')}\n")


async def begun(node: CassandraStore) -> Term:
    """A new term of the job, which starts from the beginning."""
    term = Term(SINGLETON, await node.raise_fence(SINGLETON, "a node"), "a node")
    await node.put_fenced(FencedRecord(SINGLETON, "progress", msgspec.json.encode(Progress())), term.fence)
    return term


def archiver(store: CassandraStore, now_ms: int = NOW_MS + 40 * DAY_MS) -> Archiver:
    """The job at some time, of a cluster that has nothing else to do."""
    return Archiver(store, list, lambda: now_ms, 30)


async def to_the_end(job: Archiver, term: Term) -> None:
    """Steps until a pass has ended."""
    for _ in range(1_000):
        await job.step(term)
        if job.behind_s == 0:
            return
    raise AssertionError("the pass did not end")


async def closed(store: CassandraStore, key: WalletKey, count: int) -> list[Entry]:
    """Makes a wallet with so many entries in a closed partition, and one more in an open one; those that are closed."""
    first = write_on(key, None, count=count - 1)
    second = write_on(key, first.wallet, rolls=1)
    assert await store.commit([first]) == await store.commit([second]) == [CommitResult.APPLIED]
    assert await store.commit([write_on(key, second.wallet)]) == [CommitResult.APPLIED]
    return [*first.entries, *second.entries]


def at_times(key: WalletKey, times_ms: list[int]) -> WalletWrite:
    """A wallet with an entry at each time, in a partition that its own write closes, and one in the next."""
    head, entries = ledger.new_wallet(key, NOW_MS), []
    for time_ms in times_ms:
        head, entry = ledger.append(head, EntryKind.DEPOSIT, bytes(16), time_ms, transfer_micros=5)
        entries.append(entry)
    rolled, epochs = ledger.roll_epoch(key, head, 1, NOW_MS)
    return WalletWrite(key, 0, rolled, tuple(entries), (), tuple(epochs))


def wallet_of(operator: str, number: int) -> WalletKey:
    return WalletKey(f"archives-{operator}", f"player {number}", "EUR")
