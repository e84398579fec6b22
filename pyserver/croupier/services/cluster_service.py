"""ClusterService: the nodes that serve together."""

from __future__ import annotations

from collections.abc import Callable

from croupier.cluster.membership import Member, Membership
from croupier.pb import admin_service_pb2
from croupier.pb import cluster_service_pb2 as pb
from croupier.services.call import Call
from croupier.services.convert import timestamp

_STATES = {
    "starting": admin_service_pb2.NODE_STATE_STARTING,
    "serving": admin_service_pb2.NODE_STATE_SERVING,
    "out_of_service": admin_service_pb2.NODE_STATE_OUT_OF_SERVICE,
    "draining": admin_service_pb2.NODE_STATE_DRAINING,
}


class ClusterService:
    """See proto/croupier/v1/cluster_service.proto."""

    def __init__(self, membership: Membership, node: str, clock_ms: Callable[[], int]) -> None:
        self._membership = membership
        self._node = node
        self._clock_ms = clock_ms

    async def list_nodes(self, request: pb.ListNodesRequest, call: Call) -> pb.ListNodesResponse:
        """All nodes that are known."""
        nodes = [_node(member) for member in self._membership.members]
        return pb.ListNodesResponse(nodes=nodes, answered_by=f"nodes/{self._node}", answer_time=timestamp(self._clock_ms()))


def _node(member: Member) -> pb.ClusterNode:
    return pb.ClusterNode(
        name=f"nodes/{member.node}",
        address=member.address,
        region=member.region,
        version=member.version,
        state=_STATES[member.state],
        load_permille=member.load_permille,
        start_time=timestamp(member.start_ms),
    )
