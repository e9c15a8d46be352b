"""What a container may do: the Pod Security level `restricted`, and stricter where we can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from verification.rules.manifests import NAMESPACE, Manifests, Object, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import POD, Workload

# It asks the API server about pods and nodes: that is its purpose.
TALKS_TO_API = frozenset({"metrics-server"})
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_MODES = ("enforce", "warn", "audit")


def _restricted_pods(manifests: Manifests) -> list[str]:
    return [text for item in manifests.workloads for text in _unrestricted(item)]


def _unrestricted(item: Workload) -> Iterator[str]:
    for name in _HOST:
        if item.pod.get(name):
            yield finding(item, f"{POD}.{name}", expected="false", found=True)
    for volume in item.pod.get("volumes", []):
        if "hostPath" in volume:
            path = f"{POD}.volumes[{volume['name']}]"
            yield finding(item, path, expected="no hostPath", found=volume["hostPath"])
    for path, container in item.all_containers:
        for field, wanted in _WANTED.items():
            value = effective(item, container, field)
            if value != wanted:
                yield finding(
                    item, f"{path}.securityContext.{field}", expected=str(wanted), found=value
                )


_WANTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_UNSET: dict[str, Any] = {"privileged": False}


def effective(item: Workload, container: Object, field: str) -> Any:  # noqa: ANN401  the field's own type
    """Return a field of the container's security context, or else of the pod's."""
    own, pod = container.get("securityContext", {}), item.pod.get("securityContext", {})
    return own.get(field, pod.get(field, _UNSET.get(field)))


def _numeric_users(manifests: Manifests) -> list[str]:
    return [
        finding(item, f"{path}.securityContext.{field}", expected="1 or more", found=value)
        for item in manifests.workloads
        for path, container in item.all_containers
        for field in ("runAsUser", "runAsGroup")
        if not isinstance(value := effective(item, container, field), int) or value < 1
    ]


def _read_only_root(manifests: Manifests) -> list[str]:
    field = "readOnlyRootFilesystem"
    return [
        finding(item, f"{path}.securityContext.{field}", expected="true", found=value)
        for item in manifests.workloads
        for path, container in item.all_containers
        if (value := container.get("securityContext", {}).get(field)) is not True
    ]


def _no_token(manifests: Manifests) -> list[str]:
    field = "automountServiceAccountToken"
    return [
        finding(item, f"{POD}.{field}", expected="false", found=value)
        for item in manifests.workloads
        if item.name not in TALKS_TO_API and (value := item.pod.get(field)) is not False
    ]


def _no_service_links(manifests: Manifests) -> list[str]:
    field = "enableServiceLinks"
    return [
        finding(item, f"{POD}.{field}", expected="false", found=value)
        for item in manifests.workloads
        if (value := item.pod.get(field)) is not False
    ]


def _namespace_restricted(manifests: Manifests) -> list[str]:
    namespace = manifests.named("Namespace", NAMESPACE, "")
    if namespace is None:
        return [f"Namespace/{NAMESPACE}: expected one, found none"]
    labels = namespace["metadata"].get("labels", {})
    return [text for mode in _MODES for text in _mode(namespace, labels, mode)]


def _mode(namespace: Object, labels: Object, mode: str) -> Iterator[str]:
    label = f"pod-security.kubernetes.io/{mode}"
    level, version = labels.get(label), str(labels.get(f"{label}-version"))
    if level != "restricted":
        yield finding(namespace, f"metadata.labels.{label}", expected="restricted", found=level)
    if not version.startswith("v1."):
        path = f"metadata.labels.{label}-version"
        yield finding(namespace, path, expected="a version such as v1.34", found=version)


RULES = (
    StaticRule(
        "static.namespace-restricted",
        "The namespace enforces, warns of and audits Pod Security `restricted`, version stated.",
        (f"{RENDER} | grep pod-security",),
        "See manifests/base/namespace.yaml.",
        _namespace_restricted,
    ),
    StaticRule(
        "static.pods-restricted",
        "No container can gain privileges, and none shares anything with the node.",
        (f"{RENDER} | grep -A 8 securityContext",),
        "Give the container the securityContext that the others have.",
        _restricted_pods,
    ),
    StaticRule(
        "static.users-numeric",
        "Each container runs as a user and a group that are stated as numbers and are not root.",
        (f"{RENDER} | grep -E 'runAs(User|Group)'",),
        "The services run as 10001, the broker image as 1000.",
        _numeric_users,
    ),
    StaticRule(
        "static.root-read-only",
        "The root file system of each container is read-only.",
        (f"{RENDER} | grep readOnlyRootFilesystem",),
        "Mount an emptyDir where the process must write.",
        _read_only_root,
    ),
    StaticRule(
        "static.no-service-account-token",
        "No pod holds a service account token, but those whose work is with the API server.",
        (f"{RENDER} | grep automountServiceAccountToken",),
        "Set automountServiceAccountToken: false in the pod's spec.",
        _no_token,
    ),
    StaticRule(
        "static.no-service-links",
        "No pod gets variables made of Services: the broker image reads KAFKA_* as its settings.",
        (f"{RENDER} | grep enableServiceLinks",),
        "Set enableServiceLinks: false in the pod's spec.",
        _no_service_links,
    ),
)
