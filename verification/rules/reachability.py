"""NetworkPolicies as a question: may this pod open a connection to that port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from verification.rules.selectors import selects

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A pod as NetworkPolicies see it."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    """A port of a pod as NetworkPolicies see it."""

    name: str
    number: int
    protocol: str = "TCP"


def may_connect(policies: Iterable[Object], source: Peer, target: Peer, port: Port) -> bool:
    """Tell whether both ends allow it: the source to leave, the target to be reached."""
    known = list(policies)
    leaves = _allowed(known, source, target, port, direction="Egress")
    return leaves and _allowed(known, target, source, port, direction="Ingress")


def selecting(policies: Iterable[Object], pod: Peer, direction: str) -> Iterator[Object]:
    """Yield the policies that restrict a pod in one direction."""
    for policy in policies:
        here = policy["metadata"].get("namespace") == pod.namespace
        restricts = here and direction in _directions(policy["spec"])
        if restricts and selects(policy["spec"]["podSelector"], pod.labels):
            yield policy


def _directions(spec: Object) -> list[str]:
    default = ["Ingress", "Egress"] if "egress" in spec else ["Ingress"]
    return list(spec.get("policyTypes", default))


def _allowed(policies: list[Object], pod: Peer, other: Peer, port: Port, *, direction: str) -> bool:
    # a pod that no policy selects is free; one that some select needs one that allows
    applying = list(selecting(policies, pod, direction))
    side, peers = direction.lower(), "from" if direction == "Ingress" else "to"
    rules = (rule for policy in applying for rule in policy["spec"].get(side) or [])
    return not applying or any(
        _peer_matches(rule.get(peers), other, pod.namespace) and _port_matches(rule, port)
        for rule in rules
    )


def _peer_matches(peers: list[Object] | None, other: Peer, here: str) -> bool:
    return not peers or any(_one_peer(peer, other, here) for peer in peers)


def _one_peer(peer: Object, other: Peer, here: str) -> bool:
    if "ipBlock" in peer:
        return True  # an address range may hold any pod
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        if not selects(peer["namespaceSelector"], labels):
            return False
    elif other.namespace != here:
        return False
    return selects(peer.get("podSelector", {}), other.labels)


def _port_matches(rule: Object, port: Port) -> bool:
    return not rule.get("ports") or any(_one_port(entry, port) for entry in rule["ports"])


def _one_port(entry: Object, port: Port) -> bool:
    if entry.get("protocol", "TCP") != port.protocol:
        return False
    wanted = entry.get("port")
    if isinstance(wanted, int):
        return wanted <= port.number <= int(entry.get("endPort", wanted))
    return bool(wanted is None or wanted == port.name)
