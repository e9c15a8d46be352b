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
_IMAGES = {INGEST: "docker.io/rtb/ingest:abc", LOGIC: "docker.io/rtb/consumer:abc"}
_TOPICS = "# name partitions replicas min retention\nbid_requests 1 1 1 1000\n"
_ENFORCE = "pod-security.kubernetes.io/enforce"
_FROM_MAP = {"envFrom": [{"configMapRef": {"name": "pipeline"}}]}


def running_pod(app: str, name: str = "") -> Object:
    """Return a pod of ours."""
    found = pod(name or f"{app}-1", app=app)
    found["metadata"]["uid"] = f"uid of {found['metadata']['name']}"
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  in the container
    container = {"name": "main", "volumeMounts": mounts, **_FROM_MAP}
    found["spec"] = {"containers": [container], "nodeName": "node-1"}
    status = found["status"]["containerStatuses"][0]
    status |= {"image": _IMAGES.get(app, "apache/kafka:4.3.1"), "containerID": "containerd://c1"}
    return found


def _workload(kind: str, name: str) -> Object:
    found = {**deployment(name), "kind": kind}
    found["spec"]["template"] = {"spec": {"containers": [{"name": "main", **_FROM_MAP}]}}
    return found


def _named(name: str, **fields: Any) -> Object:  # noqa: ANN401  whatever the kind has
    return {"metadata": {"name": name}, **fields}


def _healthy() -> dict[str, list[Object]]:
    enforced = {_ENFORCE: "restricted", f"{_ENFORCE}-version": "v1.34"}
    active = [{"type": "ScalingActive", "status": "True"}]
    one_node = node()
    one_node["status"]["nodeInfo"] = {"kubeletVersion": "v1.34.3"}
    return {
        "nodes": [one_node],
        "storageclasses": [storage_class()],
        "namespaces": [{"metadata": {"name": "rtb", "labels": enforced}}],
        "pods": [running_pod(app) for app in (INGEST, LOGIC, KAFKA, "kafka-topics")],
        "deployments": [_workload("Deployment", INGEST), _workload("Deployment", LOGIC)],
        "statefulsets": [_workload("StatefulSet", KAFKA)],
        "jobs": [_named("kafka-topics", kind="Job", spec={}, status={"succeeded": 1})],
        "replicasets": [],
        "configmaps": [
            _named("pipeline", data={"KAFKA_BROKERS": "kafka-service:9092"}),
            _named("kafka-topics-x", data={"topics.txt": _TOPICS}),
        ],
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
    system_pods: list[Object] = field(default_factory=lambda: [running_pod("coredns")])
    applied: str = "overlay"
    change: str = ""
    said_by_crashed: str = "INGEST_NO_SUCH_SETTING: unknown setting"
    replaced: int = 0

    def the(self, kind: str, name: str = "") -> Object:
        """Return the object of that kind whose name begins like that."""
        return next(x for x in self.objects[kind] if x["metadata"]["name"].startswith(name))

    def enforces(self) -> str:
        """Return the level and version of Pod Security that the namespace's labels name."""
        labels = self.the("namespaces")["metadata"]["labels"]
        return f"{labels[_ENFORCE]}:{labels.get(f'{_ENFORCE}-version', 'latest')}"

    def get(self, argv: Sequence[str], _stdin: str) -> str | Result:
        """Answer `kubectl get KINDS [NAME] [--selector ...]`."""
        words = list(argv[argv.index("get") + 1 :])
        kinds, name = words[0], "" if words[1].startswith("--") else words[1]
        if name:
            found = [x for x in self.objects[f"{kinds}s"] if x["metadata"]["name"] == name]
            return json.dumps(found[0]) if found else Result(tuple(argv), 1, "", "NotFound")
        if "kube-system" in words:
            return json.dumps(items(*self.system_pods))
        chosen = [item for kind in kinds.split(",") for item in self.objects[kind]]
        if "--selector" in words:
            key, _, value = words[words.index("--selector") + 1].partition("=")
            chosen = [x for x in chosen if x["metadata"].get("labels", {}).get(key) == value]
        return json.dumps(items(*chosen))

    def kustomize(self, argv: Sequence[str], _stdin: str) -> str:
        """Render a folder to one object that has its name; remember what it changes."""
        folder = Path(argv[-1])
        if folder.name != "overlay":
            self.change = (folder / "kustomization.yaml").read_text()
        return yaml.safe_dump({"kind": "Overlay", "metadata": {"name": folder.name}})

    def apply(self, _argv: Sequence[str], stdin: str) -> str:
        """Let what a folder changes come true."""
        self.applied = yaml.safe_load(stdin)["metadata"]["name"]
        changed = self.applied != "overlay"
        ours = (INGEST, PROMETHEUS)
        others = [x for x in self.objects["pods"] if not x["metadata"]["name"].startswith(ours)]
        fresh = f"{INGEST}-2" if changed and "same pods" not in self.faults else ""
        crashes = changed and "NO_SUCH_SETTING" in self.change and "no crash" not in self.faults
        broken = [pod(f"{INGEST}-3", app=INGEST, waiting="CrashLoopBackOff")] if crashes else []
        watched = self.applied == "overlay-monitored" and "no Prometheus" not in self.faults
        watching = [running_pod(PROMETHEUS)] if watched else []
        self.objects["pods"] = [*others, running_pod(INGEST, fresh), *broken, *watching]
        return ""

    def delete(self, argv: Sequence[str], _stdin: str) -> str:
        """Delete a pod; its controller makes another one at once, but of a check's own pod."""
        pods = self.objects["pods"]
        if any(word.startswith("slow-") for word in argv):
            self.objects["pods"] = [x for x in pods if x["metadata"]["name"] not in argv]
        elif "pod" in argv and "never replaced" not in self.faults:
            for item in pods:
                if item["metadata"]["name"] in argv:
                    self.replaced += 1
                    item["metadata"]["uid"] = f"uid {self.replaced}"
        return ""
