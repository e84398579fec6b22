"""The cluster by etcd: who is a member, and which node holds which singleton."""

from __future__ import annotations

from collections.abc import Callable

from croupier.cluster.etcd.elections import EtcdElections
from croupier.cluster.etcd.members import EtcdMembership
from croupier.cluster.etcd.session import Session
from croupier.cluster.membership import Fences, Member
from croupier.config import Etcd

__all__ = ["EtcdElections", "EtcdMembership", "join"]


def join(settings: Etcd, member: Member, fences: Fences, clock_ms: Callable[[], int]) -> tuple[EtcdMembership, EtcdElections]:
    """Membership and elections of one node over one session. Nothing is sent before `membership.start()`; to leave, first stop the elections.

    Raises ValueError, one sentence, where the settings cannot be meant or a file cannot be read.
    """
    session = Session(settings)
    return EtcdMembership(session, member), EtcdElections(session, member.node, fences, clock_ms)
