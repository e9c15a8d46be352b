"""What a pod asks for and may write to."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import Manifests, Object, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import POD, Workload

_NEEDED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))


def _resources_stated(manifests: Manifests) -> list[str]:
    return [
        finding(item, f"{path}.resources.{side}.{name}", expected="a quantity", found="none")
        for item in manifests.workloads
        for path, container in item.all_containers
        for side, name in _NEEDED
        if name not in container.get("resources", {}).get(side, {})
    ]


def _bounded_volumes(manifests: Manifests) -> list[str]:
    return [text for item in manifests.workloads for text in _volumes(item)]


def _volumes(item: Workload) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in item.pod.get("volumes", [])}
    claims = {claim["metadata"]["name"] for claim in item.spec.get("volumeClaimTemplates", [])}
    for path, container in item.all_containers:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes.keys() | claims:
                where = f"{path}.volumeMounts[{mount['mountPath']}]"
                yield finding(item, where, expected="a volume of the pod", found=mount["name"])
    for name, volume in volumes.items():
        if _unbounded(volume):
            where = f"{POD}.volumes[{name}].emptyDir.sizeLimit"
            yield finding(item, where, expected="a quantity", found="none")


def _unbounded(volume: Object) -> bool:
    return "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {})


RULES = (
    StaticRule(
        "static.resources-stated",
        "Each container requests CPU and memory and has a memory limit.",
        (f"{RENDER} | grep -A 6 resources:",),
        "Measure with `kubectl top pods --containers`, then state it.",
        _resources_stated,
    ),
    StaticRule(
        "static.volumes-bounded",
        "Each mount names a volume of its pod, and each scratch volume has a size limit.",
        (f"{RENDER} | grep -A 2 emptyDir",),
        "Add sizeLimit: an unbounded emptyDir fills the node's disk.",
        _bounded_volumes,
    ),
)
