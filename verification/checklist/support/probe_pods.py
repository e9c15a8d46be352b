"""Probing from inside pods: small Python programs and pods of our own that are removed again."""

from __future__ import annotations

import uuid
from typing import Any

from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.context import Context
from verification.cluster.pods import blocked
from verification.cluster.service_images import CONSUMER
from verification.cluster.tools.kubectl import Kubectl

# Prints `open`, `timed out`, or what else became of each connection; all are tried at once.
CONNECT = """\
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def fate(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        return f"{target} {type(error).__name__} {error}"
    return f"{target} open"

with ThreadPoolExecutor() as pool:
    for line in pool.map(fate, sys.argv[1:]):
        print(line)
"""
_DONE_WITHIN_S = 40.0


def connections(printed: str) -> dict[str, str]:
    """Read what CONNECT printed: the fate of the connection by target."""
    pairs = (line.split(" ", 1) for line in printed.splitlines() if " " in line)
    return {target: fate for target, fate in pairs}  # noqa: C416  pairs are lists, dict() is untyped


def connect_from(context: Context, pod: str, *targets: str) -> dict[str, str]:
    """Try to connect to each host:port from inside a pod of ours."""
    result = context.kubectl.exec(pod, ["python", "-", *targets], stdin=CONNECT, timeout=40)
    return connections(result.checked().stdout)


def restricted_pod(name: str, image: str, command: list[str], *, user: int) -> dict[str, Any]:
    """Return a pod that fits the level `restricted`, but for a `user` of 0."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsUser": user,
        "runAsNonRoot": user > 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "probe",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "securityContext": security,
        "resources": {"limits": {"memory": "64Mi"}},
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def stranger_connections(context: Context, *targets: str) -> dict[str, str]:
    """Try to connect to each host:port from a pod of another namespace; remove it again.

    The pod has a name of its own: checks run side by side.
    """
    settings = context.settings
    kubectl = Kubectl(context.runner, context.kubeconfig, settings.context, "default")
    name = f"stranger-{context.run_id}-{uuid.uuid4().hex[:8]}"
    command = ["python", "-c", CONNECT, *targets]
    pod = restricted_pod(name, context.images[CONSUMER], command, user=10001)
    try:
        kubectl.create(pod)
        _wait_done(context, kubectl, name)
        return connections(kubectl.logs(name, "probe"))
    finally:
        kubectl.delete("pod", name)


def waits_for(pod: dict[str, Any], expected: str) -> str | None:
    """Return what a pod of ours waits for, None: nothing; raise when it waits in vain."""
    reason = blocked(pod)
    if reason is not None and reason.terminal:
        raise NotAsPromisedError(expected=expected, found=reason.message)
    return reason.message if reason else None


def _wait_done(context: Context, kubectl: Kubectl, name: str) -> None:
    def blocked_by() -> str | None:
        pod = kubectl.get("pod", name)
        if pod["status"].get("phase") == "Succeeded":
            return None
        return waits_for(pod, expected="the probe to run") or "it is running"

    context.waiter.until(f"pod {name}", blocked_by, within=_DONE_WITHIN_S)
