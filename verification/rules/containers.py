"""What a container asks for and may write to, its image, and how Kubernetes asks how it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from verification.rules.manifests import ADMIN, POD, Manifests, Object, finding
from verification.rules.rule import RENDER, rule

_NEEDED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))
_OURS = "rtb/"
_CONTENT_TAG = re.compile(r"[0-9a-f]{12,64}")
_ACTIONS = ("httpGet", "tcpSocket", "grpc", "exec")
# The answer of each of these does not change with Kafka's state; the last is Prometheus's own.
_KAFKA_FREE = frozenset({"/healthz", "/livez", "/-/healthy"})
_READINESS = frozenset({"/readyz", "/-/ready"})


@rule(
    f"{RENDER} | grep -A 6 resources:",
    hint="Measure with `kubectl top pods --containers`, then state it.",
)
def resources_stated(manifests: Manifests) -> Iterator[str]:
    """Each container requests CPU and memory and has a memory limit."""
    for container in manifests.all_containers:
        for side, name in _NEEDED:
            if name not in container.spec.get("resources", {}).get(side, {}):
                path = f"resources.{side}.{name}"
                yield finding(container, path, expected="a quantity", found="none")


@rule(
    f"{RENDER} | grep -A 2 emptyDir",
    hint="Add sizeLimit: an unbounded emptyDir fills the node's disk.",
)
def volumes_bounded(manifests: Manifests) -> Iterator[str]:
    """Each mount names a volume of its pod, and each scratch volume has a size limit."""
    for item in manifests.workloads:
        volumes = {volume["name"]: volume for volume in item.pod.get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in item.spec.get("volumeClaimTemplates", [])}
        for container in item.all_containers:
            for mount in container.spec.get("volumeMounts", []):
                if mount["name"] not in volumes.keys() | claims:
                    path = f"volumeMounts[{mount['mountPath']}]"
                    expected = "a volume of the pod"
                    yield finding(container, path, expected=expected, found=mount["name"])
        for name, volume in volumes.items():
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                path = f"{POD}.volumes[{name}].emptyDir.sizeLimit"
                yield finding(item, path, expected="a quantity", found="none")


@rule(
    "kubectl kustomize .verification/overlay | grep image:",
    hint="`make up` writes an overlay that sets the tags.",
)
def image_tags(manifests: Manifests) -> Iterator[str]:
    """Each image has a tag, never `latest`; ours have the digest of their content."""
    for container in manifests.all_containers:
        image = container.spec["image"]
        name, _, tag = image.rpartition(":")
        if not name or "/" in tag or tag == "latest":
            yield finding(container, "image", expected="a tag that is not latest", found=image)
        elif name.startswith(_OURS) and not _CONTENT_TAG.fullmatch(tag):
            expected = "a content tag (12 or more hexadecimal digits)"
            yield finding(container, "image", expected=expected, found=image)


@rule(
    f"{RENDER} | grep -A 6 Probe:",
    hint=(
        "A probe's port is the name of a port of the same container, and one that serves: not the "
        "admin port, which may answer while nothing else does."
    ),
)
def probes_present(manifests: Manifests) -> Iterator[str]:
    """Each serving container has startup, liveness and readiness probes, on ports it names."""
    serving = (item for item in manifests.workloads if item.serves)
    for container in (each for item in serving for each in item.containers):
        names = {port.get("name") for port in container.spec.get("ports", [])} - {ADMIN}
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.spec.get(name)
            if probe is None:
                yield finding(container, name, expected="a probe", found="none")
                continue
            action = next((action for action in _ACTIONS if action in probe), "action")
            port = probe.get(action, {}).get("port")
            if port not in names:
                expected = f"one of {sorted(map(str, names))}"
                yield finding(container, f"{name}.{action}.port", expected=expected, found=port)


@rule(
    f"{RENDER} | grep -A 4 livenessProbe",
    hint="Liveness and startup ask /healthz; only readiness may depend on Kafka.",
)
def liveness_without_kafka(manifests: Manifests) -> Iterator[str]:
    """No container is restarted because Kafka is away."""
    expected = f"one of {sorted(_KAFKA_FREE)}"
    for name in ("startupProbe", "livenessProbe"):
        yield from _asked_elsewhere(manifests, name, _KAFKA_FREE, expected)


@rule(
    f"{RENDER} | grep -A 4 readinessProbe",
    hint="/healthz is 200 even where a bid request cannot be taken.",
)
def readiness_asks_readyz(manifests: Manifests) -> Iterator[str]:
    """Readiness asks `/readyz` where it asks over HTTP."""
    return _asked_elsewhere(manifests, "readinessProbe", _READINESS, "/readyz")


def _asked_elsewhere(
    manifests: Manifests, name: str, paths: frozenset[str], expected: str
) -> Iterator[str]:
    """Yield the probes that ask over HTTP for none of these paths."""
    for container in (each for item in manifests.workloads for each in item.containers):
        probe: Object = container.spec.get(name, {}).get("httpGet", {})
        if "path" in probe and probe["path"] not in paths:
            yield finding(container, f"{name}.httpGet.path", expected=expected, found=probe["path"])


RULES = (
    resources_stated,
    volumes_bounded,
    image_tags,
    probes_present,
    liveness_without_kafka,
    readiness_asks_readyz,
)
