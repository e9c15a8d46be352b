"""Rules about single pods: security, resources, images, probes, settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.verification.rules.objects import (
    config_map,
    container,
    deployment,
    objections,
    pod,
    reading,
    workload,
)

POD_RULES = (
    "pods-restricted",
    "users-numeric",
    "root-read-only",
    "no-service-account-token",
    "no-service-links",
    "resources-stated",
    "volumes-bounded",
    "image-tags",
    "probes-present",
    "liveness-without-kafka",
    "readiness-asks-readyz",
    "rollout-safe",
    "settings-in-config-maps",
    "config-maps-exist",
    "selectors-match",
    "ports-named",
)
UNCONFINED = {"type": "Unconfined"}
POD_PATH = "spec.template.spec"
MAIN = f"{POD_PATH}.containers[main]"


@pytest.mark.parametrize("rule", POD_RULES)
def test_a_good_pod(rule: str) -> None:
    """No rule objects to the pod that the other tests spoil."""
    assert objections(rule, deployment()) == []


def secured(**changes: object) -> dict[str, Any]:
    """Return a container whose security context is changed."""
    good = container()["securityContext"]
    return container(securityContext={**good, **changes})


def unprobed(name: str) -> dict[str, Any]:
    """Return a container that lacks a probe."""
    return {key: value for key, value in container().items() if key != name}


@pytest.mark.parametrize(
    ("rule", "spec", "path"),
    [
        (
            "pods-restricted",
            pod(secured(privileged=True)),
            f"{MAIN}.securityContext.privileged: expected False, found True",
        ),
        (
            "pods-restricted",
            pod(secured(seccompProfile=UNCONFINED)),
            f"{MAIN}.securityContext.seccompProfile",
        ),
        ("pods-restricted", pod(hostNetwork=True), f"{POD_PATH}.hostNetwork"),
        (
            "pods-restricted",
            pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
            f"{POD_PATH}.volumes[host]: expected no hostPath",
        ),
        (
            "pods-restricted",
            pod(initContainers=[container(name="first", securityContext={})]),
            f"{POD_PATH}.initContainers[first].securityContext.allowPrivilegeEscalation",
        ),
        ("users-numeric", pod(secured(runAsUser=0)), "runAsUser: expected 1 or more, found 0"),
        ("users-numeric", pod(securityContext={}), "runAsGroup: expected 1 or more, found None"),
        (
            "root-read-only",
            pod(secured(readOnlyRootFilesystem=False)),
            "readOnlyRootFilesystem: expected true, found False",
        ),
        (
            "no-service-account-token",
            pod(automountServiceAccountToken=True),
            "automountServiceAccountToken: expected false, found True",
        ),
        ("no-service-links", pod(enableServiceLinks=True), "enableServiceLinks: expected false"),
        ("resources-stated", pod(container(resources={})), "resources.limits.memory"),
        (
            "volumes-bounded",
            pod(volumes=[{"name": "tmp", "emptyDir": {}}]),
            f"{POD_PATH}.volumes[tmp].emptyDir.sizeLimit",
        ),
        (
            "volumes-bounded",
            pod(container(volumeMounts=[{"name": "gone", "mountPath": "/gone"}])),
            "volumeMounts[/gone]: expected a volume of the pod, found gone",
        ),
        ("probes-present", pod(unprobed("startupProbe")), "startupProbe: expected a probe"),
        ("probes-present", pod(unprobed("livenessProbe")), "livenessProbe: expected a probe"),
        ("probes-present", pod(unprobed("readinessProbe")), "readinessProbe: expected a probe"),
        (
            "probes-present",
            pod(container(readinessProbe={"tcpSocket": {"port": 8080}})),
            "readinessProbe.tcpSocket.port: expected one of ['http'], found 8080",
        ),
        (
            "probes-present",
            pod(
                container(
                    ports=[{"name": "http"}, {"name": "admin"}],
                    livenessProbe={"httpGet": {"path": "/healthz", "port": "admin"}},
                )
            ),
            "livenessProbe.httpGet.port: expected one of ['http'], found admin",
        ),
        (
            "liveness-without-kafka",
            pod(container(livenessProbe={"httpGet": {"path": "/readyz", "port": "http"}})),
            "livenessProbe.httpGet.path: expected one of ['/-/healthy', '/healthz', '/livez']",
        ),
        (
            "readiness-asks-readyz",
            pod(container(readinessProbe={"httpGet": {"path": "/healthz", "port": "http"}})),
            "readinessProbe.httpGet.path: expected /readyz, found /healthz",
        ),
        (
            "settings-in-config-maps",
            pod(container(env=[{"name": "LOG_LEVEL", "value": "DEBUG"}])),
            "env[LOG_LEVEL]: expected valueFrom, found DEBUG",
        ),
        (
            "config-maps-exist",
            pod(reading("gone")),
            "envFrom[0].configMapRef.name: expected a ConfigMap that is there, found gone",
        ),
        (
            "config-maps-exist",
            pod(volumes=[{"name": "files", "configMap": {"name": "gone"}}]),
            "volumes[files].configMap.name",
        ),
        (
            "config-maps-exist",
            pod(
                container(
                    env=[
                        {
                            "name": "A",
                            "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "A"}},
                        }
                    ]
                )
            ),
            "env[A].configMapKeyRef.name",
        ),
        ("ports-named", pod(container(ports=[{"containerPort": 8080}])), "ports: expected names"),
    ],
)
def test_a_bad_pod(rule: str, spec: dict[str, Any], path: str) -> None:
    """The rule names the object, the place, what is expected and what is found."""
    (found, *_) = [text for text in objections(rule, deployment("web", spec)) if path in text]
    assert found.startswith("Deployment/rtb/web ")


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("apache/kafka:4.3.1", True),
        ("rtb/ingest:0123456789ab", True),
        ("rtb/ingest:set-by-overlay", False),
        ("rtb/ingest:1.0", False),
        ("apache/kafka:latest", False),
        ("apache/kafka", False),
        ("localhost:5000/kafka", False),
    ],
)
def test_image_tags(image: str, good: bool) -> None:  # noqa: FBT001  a table's column
    """A tag is there and not latest; ours are digests; a registry's port is no tag."""
    found = objections("image-tags", deployment("web", pod(container(image=image))))
    assert (found == []) is good


