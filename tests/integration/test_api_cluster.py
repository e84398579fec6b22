"""ClusterService on a node that is alone."""

from __future__ import annotations

from croupier import VERSION
from croupier.pb import admin_service_pb2
from tests.integration.serving import Serving


def test_a_node_alone_lists_itself(serving: Serving) -> None:
    """Name, the address that it got, region, version, state: what a client needs to choose among nodes."""
    answer = serving.caller().call("ClusterService.ListNodes")
    (node,) = answer.nodes
    assert (node.name, answer.answered_by) == ("nodes/node-1", "nodes/node-1")
    assert (node.address, node.region, node.version) == (serving.address, "local", VERSION)
    assert node.state == admin_service_pb2.NODE_STATE_SERVING
    assert node.start_time.seconds > 0
