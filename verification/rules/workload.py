"""A Deployment, StatefulSet or Job and the pods that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

WORKLOAD_KINDS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
POD = "spec.template.spec"
ADMIN = "admin"  # the name of a port that is not for everybody


@dataclass(frozen=True)
class Workload:
    """One object that makes pods."""

    item: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.item["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return str(self.item["metadata"].get("namespace", ""))

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
    def containers(self) -> list[tuple[str, Object]]:
        """The containers, each with its path in the object."""
        return [(f"{POD}.containers[{item['name']}]", item) for item in self.pod["containers"]]

    @property
    def all_containers(self) -> list[tuple[str, Object]]:
        """The containers and init containers, each with its path in the object."""
        first = self.pod.get("initContainers", [])
        starting = [(f"{POD}.initContainers[{item['name']}]", item) for item in first]
        return [*starting, *self.containers]

    @property
    def ports(self) -> list[tuple[Object, Object]]:
        """Each container with each of its ports."""
        return [(item, port) for _, item in self.containers for port in item.get("ports", [])]

    def port(self, name: str) -> Object | None:
        """Return the container port of that name, or None."""
        return next((port for _, port in self.ports if port.get("name") == name), None)
