"""Each store against the simplest thing that could be one: dictionaries, compared after every commit that Hypothesis thinks of."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from croupier.model import Entry, Key, Row, Wallet, WalletKey, WalletWrite, epoch_key
from croupier.operations.command import wallet_key
from croupier.stores.store import CommitResult, Document, EntryQuery, Store
from tests.conformance.candidates import Candidate
from tests.conformance.writes import KEYS, transfer_row, write_on

T = TypeVar("T")
NUMBERS = st.lists(st.integers(1, 6), unique=True, max_size=3)


class Model:
    """What a store must hold."""

    def __init__(self) -> None:
        self.heads: dict[WalletKey, Wallet] = {}
        self.rows: dict[Key, Row] = {}
        self.entries: dict[WalletKey, list[Entry]] = {}
        self.documents: dict[str, Document] = {}

    def commit(self, write: WalletWrite) -> CommitResult:
        head = self.heads.get(write.key)
        if write.expected_revision != (head.revision if head else 0) or any(key in self.rows for key, _ in write.creates):
            return CommitResult.REFUSED
        self.heads[write.key] = write.wallet
        self.rows.update([*write.creates, *write.updates])
        self.entries.setdefault(write.key, []).extend(write.entries)
        return CommitResult.APPLIED


class StoreMachine(RuleBasedStateMachine):
    """Commits, documents and reopenings in any order."""

    candidate: Candidate

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.store: Store = self.wait(self.candidate.open(self.folder))
        self.other = self.wait(self.candidate.open(self.folder)) if self.candidate.is_on_ring else self.store
        self.reads = self.store.reads()
        self.model = Model()

    def teardown(self) -> None:
        self.store.close()
        if self.other is not self.store:
            self.other.close()
        self.runner.close()
        shutil.rmtree(self.folder)

    def wait(self, awaitable: Awaitable[T]) -> T:
        async def run() -> T:
            return await awaitable

        return self.runner.run(run())

    @rule(data=st.data(), keys=st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    def commit(self, data: st.DataObject, keys: list[WalletKey]) -> None:
        """Several wallets in one commit; some writes stale, some with ids that are known."""
        writes = [self.write(data, key) for key in keys]
        assert self.wait(self.store.commit(writes)) == [self.model.commit(write) for write in writes]

    def write(self, data: st.DataObject, key: WalletKey) -> WalletWrite:
        head = self.model.heads.get(key)
        revision = head.revision if head else 0
        amount = data.draw(st.integers(1, 1 << 60), "amount")
        return write_on(
            key,
            head,
            count=data.draw(st.integers(1, 3), "entries"),
            creates=[transfer_row(key, number, amount) for number in data.draw(NUMBERS, "creates")],
            updates=[transfer_row(key, number + 10, amount) for number in data.draw(NUMBERS, "updates")],
            rolls=data.draw(st.sampled_from([0, 0, 1, 2]), "rolls"),
            expected_revision=data.draw(st.sampled_from([revision] * 4 + [revision + 1, max(revision - 1, 0)]), "expected"),
        )

    @rule(id_=st.sampled_from("ab"), version=st.integers(1, 4), body=st.binary(max_size=4))
    def put_document(self, id_: str, version: int, body: bytes) -> None:
        """A document is taken only over the version before it."""
        stored = self.model.documents.get(id_)
        takes = version == (stored.version + 1 if stored else 1)
        document = Document("kind", id_, version, body)
        assert self.wait(self.store.put_document(document)) is takes
        if takes:
            self.model.documents[id_] = document

    @rule()
    def reopen(self) -> None:
        """What a durable store committed outlives it."""
        if self.candidate.durable:
            self.store.close()
            store = self.wait(self.candidate.open(self.folder))
            self.store, self.other = store, self.other if self.candidate.is_on_ring else store
            self.reads = self.store.reads()

    @rule()
    def go_on_at_another_node(self) -> None:
        """What one node of a cluster wrote, another one that remembers the past goes on from."""
        self.store, self.other = self.other, self.store
        self.reads = self.store.reads()

    @rule(
        key=st.sampled_from(KEYS),
        limit=st.integers(1, 5),
        after=st.integers(0, 8),
        before=st.integers(0, 8),
        oldest_first=st.booleans(),
        step=st.none() | st.integers(0, 3),
    )
    def query(self, key: WalletKey, limit: int, after: int, before: int, oldest_first: Any, step: int | None) -> None:
        """A query gives what filtering and sorting the whole ledger gives."""
        expected = [
            entry
            for entry in self.model.entries.get(key, [])
            if entry.revision > after and (not before or entry.revision < before) and step in (None, entry.step)
        ]
        if not oldest_first:
            expected.reverse()
        query = EntryQuery(key, limit, after, before, oldest_first, step=step)
        assert self.wait(self.store.entries(query)) == expected[:limit]

    @invariant()
    def same_state(self) -> None:
        """Heads, rows, documents and sums agree, for the owner and for a reader beside it."""
        numbers = [*range(1, 7), *range(11, 17)]
        keys = [wallet_key(key) for key in KEYS] + [transfer_row(key, number)[0] for key in KEYS for number in numbers]
        keys += [epoch_key(key, number) for key, head in self.model.heads.items() for number in range(1, head.epoch + 1)]
        expected = {key: self.model.heads.get(key.wallet) if key.kind == "wallet" else self.model.rows.get(key) for key in keys}
        for reads in (self.store, self.reads):
            assert self.wait(reads.load(keys)) == expected
            assert self.wait(reads.wallets(None, 9)) == sorted(self.model.heads)
            assert self.wait(reads.documents("kind")) == [self.model.documents[id_] for id_ in sorted(self.model.documents)]
            sums = self.wait(reads.sums(""))
            assert sum(one.balance_micros for one in sums) == sum(head.balance_micros for head in self.model.heads.values())


def test_store_behaves_like_the_model(candidate: Candidate) -> None:
    """S4: whatever is committed, refused, queried and reopened, the store holds what the model holds."""
    machine = type("Machine", (StoreMachine,), {"candidate": candidate})
    examples = 8 if candidate.is_on_ring else 20
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]),
    )
