"""What can be found out about a cluster without its nodes: from every member of etcd and every node of Cassandra that the settings name."""

from __future__ import annotations

import asyncio

from msgspec import Struct, structs

from croupier.cluster.etcd.control import Control, View
from croupier.cluster.etcd.errors import EtcdError
from croupier.config import Config, Etcd
from croupier.errors import StoreUnusable
from croupier.stores.cassandra.condition import Condition, condition


class EtcdMemberFacts(Struct, frozen=True):
    """One member of etcd."""

    endpoint: str
    problem: str = ""
    """Why it cannot be used; empty where it answers and knows a leader."""


class EtcdFacts(Struct, frozen=True):
    """etcd, and what stands there."""

    members: tuple[EtcdMemberFacts, ...]
    view: View | None = None
    """None where no member lets it be read."""

    @property
    def problems(self) -> list[str]:
        """Why etcd as a whole cannot be used."""
        if self.view is not None:
            return []
        reasons = {member.endpoint: member.problem for member in self.members}
        if len(set(reasons.values())) == 1:
            return [f"etcd cannot be used at {', '.join(reasons)}: {next(iter(reasons.values()))}"]
        return ["etcd cannot be used: " + "; ".join(f"{endpoint}: {reason}" for endpoint, reason in reasons.items())]


class Facts(Struct, frozen=True):
    """Everything; None for what the settings do not name."""

    etcd: EtcdFacts | None
    store: Condition | None

    @property
    def problems(self) -> list[str]:
        """Whatever is wrong, a sentence each."""
        found = self.etcd.problems if self.etcd else []
        return [*found, *(self.store.quorum_problems if self.store else ()), *(self.store.problems if self.store else ())]


def gather(settings: Config) -> Facts:
    """Asks all of them at once; takes a few seconds at most. Never fails because one of them is down. Raises StoreUnusable, ValueError."""

    async def both() -> Facts:
        etcd, store = await asyncio.gather(_etcd(settings.etcd), _store(settings))
        return Facts(etcd, store)

    return asyncio.run(both())


def problems_of(settings: Config) -> list[str]:
    """Why the cluster must not lose a node now: etcd or the store lack a quorum. Empty where the settings name neither."""
    try:
        facts = gather(settings)
    except (StoreUnusable, ValueError) as error:
        return [str(error)]
    return [*(facts.etcd.problems if facts.etcd else ()), *(facts.store.quorum_problems if facts.store else ())]


async def _etcd(settings: Etcd) -> EtcdFacts | None:
    if not settings.endpoints:
        return None
    looks = await asyncio.gather(*(_look(structs.replace(settings, endpoints=(endpoint,))) for endpoint in settings.endpoints))
    members = tuple(
        EtcdMemberFacts(endpoint, "" if isinstance(look, View) else look) for endpoint, look in zip(settings.endpoints, looks, strict=True)
    )
    return EtcdFacts(members, next((look for look in looks if isinstance(look, View)), None))


async def _look(settings: Etcd) -> View | str:
    """What stands in etcd by one member, or why it does not say."""
    control = Control(settings)
    try:
        return await control.view()
    except EtcdError as error:
        return _reason(str(error), settings.endpoints[0])
    finally:
        await control.close()


async def _store(settings: Config) -> Condition | None:
    return await condition(settings) if settings.is_clustered else None


def _reason(sentence: str, endpoint: str) -> str:
    """The end of etcd's sentence about one endpoint."""
    return sentence.partition(f"{endpoint}: ")[2] or sentence
