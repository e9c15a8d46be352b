"""Small manifests, each right as it is, for tests to spoil."""

from __future__ import annotations

from typing import Any

from verification.rules.manifests import Manifests
from verification.rules.rules import STATIC_RULES

Object = dict[str, Any]
_BY_ID = {rule.id: rule.function for rule in STATIC_RULES}


def objections(rule: str, *objects: Object) -> list[str]:
    """Return what the rule of that id (without `static.`) objects to."""
    return _BY_ID[f"static.{rule}"](Manifests(objects))


def container(**changes: object) -> Object:
    """Return a container that no rule objects to."""
    return {
        "name": "main",
        "image": "example.org/main:1.2",
        "ports": [{"name": "http", "containerPort": 8080}],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "resources": {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **changes,
    }


def pod(*containers: Object, **changes: object) -> Object:
    """Return the spec of a pod that no rule objects to."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": list(containers) or [container()],
        **changes,
    }


def metadata(name: str, namespace: str = "rtb") -> Object:
    """Return the metadata of an object, labelled with its name."""
    return {"name": name, "namespace": namespace, "labels": {"app": name}}


def workload(kind: str, name: str, spec: Object | None = None, **changes: object) -> Object:
    """Return a Deployment, StatefulSet or Job."""
    template = {"metadata": {"labels": {"app": name}}, "spec": spec or pod()}
    selector = {} if kind == "Job" else {"selector": {"matchLabels": {"app": name}}}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": metadata(name),
        "spec": {**selector, "template": template, **changes},
    }


def deployment(name: str = "web", spec: Object | None = None, **changes: object) -> Object:
    """Return a Deployment that rolls as it should."""
    rolling = {
        "minReadySeconds": 3,
        "progressDeadlineSeconds": 60,
        "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
    }
    return workload("Deployment", name, spec, **{**rolling, **changes})


def service(name: str = "web", **changes: object) -> Object:
    """Return a Service of the pods labelled alike."""
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    spec = {"selector": {"app": name}, "ports": ports, **changes}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(name), "spec": spec}


def config_map(name: str, **data: str) -> Object:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "data": data}


def reading(*config_maps: str, **changes: object) -> Object:
    """Return a container that reads all of these ConfigMaps."""
    return container(envFrom=[{"configMapRef": {"name": name}} for name in config_maps], **changes)
