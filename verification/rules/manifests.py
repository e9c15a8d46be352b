"""Rendered manifests as objects that rules can ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from verification.rules.workload import WORKLOAD_KINDS, Workload

NAMESPACE = "rtb"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The objects of one rendered overlay, in the order of the text."""

    objects: tuple[Object, ...]

    @classmethod
    def parse(cls, text: str) -> Manifests:
        """Read what `kubectl kustomize` printed; raise yaml.YAMLError when it is not YAML."""
        return cls(tuple(item for item in yaml.safe_load_all(text) if item))

    def of_kind(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [item for item in self.objects if item["kind"] in kinds]

    def named(self, kind: str, name: str, namespace: str = NAMESPACE) -> Object | None:
        """Return the object of that kind, name and namespace, or None."""
        found = (item for item in self.of_kind(kind) if item["metadata"]["name"] == name)
        return next((item for item in found if namespace_of(item) == namespace), None)

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """What makes pods, in every namespace."""
        return tuple(Workload(item) for item in self.of_kind(*WORKLOAD_KINDS))

    @property
    def services(self) -> list[Object]:
        """The Services."""
        return self.of_kind("Service")

    @property
    def ours(self) -> tuple[Workload, ...]:
        """What makes pods in the product's namespace."""
        return tuple(item for item in self.workloads if item.namespace == NAMESPACE)

    def workload(self, name: str) -> Workload | None:
        """Return the workload of that name in the product's namespace, or None."""
        return next((item for item in self.ours if item.name == name), None)

    def environment(self, workload: Workload) -> dict[str, str]:
        """Return the variables that the workload's containers read from ConfigMaps."""
        values: dict[str, str] = {}
        for _, container in workload.containers:
            for name, key, data in self._references(workload, container):
                values |= data if key is None else {name: data.get(key, "")}
        return values

    def _references(
        self, workload: Workload, container: Object
    ) -> Iterator[tuple[str, str | None, dict[str, str]]]:
        """Yield variable, key (None: all of the map) and the data of each ConfigMap referred to."""
        for source in container.get("envFrom", []):
            reference = source.get("configMapRef", {})
            yield "", None, self.config_map(reference.get("name", ""), workload.namespace)
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("configMapKeyRef")
            if reference is not None:
                data = self.config_map(reference["name"], workload.namespace)
                yield variable["name"], reference["key"], data

    def config_map(self, name: str, namespace: str = NAMESPACE) -> dict[str, str]:
        """Return the data of a ConfigMap; empty when there is none."""
        found = self.named("ConfigMap", name, namespace)
        return dict((found or {}).get("data", {}))


def namespace_of(item: Object) -> str:
    """Return an object's namespace; empty for what belongs to the whole cluster."""
    return str(item["metadata"].get("namespace", ""))


def title(item: Object) -> str:
    """Return `Kind/namespace/name` as findings name an object."""
    parts = (item["kind"], namespace_of(item), item["metadata"]["name"])
    return "/".join(part for part in parts if part)


def finding(where: Object | Workload, path: str, *, expected: str, found: object) -> str:
    """Return one objection: the object, the path in it, what should be there and what is."""
    item = where.item if isinstance(where, Workload) else where
    return f"{title(item)} {path}: expected {expected}, found {found}"