def test_metrics_server_may_have_a_token() -> None:
    """What works through the API server is let to have a token."""
    item = deployment("metrics-server", pod(automountServiceAccountToken=True))
    assert objections("no-service-account-token", item) == []


def test_fields_of_the_pod_are_settings_of_their_own() -> None:
    """A value made of the pod's own fields stands in its spec."""
    spec = pod(container(env=[{"name": "ADDRESS", "value": "$(POD_NAME):9092"}]))
    assert objections("settings-in-config-maps", deployment("web", spec)) == []


def test_a_config_map_without_a_hash() -> None:
    """A ConfigMap whose name does not change with its content would not roll the pods."""
    item = deployment("web", pod(reading("settings")))
    (found,) = objections("config-maps-exist", config_map("settings"), item)
    assert "the content's hash, found settings" in found
    hashed = deployment("web", pod(reading("settings-0123456789")))
    assert objections("config-maps-exist", config_map("settings-0123456789"), hashed) == []


def test_what_is_mounted_and_bounded() -> None:
    """A mount of a volume of the pod, or of a claim, with bounds, is right."""
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("tmp", "data")]
    volumes = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Mi"}}]
    spec = pod(container(volumeMounts=mounts), volumes=volumes)
    claims = [{"metadata": {"name": "data"}}]
    item = workload("StatefulSet", "store", spec, volumeClaimTemplates=claims)
    assert objections("volumes-bounded", item) == []


def test_what_is_not_a_config_map() -> None:
    """Secrets, fields of the pod and scratch volumes are not taken for ConfigMaps."""
    env = [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    secret = [{"secretRef": {"name": "login"}}]
    spec = pod(container(env=env, envFrom=secret), volumes=[{"name": "tmp", "emptyDir": {}}])
    assert objections("config-maps-exist", deployment("web", spec)) == []
