"""Reading rendered manifests."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.verification.rules.test_rules import container, made, running, settings, web
from verification.rules.brokers import Topic, parse_topics
from verification.rules.manifests import Manifests, finding, title

pytestmark = pytest.mark.promise("deployed")


def test_each_document_is_an_object() -> None:
    """Every document that is not empty is an object, in order; what is no YAML is an error."""
    text = "kind: A\nmetadata: {name: a}\n---\n---\nkind: B\nmetadata: {name: b}\n"
    assert [item["kind"] for item in Manifests.parse(text).objects] == ["A", "B"]
    with pytest.raises(yaml.YAMLError):
        Manifests.parse("a: [")


def test_the_namespace_counts() -> None:
    """An object of another namespace is another object, and a workload of it is not ours."""
    theirs = running("Deployment", "theirs", {"containers": []})
    theirs["metadata"]["namespace"] = "kube-system"
    manifests = Manifests((settings("settings"), web(), theirs, made("Job", "once")))
    assert manifests.named("ConfigMap", "settings") is not None
    assert manifests.named("ConfigMap", "settings", "other") is None
    assert [item.name for item in manifests.ours] == ["web", "once"]
    assert [item.serves for item in manifests.workloads] == [True, True, False]
    assert manifests.workload("theirs") is None


def test_the_environment_is_what_config_maps_say() -> None:
    """Whole maps and single keys count, what is not there is empty, and literals do not count."""
    env = [
        {"name": name, "valueFrom": {"configMapKeyRef": {"name": "two", "key": key}}}
        for name, key in (("X", "B"), ("Y", "C"))
    ]
    item = web(container("one", env=[*env, {"name": "Z", "value": "1"}]))
    manifests = Manifests((settings("one", A="1"), settings("two", B="2"), item))
    assert manifests.environment(manifests.workloads[0]) == {"A": "1", "X": "2", "Y": ""}


def test_a_finding_says_where_and_what() -> None:
    """A finding names object, path, expected and found."""
    text = finding(web(), "spec.replicas", expected="2", found=1)
    assert text == "Deployment/rtb/web spec.replicas: expected 2, found 1"
    assert title({"kind": "Namespace", "metadata": {"name": "rtb"}}) == "Namespace/rtb"


def test_topics_are_parsed() -> None:
    """A row gives name, partitions, copies, the least in sync, and retention."""
    assert parse_topics("# a comment\n\nbids 6 3 2 1000\n") == [Topic("bids", 6, 3, 2, 1000)]
    with pytest.raises(ValueError, match="'bids six 3 2 1000' is not a name and four numbers"):
        parse_topics("bids six 3 2 1000\n")
