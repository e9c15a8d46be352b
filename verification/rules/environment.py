"""Where settings come from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from verification.rules.manifests import Manifests, Object, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import POD, Workload

_HASHED = re.compile(r".+-[a-z0-9]{10}")


def _settings_in_config_maps(manifests: Manifests) -> list[str]:
    return [
        finding(
            item, f"{path}.env[{variable['name']}]", expected="valueFrom", found=variable["value"]
        )
        for item in manifests.workloads
        for path, container in item.all_containers
        for variable in container.get("env", [])
        if "$(" not in variable.get("value", "$(")
    ]


def _config_maps_exist(manifests: Manifests) -> list[str]:
    return [
        text
        for item in manifests.workloads
        for path, name in _referred(item)
        for text in _config_map(manifests, item, path, name)
    ]


def _referred(item: Workload) -> Iterator[tuple[str, str]]:
    for volume in item.pod.get("volumes", []):
        if "configMap" in volume:
            yield f"{POD}.volumes[{volume['name']}].configMap.name", volume["configMap"]["name"]
    for path, container in item.all_containers:
        yield from _in_environment(path, container)


def _in_environment(path: str, container: Object) -> Iterator[tuple[str, str]]:
    for index, source in enumerate(container.get("envFrom", [])):
        if "configMapRef" in source:
            yield f"{path}.envFrom[{index}].configMapRef.name", source["configMapRef"]["name"]
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("configMapKeyRef")
        if reference is not None:
            yield f"{path}.env[{variable['name']}].configMapKeyRef.name", reference["name"]


def _config_map(manifests: Manifests, item: Workload, path: str, name: str) -> Iterator[str]:
    if manifests.named("ConfigMap", name, item.namespace) is None:
        yield finding(item, path, expected="a ConfigMap that is there", found=name)
    elif not _HASHED.fullmatch(name):
        yield finding(item, path, expected="a name that ends in the content's hash", found=name)


RULES = (
    StaticRule(
        "static.settings-in-config-maps",
        "No setting stands in a pod's spec.",
        (f"{RENDER} | grep -A 8 ' env:'",),
        "Put it into the .env file beside the workload.",
        _settings_in_config_maps,
    ),
    StaticRule(
        "static.config-maps-exist",
        "Each ConfigMap that a pod reads is there, under a name that changes with its content.",
        (f"{RENDER} | grep -B 1 -A 2 -E 'configMap(Ref|KeyRef)?:'",),
        "Make it with configMapGenerator and leave its hash on.",
        _config_maps_exist,
    ),
)
