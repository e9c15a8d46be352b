"""What a container may do: the Pod Security level `restricted`, and stricter where we can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from verification.rules.manifests import NAMESPACE, POD, Container, Manifests, Workload, finding
from verification.rules.rule import RENDER, rule

# It asks the API server about pods and nodes: that is its purpose.
TALKS_TO_API = frozenset({"metrics-server"})
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_MODES = ("enforce", "warn", "audit")
_WANTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_UNSET: dict[str, Any] = {"privileged": False}


@rule(f"{RENDER} | grep pod-security", hint="See manifests/base/namespace.yaml.")
def namespace_restricted(manifests: Manifests) -> Iterator[str]:
    """The namespace enforces, warns of and audits Pod Security `restricted`, version stated."""
    namespace = manifests.named("Namespace", NAMESPACE, "")
    if namespace is None:
        yield f"Namespace/{NAMESPACE}: expected one, found none"
        return
    labels = namespace["metadata"].get("labels", {})
    for label in (f"pod-security.kubernetes.io/{mode}" for mode in _MODES):
        level, version = labels.get(label), str(labels.get(f"{label}-version"))
        path = f"metadata.labels.{label}"
        if level != "restricted":
            yield finding(namespace, path, expected="restricted", found=level)
        if not version.startswith("v1."):
            expected = "a version such as v1.34"
            yield finding(namespace, f"{path}-version", expected=expected, found=version)


@rule(
    f"{RENDER} | grep -A 8 securityContext",
    hint="Give the container the securityContext that the others have.",
)
def pods_restricted(manifests: Manifests) -> Iterator[str]:
    """No container can gain privileges, and none shares anything with the node."""
    for item in manifests.workloads:
        for name in _HOST:
            if item.pod.get(name):
                yield finding(item, f"{POD}.{name}", expected="false", found=True)
        for volume in item.pod.get("volumes", []):
            if "hostPath" in volume:
                path = f"{POD}.volumes[{volume['name']}]"
                yield finding(item, path, expected="no hostPath", found=volume["hostPath"])
        for container in item.all_containers:
            for field, wanted in _WANTED.items():
                if (value := effective(item, container, field)) != wanted:
                    path = f"securityContext.{field}"
                    yield finding(container, path, expected=str(wanted), found=value)


def effective(item: Workload, container: Container, field: str) -> Any:  # noqa: ANN401  the field's own type
    """Return a field of the container's security context, or else of the pod's."""
    own, pod = container.spec.get("securityContext", {}), item.pod.get("securityContext", {})
    return own.get(field, pod.get(field, _UNSET.get(field)))


@rule(
    f"{RENDER} | grep -E 'runAs(User|Group)'",
    hint="The services run as 10001, the broker image as 1000.",
)
def users_numeric(manifests: Manifests) -> Iterator[str]:
    """Each container runs as a user and a group that are stated as numbers and are not root."""
    for item in manifests.workloads:
        for container in item.all_containers:
            for field in ("runAsUser", "runAsGroup"):
                value = effective(item, container, field)
                if not isinstance(value, int) or value < 1:
                    path = f"securityContext.{field}"
                    yield finding(container, path, expected="1 or more", found=value)


@rule(
    f"{RENDER} | grep readOnlyRootFilesystem",
    hint="Mount an emptyDir where the process must write.",
)
def root_read_only(manifests: Manifests) -> Iterator[str]:
    """The root file system of each container is read-only."""
    field = "readOnlyRootFilesystem"
    for container in manifests.all_containers:
        value = container.spec.get("securityContext", {}).get(field)
        if value is not True:
            yield finding(container, f"securityContext.{field}", expected="true", found=value)


@rule(
    f"{RENDER} | grep automountServiceAccountToken",
    hint="Set automountServiceAccountToken: false in the pod's spec.",
)
def no_service_account_token(manifests: Manifests) -> Iterator[str]:
    """No pod holds a service account token, but those whose work is with the API server."""
    others = (item for item in manifests.workloads if item.name not in TALKS_TO_API)
    return _not_off(others, "automountServiceAccountToken")


@rule(
    f"{RENDER} | grep enableServiceLinks", hint="Set enableServiceLinks: false in the pod's spec."
)
def no_service_links(manifests: Manifests) -> Iterator[str]:
    """No pod gets variables made of Services: the broker image reads KAFKA_* as its settings."""
    return _not_off(iter(manifests.workloads), "enableServiceLinks")


def _not_off(workloads: Iterator[Workload], field: str) -> Iterator[str]:
    for item in workloads:
        if (value := item.pod.get(field)) is not False:
            yield finding(item, f"{POD}.{field}", expected="false", found=value)


RULES = (
    namespace_restricted,
    pods_restricted,
    users_numeric,
    root_read_only,
    no_service_account_token,
    no_service_links,
)
