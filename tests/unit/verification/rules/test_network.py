"""Label selectors and NetworkPolicies match, allow and deny as Kubernetes says."""

from __future__ import annotations

from typing import Any

import pytest

from verification.rules.reachability import Peer, Port, may_connect
from verification.rules.selectors import selects

pytestmark = pytest.mark.promise("secured")

Object = dict[str, Any]
LABELS = {"app": "web", "tier": "front"}
WEB = Peer("web", "rtb", {"app": "web"})
STRANGER = Peer("stranger", "elsewhere", {"app": "web"})
STORE = Peer("store", "rtb", {"app": "store"})
PORT = Port("data", 9092)


def expression(key: str, operator: str, *values: str) -> Object:
    """Return a selector of one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        (expression("app", "In", "web", "x"), True),
        (expression("app", "In", "x"), False),
        (expression("app", "NotIn", "x"), True),
        (expression("app", "NotIn", "web"), False),
        (expression("app", "Exists"), True),
        (expression("zone", "Exists"), False),
        (expression("zone", "DoesNotExist"), True),
        ({"matchLabels": {"app": "web"}, **expression("tier", "DoesNotExist")}, False),
    ],
)
def test_labels(selector: Object, *, matches: bool) -> None:
    """Labels and expressions must all hold; an empty selector matches everything."""
    assert selects(selector, LABELS) is matches


def test_an_unknown_operator_is_an_error() -> None:
    """A selector that Kubernetes would refuse is not taken for one that matches nothing."""
    with pytest.raises(ValueError, match="Like is not an operator"):
        selects(expression("app", "Like"), LABELS)


def policy(spec: Object, namespace: str = "rtb") -> Object:
    """Return a NetworkPolicy of every pod of a namespace unless `spec` says of which."""
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def ingress(**rule: object) -> Object:
    """Return a NetworkPolicy of one rule of what may reach the store."""
    selector = {"matchLabels": {"app": "store"}}
    return policy({"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [rule]})


def peer(**labels: str) -> Object:
    """Return pods of the namespace `elsewhere`."""
    there = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
    return {"namespaceSelector": there, "podSelector": {"matchLabels": labels}}


DENY = policy({"policyTypes": ["Ingress", "Egress"]})
ALL_LEAVE = policy({"policyTypes": ["Egress"], "egress": [{}]})
OURS = {"podSelector": {"matchLabels": {"app": "web"}}}


@pytest.mark.parametrize(
    ("policies", "source", "allowed"),
    [
        pytest.param([], WEB, True, id="free without policies"),
        pytest.param([DENY], WEB, False, id="denied by a policy without rules"),
        pytest.param([policy({}, "elsewhere")], WEB, True, id="a policy is of its own namespace"),
        pytest.param([DENY, ALL_LEAVE], WEB, False, id="who may leave is still not let in"),
        pytest.param([DENY, ingress()], WEB, False, id="who is let in may still not leave"),
        pytest.param([DENY, ALL_LEAVE, ingress()], WEB, True, id="both ends"),
        pytest.param([policy({"ingress": [{}]})], WEB, True, id="without types: ingress"),
        pytest.param(
            [policy({"ingress": [{}], "egress": []})], WEB, False, id="and egress if said"
        ),
        pytest.param([ingress(**{"from": [OURS]})], WEB, True, id="pods of the same namespace"),
        pytest.param([ingress(**{"from": [OURS]})], STRANGER, False, id="and of no other"),
        pytest.param([ingress(**{"from": [peer(app="web")]})], STRANGER, True, id="both selectors"),
        pytest.param([ingress(**{"from": [peer(app="web")]})], WEB, False, id="another namespace"),
        pytest.param([ingress(**{"from": [peer(app="x")]})], STRANGER, False, id="other pods"),
        pytest.param(
            [ingress(**{"from": [{"ipBlock": {}}]})], STRANGER, True, id="a range may hold anybody"
        ),
        pytest.param([ingress(ports=[{"port": "data"}])], WEB, True, id="a port by name"),
        pytest.param([ingress(ports=[{"port": "other"}])], WEB, False, id="another name"),
        pytest.param([ingress(ports=[{"port": 9092}])], WEB, True, id="by number"),
        pytest.param([ingress(ports=[{"port": 9093}])], WEB, False, id="another number"),
        pytest.param([ingress(ports=[{"port": 1, "endPort": 9092}])], WEB, True, id="to an end"),
        pytest.param([ingress(ports=[{"port": 1, "endPort": 9091}])], WEB, False, id="beyond it"),
        pytest.param([ingress(ports=[{"protocol": "UDP"}])], WEB, False, id="another protocol"),
        pytest.param([ingress(ports=[{"protocol": "TCP"}])], WEB, True, id="all of a protocol"),
    ],
)
def test_connections_to_the_store(policies: list[Object], source: Peer, *, allowed: bool) -> None:
    """Both ends must allow a connection: its peer, and its port."""
    assert may_connect(policies, source, STORE, PORT) is allowed
