"""What the manifests that there are do not show: tests/kubernetes/manifests spoils those."""

from __future__ import annotations

from typing import Any

import pytest

from verification.rules.manifests import Manifests
from verification.rules.rules import STATIC_RULES

pytestmark = pytest.mark.promise("deployed")

Object = dict[str, Any]
RULES = {rule.id.removeprefix("static."): rule for rule in STATIC_RULES}
CONTEXT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CLAIMS = [{"metadata": {"name": "data"}}]
MOUNTS = [{"name": "data", "mountPath": "/data"}]
INGEST = "bid-request-handler"
STOPS = {"INGEST_GRACEFUL_TIMEOUT_S": "5", "INGEST_DRAIN_TIMEOUT_S": "2"}


def made(kind: str, name: str, **spec: object) -> Object:
    """Return an object of the product's namespace."""
    return {"kind": kind, "metadata": {"name": name, "namespace": "rtb"}, "spec": spec}


def container(*config_maps: str, **changes: object) -> Object:
    """Return a container that reads these ConfigMaps."""
    sources = [{"configMapRef": {"name": name}} for name in config_maps]
    return {"name": "main", "image": "example.org/main:1.2", "envFrom": sources, **changes}


def running(kind: str, name: str, pod: Object, **changes: object) -> Object:
    """Return what makes pods, labelled with its name."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    selector = {"matchLabels": {"app": name}}
    return made(kind, name, template=template, selector=selector, **changes)


def web(main: Object | None = None, pod: Object | None = None, **changes: object) -> Object:
    """Return a Deployment whose pods have one container and whatever `pod` says."""
    return running(
        "Deployment", "web", {"containers": [main or container()], **(pod or {})}, **changes
    )


def settings(name: str, **data: str) -> Object:
    """Return a ConfigMap."""
    return {**made("ConfigMap", name), "data": data}


def rolling(deadline: int, gap: int | None = 0) -> Object:
    """Return a Deployment that may take 6 seconds to start and 3 to settle."""
    main = container(startupProbe={"periodSeconds": 2})
    strategy = {"rollingUpdate": {} if gap is None else {"maxUnavailable": gap}}
    return web(main, minReadySeconds=3, progressDeadlineSeconds=deadline, strategy=strategy)


def stopping(grace_s: int, sleep_s: float) -> tuple[Object, Object]:
    """Return an ingest whose stop waits for a sleep, for 5 and for 2 seconds."""
    main = container("stops", lifecycle={"preStop": {"sleep": {"seconds": sleep_s}}})
    pod = {"containers": [main], "terminationGracePeriodSeconds": grace_s}
    return running("Deployment", INGEST, pod), settings("stops", **STOPS)


def brokers(memory: str = "1Gi", **data: str) -> tuple[Object, Object]:
    """Return brokers with a disk under /data."""
    main = container("kafka", volumeMounts=MOUNTS, resources={"limits": {"memory": memory}})
    pod = {"containers": [main]}
    made_of = running("StatefulSet", "kafka", pod, replicas=1, volumeClaimTemplates=CLAIMS)
    return made_of, settings("kafka", **data)


def budget(replicas: int = 1, **limits: object) -> tuple[Object, Object]:
    """Return a workload and its PodDisruptionBudget."""
    selector = {"matchLabels": {"app": "web"}}
    return web(replicas=replicas), made("PodDisruptionBudget", "web", selector=selector, **limits)


def environment(**variable: object) -> Object:
    """Return a Deployment with a variable."""
    return web(container(env=[{"name": "A", **variable}]))


GONE_KEY = {"configMapKeyRef": {"name": "gone", "key": "A"}}
PROBE = {"tcpSocket": {"port": 8080}}
NAMED = [{"name": "http", "containerPort": 8080}]
STRANGE = container(name="first", securityContext={**CONTEXT, "privileged": True})


@pytest.mark.parametrize(
    ("rule", "objects", "said"),
    [
        ("pods-restricted", [web(container(securityContext=CONTEXT))], None),
        (
            "pods-restricted",
            [web(container(securityContext=CONTEXT), {"initContainers": [STRANGE]})],
            "/web spec.template.spec.initContainers[first].securityContext.privileged: expected F",
        ),
        ("users-numeric", [web(pod={"securityContext": {"runAsUser": "ten"}})], "found ten"),
        ("image-tags", [web(container(image="apache/kafka:latest"))], "expected a tag that is not"),
        ("image-tags", [web(container(image="apache/kafka"))], "expected a tag that is not"),
        (
            "image-tags",
            [web(container(image="localhost:5000/kafka"))],
            "expected a tag that is not",
        ),
        ("image-tags", [web(container(image="rtb/ingest:1.0"))], "expected a content tag"),
        (
            "volumes-bounded",
            [web(pod={"volumes": [{"name": "a", "emptyDir": None}]})],
            "volumes[a]",
        ),
        (
            "probes-present",
            [web(container(ports=NAMED, readinessProbe=PROBE))],
            "readinessProbe.tcpSocket.port: expected one of ['http'], found 8080",
        ),
        (
            "probes-present",
            [web(container(ports=NAMED, startupProbe={}))],
            "startupProbe.action.port",
        ),
        ("settings-in-config-maps", [environment(value="$(POD_NAME):9092")], None),
        ("config-maps-exist", [environment(valueFrom=GONE_KEY)], "env[A].configMapKeyRef.name"),
        ("config-maps-exist", [environment(valueFrom={"fieldRef": {"fieldPath": "a"}})], None),
        ("config-maps-exist", [web(container(envFrom=[{"secretRef": {"name": "a"}}]))], None),
        ("config-maps-exist", [web(container("a")), settings("a")], "the content's hash, found a"),
        ("config-maps-exist", [web(container("a-0123456789")), settings("a-0123456789")], None),
        ("rollout-safe", [rolling(10)], None),
        ("rollout-safe", [rolling(9)], "expected more than 9 (startup and settling), at most 180"),
        ("rollout-safe", [rolling(180)], None),
        ("rollout-safe", [rolling(181)], "found 181"),
        ("rollout-safe", [rolling(60, gap=None)], "maxUnavailable: expected 0, found None"),
        ("shutdown-adds-up", stopping(15, 5), "kafka: expected a workload, found none"),
        ("shutdown-adds-up", stopping(14, 5), "GracePeriodSeconds: expected 15 or more, found 14"),
        ("traffic-stops-first", stopping(15, 3), None),
        ("traffic-stops-first", stopping(15, 2.9), "seconds: expected 3 or more, found 2.9"),
        ("traffic-stops-first", [], "bid-request-handler: expected a workload, found none"),
        ("ports-as-configured", [], "bidding-logic-service: expected a workload, found none"),
        ("services-match", [web(), made("Service", "web", ports=[])], "found []"),
        (
            "admin-inside",
            [made("Service", "a", type="ClusterIP", ports=[{"targetPort": "admin"}])],
            None,
        ),
        ("disruption-budgets", budget(1, maxUnavailable="50%"), None),
        ("disruption-budgets", budget(3, maxUnavailable="0%"), "room for one of 3, found {'maxUn"),
        ("disruption-budgets", budget(2, minAvailable=1), None),
        ("disruption-budgets", budget(1, minAvailable=1), "expected room for one of 1"),
        ("disruption-budgets", budget(3, minAvailable="100%"), "expected room for one of 3"),
        ("kafka-on-disk", brokers(KAFKA_LOG_DIRS="/data/a,/data/b"), None),
        ("kafka-on-disk", brokers(KAFKA_LOG_DIRS="/data"), "one of ['/data'], found /data"),
        ("kafka-on-disk", brokers(KAFKA_LOG_DIRS="/data/a,/b"), "one of ['/data'], found /b"),
        ("kafka-heap-fits", brokers("10Mi", KAFKA_HEAP_OPTS="-Xmx6m"), None),
        ("kafka-heap-fits", brokers("10Mi", KAFKA_HEAP_OPTS="-Xmx6145k"), "at most 0.6 of it"),
        ("kafka-heap-fits", brokers("1e9", KAFKA_HEAP_OPTS="-Xmx1m"), "at most 0.6 of it"),
        ("kafka-copies", [*brokers(), settings("t", **{"topics.txt": "a 1 2 2 3\n"})], "topic a"),
    ],
)
def test_what_is_objected_to(rule: str, objects: list[Object], said: str | None) -> None:
    """What is right is let be; of what is wrong the object, the place and both values are said."""
    found = RULES[rule].function(Manifests(tuple(objects)))
    assert found == [] if said is None else any(said in text for text in found), found


def test_a_stop_that_has_just_enough_time() -> None:
    """Sleep, both timeouts and the margin make 15 seconds, which are all that the ingest needs."""
    found = RULES["shutdown-adds-up"].function(Manifests(stopping(15, 5)))
    assert [text for text in found if INGEST in text] == []


def test_rules_are_complete() -> None:
    """Every rule has an id of its own, a promise, commands and a hint."""
    assert len(RULES) == len(STATIC_RULES)
    for rule in STATIC_RULES:
        assert rule.id.startswith("static.")
        assert rule.promise.endswith(".")
        assert rule.by_hand
        assert rule.hint
