"""Kubernetes objects as `kubectl get --output json` prints them, as small as they can be."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def items(*objects: Object) -> Object:
    return {"kind": "List", "items": list(objects)}


def node(*, ready: bool = True, labels: dict[str, str] | None = None) -> Object:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": {"name": "node-1", "labels": labels or {}}, "status": status}


def storage_class(*, default: bool = True) -> Object:
    notes = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    return {"metadata": {"name": "standard", "annotations": notes}}


def deployment(name: str = "web", *, wanted: int = 1, have: int = 1) -> Object:
    """Return a Deployment of which `have` of `wanted` replicas are available."""
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "generation": 2},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 2, **dict.fromkeys(counts, have)},
    }


def pod(  # noqa: PLR0913  one argument a fact of the pod
    name: str = "web-1",
    *,
    app: str = "web",
    ready: bool = True,
    waiting: str = "",
    message: str = "",
    restarts: int = 0,
) -> Object:
    """Return a pod of one container, which waits for `waiting` where that is given."""
    state = {"waiting": {"reason": waiting, "message": message}} if waiting else {"running": {}}
    status = {"name": "main", "image": "rtb/web:abc", "state": state, "restartCount": restarts}
    is_ready = ready and not waiting
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": app}},
        "spec": {"containers": [{"name": "main"}]},
        "status": {
            "phase": "Running" if is_ready else "Pending",
            "conditions": [{"type": "Ready", "status": str(is_ready)}],
            "containerStatuses": [status],
        },
    }


def replica_set(name: str, revision: int, *, of: str = "web") -> Object:
    """Return one revision of a Deployment."""
    notes = {"deployment.kubernetes.io/revision": str(revision)}
    item = {"kind": "ReplicaSet", "metadata": {"name": name, "annotations": notes}}
    return owned(item, of)


def owned(item: Object, owner: str) -> Object:
    return {**item, "metadata": {**item["metadata"], "ownerReferences": [{"name": owner}]}}


def unschedulable(name: str = "web-1") -> Object:
    found = pod(name, ready=False)
    why = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}
    found["status"] = {"phase": "Pending", "conditions": [why]}
    return found
