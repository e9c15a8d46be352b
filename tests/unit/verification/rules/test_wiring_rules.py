"""Rules about objects that must find each other."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.unit.verification.rules.objects import (
    config_map,
    container,
    deployment,
    metadata,
    objections,
    pod,
    reading,
    service,
    workload,
)

LEVELS = ("enforce", "warn", "audit")


def namespace(**changes: str) -> dict[str, Any]:
    """Return the namespace, restricted but for the labels changed."""
    prefix = "pod-security.kubernetes.io/"
    labels = {f"{prefix}{mode}": "restricted" for mode in LEVELS}
    labels |= {f"{prefix}{mode}-version": "v1.34" for mode in LEVELS}
    labels |= {f"{prefix}{mode}": value for mode, value in changes.items()}
    return {"kind": "Namespace", "metadata": {"name": "rtb", "labels": labels}}


def budget(name: str = "web", **limits: object) -> dict[str, Any]:
    """Return a PodDisruptionBudget of the pods labelled alike."""
    spec = {"selector": {"matchLabels": {"app": name}}, **limits}
    return {"kind": "PodDisruptionBudget", "metadata": metadata(name), "spec": spec}


def scaler(**changes: object) -> dict[str, Any]:
    """Return an autoscaler of the Deployment web."""
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, **changes}
    return {"kind": "HorizontalPodAutoscaler", "metadata": metadata("web"), "spec": spec}


class TestNamespace:
    """Pod Security of the namespace."""

    def test_restricted(self) -> None:
        """All three modes at `restricted` with versions are right."""
        assert objections("namespace-restricted", namespace()) == []

    def test_no_namespace(self) -> None:
        """Without a Namespace nothing is enforced."""
        assert objections("namespace-restricted") == ["Namespace/rtb: expected one, found none"]

    def test_a_lesser_level(self) -> None:
        """Another level is named with its mode."""
        (found,) = objections("namespace-restricted", namespace(enforce="baseline"))
        assert "pod-security.kubernetes.io/enforce: expected restricted, found baseline" in found

    def test_no_version(self) -> None:
        """A version that is not one is named with its mode."""
        (found,) = objections("namespace-restricted", namespace(**{"warn-version": "latest"}))
        assert "warn-version: expected a version such as v1.34, found latest" in found


class TestSchemas:
    """Objects against the JSON schemas of Kubernetes."""

    def test_valid(self) -> None:
        """A Service of the API is valid."""
        assert objections("schema-valid", service()) == []

    def test_an_unknown_field(self) -> None:
        """A field that the API does not know is named."""
        (found,) = objections("schema-valid", service(colour="red"))
        assert found.startswith("Service/rtb/web spec: expected what the schema allows")

    def test_an_unknown_kind(self) -> None:
        """An API version that is gone is named."""
        item = {**deployment(), "apiVersion": "apps/v1beta1"}
        (found,) = objections("schema-valid", item)
        assert "expected a kind of Kubernetes 1.34, found none" in found


class TestSelectors:
    """Workloads and Services select pods."""

    def test_a_selector_of_other_pods(self) -> None:
        """A workload that does not select its own pods alone is named."""
        wrong = deployment("web", selector={"matchLabels": {"app": "store"}})
        (found,) = objections("selectors-match", wrong, deployment("store"))
        assert "spec.selector: expected the pods of web, found ['store']" in found

    def test_a_service_and_its_pods(self) -> None:
        """A Service of one workload's named port is right."""
        assert objections("services-match", service(), deployment()) == []

    @pytest.mark.parametrize("selector", [{"app": "other"}, {}])
    def test_a_service_of_nothing(self, selector: dict[str, str]) -> None:
        """A Service that selects no workload is named."""
        (found,) = objections("services-match", service(selector=selector), deployment())
        assert "expected the pods of one workload, found []" in found

    def test_a_service_to_no_port(self) -> None:
        """A Service that leads to a port that the pods do not name is named."""
        item = service(ports=[{"name": "http", "port": 80, "targetPort": 8080}])
        (found,) = objections("services-match", item, deployment())
        assert "spec.ports[http].targetPort: expected one of ['http'], found 8080" in found

    def test_an_unnamed_service_port(self) -> None:
        """A Service's port without a name is named."""
        assert len(objections("ports-named", service(ports=[{"port": 80}]))) == 1


class TestConfiguredPorts:
    """Settings and container ports agree."""

    def objects(self, port: str) -> tuple[dict[str, Any], ...]:
        """Return both services, each told to listen on `port`."""
        named = [{"name": name, "containerPort": 8080} for name in ("http", "admin")]
        spec = pod(reading("ports", ports=named))
        names = ("bid-request-handler", "bidding-logic-service")
        ports = ("INGEST_PORT", "INGEST_ADMIN_PORT", "CONSUMER_HEALTH_PORT")
        settings = config_map("ports", **dict.fromkeys(ports, port))
        return (settings, *(deployment(name, spec) for name in names))

    def test_as_declared(self) -> None:
        """A setting that equals the container's port is right."""
        assert objections("ports-as-configured", *self.objects("8080")) == []

    def test_another(self) -> None:
        """A setting that differs is named for each port."""
        found = objections("ports-as-configured", *self.objects("9999"))
        assert len(found) == 3
        assert "expected INGEST_PORT=9999, found 8080" in found[0]
        assert "expected INGEST_ADMIN_PORT=9999, found 8080" in found[1]

    def test_missing_services(self) -> None:
        """A service that is not there is named for each of its ports."""
        assert len(objections("ports-as-configured")) == 3


