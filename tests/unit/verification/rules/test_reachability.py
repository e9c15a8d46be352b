"""NetworkPolicies allow and deny as Kubernetes says."""

from __future__ import annotations

from typing import Any

from verification.rules.reachability import Peer, Port, may_connect

WEB = Peer("web", "rtb", {"app": "web"})
STORE = Peer("store", "rtb", {"app": "store"})
STRANGER = Peer("stranger", "elsewhere", {"app": "web"})
PORT = Port("data", 9092)


def policy(spec: dict[str, Any], namespace: str = "rtb") -> dict[str, Any]:
    """Return a NetworkPolicy of every pod of a namespace unless `spec` says of which."""
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


DENY = policy({"policyTypes": ["Ingress", "Egress"]})
ALL_LEAVE = policy({"policyTypes": ["Egress"], "egress": [{}]})


def ingress(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return a NetworkPolicy of what may reach the store."""
    selector = {"matchLabels": {"app": "store"}}
    return policy({"podSelector": selector, "policyTypes": ["Ingress"], "ingress": list(rules)})


class TestDirections:
    """Both ends must allow a connection."""

    def test_free_without_policies(self) -> None:
        """Pods that no policy selects may talk."""
        assert may_connect([], WEB, STORE, PORT)

    def test_default_deny_denies(self) -> None:
        """A policy without rules allows nothing."""
        assert not may_connect([DENY], WEB, STORE, PORT)

    def test_policies_of_other_namespaces_do_not_count(self) -> None:
        """A policy restricts the pods of its own namespace alone."""
        assert may_connect([policy({}, "elsewhere")], WEB, STORE, PORT)

    def test_egress_alone_is_not_enough(self) -> None:
        """A pod that may leave is still not let in."""
        assert not may_connect([DENY, ALL_LEAVE], WEB, STORE, PORT)

    def test_ingress_alone_is_not_enough(self) -> None:
        """A pod that would be let in may still not leave."""
        assert not may_connect([DENY, ingress({})], WEB, STORE, PORT)

    def test_both_ends_are_enough(self) -> None:
        """A connection that both ends allow is open."""
        assert may_connect([DENY, ALL_LEAVE, ingress({})], WEB, STORE, PORT)

    def test_types_follow_the_rules_when_unstated(self) -> None:
        """Without policyTypes, a policy restricts egress only if it has egress rules."""
        assert may_connect([policy({"ingress": [{}]})], WEB, STORE, PORT)
        assert not may_connect([policy({"ingress": [{}], "egress": []})], WEB, STORE, PORT)


class TestPeers:
    """Who a rule speaks of."""

    def test_pods_are_of_the_same_namespace(self) -> None:
        """A podSelector alone means pods of the policy's namespace."""
        rule = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
        assert may_connect([ingress(rule)], WEB, STORE, PORT)
        assert not may_connect([ingress(rule)], STRANGER, STORE, PORT)

    def test_namespace_and_pods_must_both_match(self) -> None:
        """A peer with both selectors means those pods of those namespaces."""
        there = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
        peer = {"namespaceSelector": there, "podSelector": {"matchLabels": {"app": "web"}}}
        assert may_connect([ingress({"from": [peer]})], STRANGER, STORE, PORT)
        assert not may_connect([ingress({"from": [peer]})], WEB, STORE, PORT)
        other = {"namespaceSelector": there, "podSelector": {"matchLabels": {"app": "x"}}}
        assert not may_connect([ingress({"from": [other]})], STRANGER, STORE, PORT)

    def test_an_address_range_may_hold_anybody(self) -> None:
        """A range of addresses is taken to hold every pod."""
        rule = {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
        assert may_connect([ingress(rule)], STRANGER, STORE, PORT)


class TestPorts:
    """Which ports a rule speaks of."""

    def test_by_name(self) -> None:
        """A name means the port that the pod calls so."""
        assert may_connect([ingress({"ports": [{"port": "data"}]})], WEB, STORE, PORT)
        assert not may_connect([ingress({"ports": [{"port": "other"}]})], WEB, STORE, PORT)

    def test_by_number_and_range(self) -> None:
        """A number means itself, and with endPort all up to there."""
        assert may_connect([ingress({"ports": [{"port": 9092}]})], WEB, STORE, PORT)
        assert not may_connect([ingress({"ports": [{"port": 9093}]})], WEB, STORE, PORT)
        wide = {"ports": [{"port": 9000, "endPort": 9100}]}
        assert may_connect([ingress(wide)], WEB, STORE, PORT)

    def test_the_protocol_counts(self) -> None:
        """TCP unless stated; a protocol without a port means all its ports."""
        assert not may_connect([ingress({"ports": [{"protocol": "UDP"}]})], WEB, STORE, PORT)
        assert may_connect([ingress({"ports": [{"protocol": "TCP"}]})], WEB, STORE, PORT)
