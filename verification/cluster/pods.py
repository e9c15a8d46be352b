"""Reading a pod's status: what keeps it from being ready, and whether waiting can help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

# Reasons that do not go away by themselves within a roll-out's patience.
TERMINAL = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
        "Unschedulable",
    }
)
# A reason counts only when it lasts: a pod is unschedulable while its volume is being made, and one
# that crashed may be on its way out already.
GRACE_S = 5.0


@dataclass(frozen=True)
class Blocked:
    """Why a pod is not ready: the reason's name, and a sentence with pod, container and image."""

    reason: str
    message: str
    pod: str = ""

    @property
    def terminal(self) -> bool:
        """Whether waiting longer is useless."""
        return self.reason in TERMINAL


def name_of(item: Object) -> str:
    """Return an object's name."""
    return str(item["metadata"]["name"])


def is_ready(pod: Object) -> bool:
    """Say whether a pod is ready and not on its way out."""
    return condition(pod, "Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def condition(item: Object, kind: str) -> str:
    """Return the status (`True`, `False`, `Unknown`) of one of an object's conditions."""
    return str(_condition(item, kind).get("status", "Unknown"))


def _condition(item: Object, kind: str) -> Object:
    found = item.get("status", {}).get("conditions", [])
    return next((entry for entry in found if entry.get("type") == kind), {})


def blocked(pod: Object) -> Blocked | None:
    """Return what keeps a pod from being ready, the most telling reason first; None: nothing."""
    if pod.get("status", {}).get("phase") == "Succeeded" or is_ready(pod):
        return None
    reasons = [*_scheduling(pod), *_containers(pod)]
    terminal = [reason for reason in reasons if reason.terminal]
    waiting = Blocked("NotReady", f"{name_of(pod)}: {_phase(pod)}", name_of(pod))
    return next(iter([*terminal, *reasons, waiting]))


def _phase(pod: Object) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "is being deleted"
    return f"{pod.get('status', {}).get('phase', 'Unknown')}, not ready yet"


def _scheduling(pod: Object) -> Iterator[Blocked]:
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        reason = str(scheduled.get("reason", "NotScheduled"))
        message = f"{reason}: pod {name_of(pod)}: {scheduled.get('message', '')}"
        yield Blocked(reason, message, name_of(pod))


def containers(pod: Object) -> Iterator[Object]:
    """Yield the statuses of all of a pod's containers, init containers first."""
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses", [])
    yield from status.get("containerStatuses", [])


def _containers(pod: Object) -> Iterator[Blocked]:
    for status in containers(pod):
        waiting = status.get("state", {}).get("waiting")
        if waiting:
            yield _waiting(pod, status, waiting)


def _waiting(pod: Object, status: Object, waiting: Object) -> Blocked:
    reason = str(waiting.get("reason", "Waiting"))
    where = f"pod {name_of(pod)}, container {status['name']}, image {status['image']}"
    detail = str(waiting.get("message", "")) or _last_end(status)
    message = f"{reason}: {where}" + (f": {detail}" if detail else "")
    return Blocked(reason, message, name_of(pod))


def _last_end(status: Object) -> str:
    ended = status.get("lastState", {}).get("terminated", {})
    return f"last exit code {ended['exitCode']}" if "exitCode" in ended else ""


def restarts(pods: Iterable[Object]) -> dict[str, int]:
    """Return restart counts by `pod/container`, of those that restarted at all."""
    counted = (
        (f"{name_of(pod)}/{status['name']}", int(status.get("restartCount", 0)))
        for pod in pods
        for status in containers(pod)
    )
    return {name: count for name, count in counted if count}