class TestAdminInside:
    """What is not the public's is led to by a Service of its own, inside the cluster."""

    ADMIN: ClassVar = {"name": "admin", "port": 8082, "targetPort": "admin"}
    HTTP: ClassVar = {"name": "http", "port": 8080, "targetPort": "http"}

    def test_of_its_own(self) -> None:
        """A Service with that port alone, without a type or of type ClusterIP, is right."""
        for changes in ({}, {"type": "ClusterIP"}):
            assert objections("admin-inside", service(ports=[self.ADMIN], **changes)) == []

    def test_no_admin_port(self) -> None:
        """Other Services may be reached from anywhere."""
        assert objections("admin-inside", service(type="LoadBalancer")) == []

    def test_beside_the_public_one(self) -> None:
        """Two ports at one Service would be published together."""
        (found,) = objections("admin-inside", service(ports=[self.HTTP, self.ADMIN]))
        assert "spec.ports: expected admin alone, found ['http', 'admin']" in found

    @pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer", "ExternalName"])
    def test_from_outside(self, kind: str) -> None:
        """A type that is reached from outside is named."""
        (found,) = objections("admin-inside", service(ports=[self.ADMIN], type=kind))
        assert f"spec.type: expected ClusterIP, found {kind}" in found


@pytest.mark.parametrize(
    ("brokers", "good"), [("store:8080", True), ("store:9092", False), ("gone:8080", False)]
)
def test_brokers_reachable(brokers: str, good: bool) -> None:  # noqa: FBT001  a table's column
    """Brokers are a Service of ours and a port of it."""
    settings = config_map("settings", KAFKA_BROKERS=brokers)
    client = deployment("client", pod(reading("settings")))
    found = objections("brokers-reachable", settings, client, service("store"))
    assert (found == []) is good


class TestDisruption:
    """PodDisruptionBudgets."""

    @pytest.mark.parametrize(
        ("limits", "replicas", "good"),
        [
            ({"maxUnavailable": 1}, 1, True),
            ({"maxUnavailable": "50%"}, 1, True),
            ({"maxUnavailable": 0}, 3, False),
            ({"maxUnavailable": "0%"}, 3, False),
            ({"minAvailable": 1}, 2, True),
            ({"minAvailable": 1}, 1, False),
            ({"minAvailable": "100%"}, 3, False),
        ],
    )
    def test_room(self, limits: dict[str, object], replicas: int, good: bool) -> None:  # noqa: FBT001  a table's column
        """A budget must let one pod be taken away."""
        item = deployment("web", replicas=replicas)
        found = objections("disruption-budgets", item, budget("web", **limits))
        assert (found == []) is good

    def test_uncovered(self) -> None:
        """A workload without a budget, and a budget without a workload, are named."""
        found = objections("disruption-budgets", deployment(), budget("other", maxUnavailable=1))
        assert len(found) == 2

    def test_jobs_need_none(self) -> None:
        """A Job may be without a budget."""
        assert objections("disruption-budgets", workload("Job", "once")) == []


class TestAutoscaler:
    """HorizontalPodAutoscalers."""

    def test_fits(self) -> None:
        """A target without replicas of its own, and a range, are right."""
        assert objections("autoscaler-fits", scaler(), deployment()) == []

    def test_fights(self) -> None:
        """Replicas beside an autoscaler are named."""
        (found,) = objections("autoscaler-fits", scaler(), deployment("web", replicas=1))
        assert "spec.replicas: expected none beside an autoscaler, found 1" in found

    def test_aims_at_nothing(self) -> None:
        """A target that is not there is named."""
        (found,) = objections("autoscaler-fits", scaler())
        assert "spec.scaleTargetRef" in found

    def test_no_range(self) -> None:
        """An autoscaler that cannot scale is named."""
        (found,) = objections("autoscaler-fits", scaler(maxReplicas=1), deployment())
        assert "spec.maxReplicas: expected more than 1, found 1" in found


class TestNetwork:
    """NetworkPolicies against the table of edges."""

    CLIENT = deployment("bid-request-handler", pod(container()))
    DENY = {  # noqa: RUF012  never changed
        "kind": "NetworkPolicy",
        "metadata": metadata("deny"),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }

    def test_denied_by_default(self) -> None:
        """A policy of every pod that allows nothing denies both directions."""
        assert objections("network-denied-by-default", self.DENY) == []
        assert len(objections("network-denied-by-default")) == 2

    def test_everything_open(self) -> None:
        """Without policies, strangers reach and are reached: that is named."""
        found = objections("network-nothing-else", self.CLIENT)
        assert any(text.startswith("bid-request-handler -> stranger:https") for text in found)
        assert objections("network-nothing-else", self.CLIENT, self.DENY) == []

    def test_everything_closed(self) -> None:
        """With nothing allowed, each edge that is needed is named."""
        found = objections("network-edges-open", self.CLIENT, self.DENY)
        assert any("stranger -> bid-request-handler:http: expected allowed" in x for x in found)
        assert any("bid-request-handler -> dns:dns: expected allowed" in text for text in found)
