"""The Kubernetes API as kubectl shows it: objects in memory, got, applied and deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.fakes.harness_objects import deployment, items, node, pod, storage_class
from verification.cluster.tools.process import Result

Object = dict[str, Any]
INGEST, LOGIC, KAFKA = "bid-request-handler", "bidding-logic-service", "kafka"
PROMETHEUS = "prometheus"
_UNCHANGED = "overlay"
_IMAGES = {INGEST: "docker.io/rtb/ingest:abc", LOGIC: "docker.io/rtb/consumer:abc"}
_TOPICS = "# name partitions replicas min retention\nbid_requests 1 1 1 1000\n"


def _pod(app: str, name: str = "") -> Object:
    found = pod(name or f"{app}-1", app=app)
    found["metadata"]["uid"] = f"uid of {found['metadata']['name']}"
    maps = [{"configMapRef": {"name": "pipeline"}}]
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  in the container
    container = {"name": "main", "envFrom": maps, "volumeMounts": mounts}
    found["spec"] = {"containers": [container], "nodeName": "node-1"}
    status = found["status"]["containerStatuses"][0]
    status |= {"image": _IMAGES.get(app, "apache/kafka:4.3.1"), "containerID": "containerd://c1"}
    return found


def kafka_pod(name: str) -> Object:
    """Return a broker's pod."""
    return _pod(KAFKA, name)


def _workload(kind: str, name: str) -> Object:
    found = {**deployment(name), "kind": kind}
    maps = [{"configMapRef": {"name": "pipeline"}}]
    template = {"spec": {"containers": [{"name": "main", "envFrom": maps}]}}
    found["spec"] = {**found["spec"], "template": template}
    return found


def _named(name: str, **fields: Any) -> Object:  # noqa: ANN401  whatever the kind has
    return {"metadata": {"name": name}, **fields}


def _healthy() -> dict[str, list[Object]]:
    labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.34",
    }
    active = [{"type": "ScalingActive", "status": "True"}]
    one_node = node()
    one_node["status"]["nodeInfo"] = {"kubeletVersion": "v1.34.3"}
    return {
        "nodes": [one_node],
        "storageclasses": [storage_class()],
        "namespaces": [{"metadata": {"name": "rtb", "labels": labels}}],
        "pods": [_pod(INGEST), _pod(LOGIC), _pod(KAFKA)],
        "deployments": [_workload("Deployment", INGEST), _workload("Deployment", LOGIC)],
        "statefulsets": [_workload("StatefulSet", KAFKA)],
        "jobs": [_named("kafka-topics", kind="Job", spec={}, status={"succeeded": 1})],
        "replicasets": [],
        "configmaps": [
            _named("pipeline", data={"KAFKA_BROKERS": "kafka-service:9092"}),
            _named("kafka-topics-x", data={"topics.txt": _TOPICS}),
        ],
        "persistentvolumeclaims": [_named("data-kafka-0", status={"phase": "Bound"})],
        "poddisruptionbudgets": [
            _named(name, status={"currentHealthy": 1}) for name in (INGEST, LOGIC, KAFKA)
        ],
        "horizontalpodautoscalers": [_named(INGEST, status={"conditions": active})],
    }


@dataclass
class FakeApi:
    """Objects by kind; `faults` are the names of what goes wrong when something is changed."""

    faults: set[str] = field(default_factory=set)
    objects: dict[str, list[Object]] = field(default_factory=_healthy)
    applied: str = _UNCHANGED
    change: str = ""
    said_by_crashed: str = "INGEST_NO_SUCH_SETTING: unknown setting"
    replaced: int = 0

    def __post_init__(self) -> None:
        """Let CoreDNS stand in its own namespace."""
        self.system = {
            "pods": [_pod("coredns")],
            "deployments": [deployment("coredns")],
        }

    def the(self, kind: str, name: str = "") -> Object:
        """Return the object of that kind whose name begins like that."""
        return next(x for x in self.objects[kind] if x["metadata"]["name"].startswith(name))

    def get(self, argv: Sequence[str], _stdin: str) -> str | Result:
        """Answer `kubectl get KINDS [NAME] [--selector ...]`."""
        words = list(argv[argv.index("get") + 1 :])
        kinds, name = words[0], "" if words[1].startswith("--") else words[1]
        store = self.system if "kube-system" in words else self.objects
        if name:
            found = [x for x in store[f"{kinds}s"] if x["metadata"]["name"] == name]
            return json.dumps(found[0]) if found else Result(tuple(argv), 1, "", "NotFound")
        chosen = [item for kind in kinds.split(",") for item in store[kind]]
        if "--selector" in words:
            key, _, value = words[words.index("--selector") + 1].partition("=")
            chosen = [x for x in chosen if x["metadata"].get("labels", {}).get(key) == value]
        return json.dumps(items(*chosen))

    def kustomize(self, argv: Sequence[str], _stdin: str) -> str:
        """Render a folder to one object that has its name; remember what it changes."""
        folder = Path(argv[-1])
        file = folder / "kustomization.yaml"
        if folder.name != _UNCHANGED and file.exists():
            self.change = file.read_text()
        name = _UNCHANGED if folder.name == "overlay" else folder.name
        return yaml.safe_dump({"kind": "Overlay", "metadata": {"name": name}})

    def apply(self, _argv: Sequence[str], stdin: str) -> str:
        """Let what a folder changes come true."""
        self.applied = yaml.safe_load(stdin)["metadata"]["name"]
        changed = self.applied != _UNCHANGED
        ours = (INGEST, PROMETHEUS)
        others = [x for x in self.objects["pods"] if not x["metadata"]["name"].startswith(ours)]
        fresh = _pod(INGEST, f"{INGEST}-2" if changed and "same pods" not in self.faults else "")
        crashes = changed and "NO_SUCH_SETTING" in self.change and "no crash" not in self.faults
        broken = [pod(f"{INGEST}-3", app=INGEST, waiting="CrashLoopBackOff")] if crashes else []
        watched = self.applied == "overlay-monitored" and "no Prometheus" not in self.faults
        watching = [_pod(PROMETHEUS)] if watched else []
        self.objects["pods"] = [*others, fresh, *broken, *watching]
        return ""

    def delete(self, argv: Sequence[str], _stdin: str) -> str:
        """Delete a pod; its controller makes another one at once, but of a check's own pod."""
        kept = [x for x in self.objects["pods"] if x["metadata"]["name"] not in argv]
        if any(word.startswith("slow-") for word in argv):
            self.objects["pods"] = kept
        if "pod" in argv and "never replaced" not in self.faults:
            for item in self.objects["pods"]:
                if item["metadata"]["name"] == argv[argv.index("pod") + 1]:
                    self.replaced += 1
                    item["metadata"]["uid"] = f"uid {self.replaced}"
        return ""
