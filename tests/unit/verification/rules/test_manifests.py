"""Reading rendered manifests."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.verification.rules.objects import (
    config_map,
    container,
    deployment,
    pod,
    reading,
    workload,
)
from verification.rules.manifests import Manifests, finding, title
from verification.rules.rules import STATIC_RULES


class TestParse:
    """Text of `kubectl kustomize`."""

    def test_each_document_is_an_object(self) -> None:
        """Every document that is not empty is an object, in order."""
        text = "kind: A\nmetadata: {name: a}\n---\n---\nkind: B\nmetadata: {name: b}\n"
        assert [item["kind"] for item in Manifests.parse(text).objects] == ["A", "B"]

    def test_what_is_no_yaml_is_an_error(self) -> None:
        """Text that is not YAML is not taken for no objects."""
        with pytest.raises(yaml.YAMLError):
            Manifests.parse("a: [")


class TestLookup:
    """Objects by kind, name and namespace."""

    def test_the_namespace_counts(self) -> None:
        """An object of another namespace is another object."""
        manifests = Manifests((config_map("settings"),))
        assert manifests.named("ConfigMap", "settings") is not None
        assert manifests.named("ConfigMap", "settings", "other") is None

    def test_ours_are_those_of_the_namespace(self) -> None:
        """Workloads of other namespaces are workloads, but not ours."""
        theirs = deployment("theirs")
        theirs["metadata"]["namespace"] = "kube-system"
        manifests = Manifests((deployment("mine"), theirs))
        assert [item.name for item in manifests.ours] == ["mine"]
        assert len(manifests.workloads) == 2
        assert manifests.workload("theirs") is None


class TestEnvironment:
    """Variables that come from ConfigMaps."""

    def test_whole_maps_and_single_keys(self) -> None:
        """Both ways of reading a ConfigMap count, and what is not there is empty."""
        key = {"configMapKeyRef": {"name": "two", "key": "B"}}
        gone = {"configMapKeyRef": {"name": "two", "key": "C"}}
        env = [{"name": "X", "valueFrom": key}, {"name": "Y", "valueFrom": gone}]
        item = deployment("web", pod(reading("one", env=env)))
        manifests = Manifests((config_map("one", A="1"), config_map("two", B="2"), item))
        found = manifests.environment(manifests.workloads[0])
        assert found == {"A": "1", "X": "2", "Y": ""}

    def test_literals_are_no_configuration(self) -> None:
        """What a pod's spec states itself does not come from a ConfigMap."""
        item = deployment("web", pod(container(env=[{"name": "A", "value": "1"}])))
        manifests = Manifests((item,))
        assert manifests.environment(manifests.workloads[0]) == {}


class TestWorkload:
    """One object that makes pods."""

    def test_init_containers_are_containers(self) -> None:
        """Rules about containers see those that run first, with their own path."""
        spec = pod(container(), initContainers=[container(name="first")])
        paths = [path for path, _ in Manifests((deployment("web", spec),)).ours[0].all_containers]
        assert paths == [
            "spec.template.spec.initContainers[first]",
            "spec.template.spec.containers[main]",
        ]

    def test_a_job_does_not_serve(self) -> None:
        """A Job is to end, a Deployment to go on."""
        manifests = Manifests((workload("Job", "once"), deployment()))
        assert [item.serves for item in manifests.workloads] == [False, True]


def test_a_finding_says_where_and_what() -> None:
    """A finding names object, path, expected and found."""
    item = deployment("web")
    text = finding(item, "spec.replicas", expected="2", found=1)
    assert text == "Deployment/rtb/web spec.replicas: expected 2, found 1"
    assert title({"kind": "Namespace", "metadata": {"name": "rtb"}}) == "Namespace/rtb"


def test_rules_are_complete() -> None:
    """Every rule has an id of its own, a promise, commands and a hint."""
    assert len({rule.id for rule in STATIC_RULES}) == len(STATIC_RULES)
    for rule in STATIC_RULES:
        assert rule.id.startswith("static.")
        assert rule.promise.endswith(".")
        assert rule.by_hand
        assert rule.hint
