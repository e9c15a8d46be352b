"""Rendered manifests as objects that rules can ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

NAMESPACE = "rtb"
POD = "spec.template.spec"
ADMIN = "admin"  # the name of a port that is not for everybody
_WORKLOAD_KINDS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Container:
    """A container, with the object that makes its pod and its path in that."""

    item: Object
    path: str
    spec: Object


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or Job and the pods that it makes."""

    item: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.item["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return namespace_of(self.item)

    @property
    def spec(self) -> Object:
        """The object's spec."""
        return dict(self.item["spec"])

    @property
    def pod(self) -> Object:
        """The spec of the pods."""
        return dict(self.spec["template"]["spec"])

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the pods."""
        return dict(self.spec["template"].get("metadata", {}).get("labels", {}))

    @property
    def serves(self) -> bool:
        """Whether its pods are to run for good."""
        return bool(self.item["kind"] != "Job")

    @property
    def replicas(self) -> int:
        """How many pods are wanted."""
        return int(self.spec.get("replicas", 1))

    @property
    def containers(self) -> list[Container]:
        """The containers without those that run first."""
        return list(self._containers("containers"))

    @property
    def all_containers(self) -> list[Container]:
        """The containers, those that run first included."""
        return [*self._containers("initContainers"), *self.containers]

    def _containers(self, field: str) -> Iterator[Container]:
        for spec in self.pod.get(field, []):
            yield Container(self.item, f"{POD}.{field}[{spec['name']}]", spec)

    @property
    def ports(self) -> list[tuple[Container, Object]]:
        """Each container with each of its ports."""
        return [(each, port) for each in self.containers for port in each.spec.get("ports", [])]

    def port(self, name: str) -> Object | None:
        """Return the container port of that name, or None."""
        return next((port for _, port in self.ports if port.get("name") == name), None)


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
        return tuple(Workload(item) for item in self.of_kind(*_WORKLOAD_KINDS))

    @property
    def ours(self) -> tuple[Workload, ...]:
        """What makes pods in the product's namespace."""
        return tuple(item for item in self.workloads if item.namespace == NAMESPACE)

    @property
    def all_containers(self) -> Iterator[Container]:
        """The containers of all workloads, those that run first included."""
        return (container for item in self.workloads for container in item.all_containers)

    def workload(self, name: str) -> Workload | None:
        """Return the workload of that name in the product's namespace, or None."""
        return next((item for item in self.ours if item.name == name), None)

    def environment(self, workload: Workload) -> dict[str, str]:
        """Return the variables that the workload's containers read from ConfigMaps."""
        values: dict[str, str] = {}
        for container in workload.containers:
            for source in container.spec.get("envFrom", []):
                name = source.get("configMapRef", {}).get("name", "")
                values |= self._config_map(name, workload.namespace)
            for variable in container.spec.get("env", []):
                key = variable.get("valueFrom", {}).get("configMapKeyRef")
                if key is not None:
                    data = self._config_map(key["name"], workload.namespace)
                    values[variable["name"]] = data.get(key["key"], "")
        return values

    def _config_map(self, name: str, namespace: str) -> dict[str, str]:
        found = self.named("ConfigMap", name, namespace)
        return dict((found or {}).get("data", {}))


def namespace_of(item: Object) -> str:
    """Return an object's namespace; empty for what belongs to the whole cluster."""
    return str(item["metadata"].get("namespace", ""))


def title(item: Object) -> str:
    """Return `Kind/namespace/name` as findings name an object."""
    parts = (item["kind"], namespace_of(item), item["metadata"]["name"])
    return "/".join(part for part in parts if part)


def finding(
    where: Object | Workload | Container, path: str, *, expected: str, found: object
) -> str:
    """Return one objection: the object, the path in it, what should be there and what is."""
    item = where.item if isinstance(where, Workload | Container) else where
    place = f"{where.path}.{path}" if isinstance(where, Container) else path
    return f"{title(item)} {place}: expected {expected}, found {found}"
