"""Who may talk to whom: nobody, but for the edges of one table."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import NAMESPACE, Manifests, title
from verification.rules.reachability import Peer, Port, may_connect, selecting
from verification.rules.rule import RENDER, rule

_DNS = Peer("dns", "kube-system", {"k8s-app": "kube-dns"})
_DNS_PORTS = (Port("dns", 53, "UDP"), Port("dns-tcp", 53, "TCP"))
# pods that are none of ours: in our namespace, in the one for monitoring, and elsewhere
_INTRUDER = Peer("intruder", NAMESPACE)
_MONITORING = Peer("monitoring", "monitoring")
_STRANGER = Peer("stranger", "default")
_ANY_PORT = Port("https", 443)

Edge = tuple[str, str, str]

# source, target, port
EDGES: frozenset[Edge] = frozenset(
    {
        ("stranger", "bid-request-handler", "http"),
        ("monitoring", "bid-request-handler", "http"),
        ("monitoring", "bid-request-handler", "admin"),
        ("monitoring", "bidding-logic-service", "http"),
        ("bid-request-handler", "kafka", "kafka"),
        ("bidding-logic-service", "kafka", "kafka"),
        ("kafka-topics", "kafka", "kafka"),
        ("kafka", "kafka", "kafka"),
        ("kafka", "kafka", "controller"),
        *(
            (name, "dns", port.name)
            for name in (
                "bid-request-handler",
                "bidding-logic-service",
                "intruder",
                "kafka",
                "kafka-topics",
            )
            for port in _DNS_PORTS
        ),
    }
)

# with the component `monitoring`
PROMETHEUS_EDGES: frozenset[Edge] = frozenset(
    {
        ("monitoring", "prometheus", "http"),
        ("prometheus", "bid-request-handler", "admin"),
        ("prometheus", "bidding-logic-service", "http"),
        *(("prometheus", "dns", port.name) for port in _DNS_PORTS),
    }
)


def _wanted(manifests: Manifests) -> frozenset[Edge]:
    return EDGES if manifests.workload("prometheus") is None else EDGES | PROMETHEUS_EDGES


@rule(
    f"{RENDER} | grep -A 10 'name: default-deny'",
    hint="See manifests/base/network/default-deny.yaml.",
)
def network_denied_by_default(manifests: Manifests) -> Iterator[str]:
    """A pod that no policy names may neither be reached nor reach anything."""
    policies = manifests.of_kind("NetworkPolicy")
    expected = "a NetworkPolicy that selects every pod and allows nothing"
    for direction in ("Ingress", "Egress"):
        applying = selecting(policies, _INTRUDER, direction)
        if all(item["spec"].get(direction.lower()) for item in applying):
            yield f"Namespace/{NAMESPACE} {direction}: expected {expected}, found none"


@rule(
    f"{RENDER} | grep -A 40 'kind: NetworkPolicy'",
    hint="The source needs an egress rule and the target an ingress rule.",
)
def network_edges_open(manifests: Manifests) -> Iterator[str]:
    """Each connection that the product needs is allowed at both ends, DNS included."""
    for edge in sorted(_wanted(manifests) - _open_edges(manifests)):
        yield _say(edge, "expected allowed, found denied", manifests)


@rule(
    f"{RENDER} | grep -A 40 'kind: NetworkPolicy'",
    hint="Narrow the policy's podSelector, peers or ports.",
)
def network_nothing_else(manifests: Manifests) -> Iterator[str]:
    """No other connection from or to our pods is allowed."""
    for edge in sorted(_open_edges(manifests) - _wanted(manifests)):
        yield _say(edge, "expected denied, found allowed", manifests)


def _say(edge: Edge, what: str, manifests: Manifests) -> str:
    source, target, port = edge
    policies = ", ".join(title(item) for item in manifests.of_kind("NetworkPolicy")) or "none"
    return f"{source} -> {target}:{port}: {what} (policies: {policies})"


def _open_edges(manifests: Manifests) -> set[Edge]:
    policies = manifests.of_kind("NetworkPolicy")
    return {
        (source.name, target.name, port.name)
        for source, target, port in _pairs(manifests)
        if may_connect(policies, source, target, port)
    }


def _pairs(manifests: Manifests) -> Iterator[tuple[Peer, Peer, Port]]:
    """Yield each connection that could be opened from, to or among our pods."""
    ours = [(Peer(item.name, item.namespace, item.labels), item) for item in manifests.ours]
    inside = [*(peer for peer, _ in ours), _INTRUDER]
    for source in inside:
        yield from ((source, _DNS, port) for port in _DNS_PORTS)
        yield source, _STRANGER, _ANY_PORT
    for target, item in ours:
        for _, port in item.ports:
            reached = Port(port.get("name", ""), port["containerPort"], port.get("protocol", "TCP"))
            yield from ((source, target, reached) for source in [*inside, _MONITORING, _STRANGER])


RULES = (network_denied_by_default, network_edges_open, network_nothing_else)
