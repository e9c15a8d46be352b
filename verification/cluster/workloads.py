"""Reading a workload's status: what a roll-out still waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Object = dict[str, Any]

KINDS = "deployments,statefulsets,jobs"


def title(workload: Object) -> str:
    """Return `kind/name` as kubectl takes it."""
    return f"{workload['kind'].lower()}/{workload['metadata']['name']}"


def pending(workload: Object) -> str | None:
    """Return what a Deployment, StatefulSet or Job still lacks; None: it is all there."""
    if workload["kind"] == "Job":
        return _pending_job(workload)
    return _pending_replicas(workload)


def _pending_job(job: Object) -> str | None:
    done = int(job.get("status", {}).get("succeeded", 0))
    wanted = int(job["spec"].get("completions", 1))
    return None if done >= wanted else f"{title(job)}: {done} of {wanted} completions"


def failure(workload: Object) -> str | None:
    """Return why a workload has given up (a failed Job, a deadline exceeded); None: it has not."""
    for entry in workload.get("status", {}).get("conditions", []):
        failed_job = entry["type"] == "Failed" and entry["status"] == "True"
        stuck = entry.get("reason") == "ProgressDeadlineExceeded"
        if failed_job or stuck:
            return f"{title(workload)}: {entry.get('reason')}: {entry.get('message', '')}"
    return None


def _pending_replicas(workload: Object) -> str | None:
    status = workload.get("status", {})
    if int(status.get("observedGeneration", 0)) < int(workload["metadata"].get("generation", 0)):
        return f"{title(workload)}: the controller has not seen the change yet"
    wanted = int(workload["spec"].get("replicas", 1))
    for name in ("updatedReplicas", "readyReplicas", "availableReplicas"):
        have = int(status.get(name, 0))
        if have < wanted:
            return f"{title(workload)}: {have} of {wanted} {name}"
    surplus = int(status.get("replicas", 0)) - wanted
    return f"{title(workload)}: {surplus} old pods are still there" if surplus > 0 else None


def current_pods(items: Sequence[Object]) -> list[Object]:
    """Return the pods but those of a Deployment's older revisions: nobody waits for them."""
    sets = [item for item in items if item["kind"] == "ReplicaSet"]
    newest: dict[str, int] = {}
    for item in sets:
        newest[_owner(item)] = max(newest.get(_owner(item), 0), _revision(item))
    old = {item["metadata"]["name"] for item in sets if _revision(item) < newest[_owner(item)]}
    return [item for item in items if item["kind"] == "Pod" and _owner(item) not in old]


def _owner(item: Object) -> str:
    owners = item["metadata"].get("ownerReferences", [])
    return str(owners[0]["name"]) if owners else ""


def _revision(replica_set: Object) -> int:
    notes = replica_set["metadata"].get("annotations", {})
    return int(notes.get("deployment.kubernetes.io/revision", 0))
