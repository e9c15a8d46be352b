"""Who may talk to whom: nobody, but for the edges of one table."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import NAMESPACE, Manifests, title
from verification.rules.reachability import Peer, Port, may_connect, selecting
from verification.rules.rule import RENDER, StaticRule

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


def _denied_by_default(manifests: Manifests) -> list[str]:
    policies = manifests.of_kind("NetworkPolicy")
    expected = "a NetworkPolicy that selects every pod and allows nothing"
    return [
        f"Namespace/{NAMESPACE} {direction}: expected {expected}, found none"
        for direction in ("Ingress", "Egress")
        if all(
            item["spec"].get(direction.lower())
            for item in selecting(policies, _INTRUDER, direction)
        )
    ]


def _edges_open(manifests: Manifests) -> list[str]:
    return [
        _say(edge, "allowed", manifests)
        for edge in sorted(_wanted(manifests) - _open_edges(manifests))
    ]


def _nothing_else_open(manifests: Manifests) -> list[str]:
    return [
        _say(edge, "denied", manifests)
        for edge in sorted(_open_edges(manifests) - _wanted(manifests))
    ]


def _say(edge: Edge, expected: str, manifests: Manifests) -> str:
    source, target, port = edge
    found = "denied" if expected == "allowed" else "allowed"
    policies = ", ".join(title(item) for item in manifests.of_kind("NetworkPolicy")) or "none"
    return f"{source} -> {target}:{port}: expected {expected}, found {found} (policies: {policies})"


def _open_edges(manifests: Manifests) -> set[Edge]:
    policies = manifests.of_kind("NetworkPolicy")
    pairs = _pairs(manifests)
    return {
        (source.name, target.name, port.name)
        for source, target, port in pairs
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


RULES = (
    StaticRule(
        "static.network-denied-by-default",
        "A pod that no policy names may neither be reached nor reach anything.",
        (f"{RENDER} | grep -A 10 'name: default-deny'",),
        "See manifests/base/network/default-deny.yaml.",
        _denied_by_default,
    ),
    StaticRule(
        "static.network-edges-open",
        "Each connection that the product needs is allowed at both ends, DNS included.",
        (f"{RENDER} | grep -A 40 'kind: NetworkPolicy'",),
        "The source needs an egress rule and the target an ingress rule.",
        _edges_open,
    ),
    StaticRule(
        "static.network-nothing-else",
        "No other connection from or to our pods is allowed.",
        (f"{RENDER} | grep -A 40 'kind: NetworkPolicy'",),
        "Narrow the policy's podSelector, peers or ports.",
        _nothing_else_open,
    ),
)
