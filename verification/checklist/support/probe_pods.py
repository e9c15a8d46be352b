"""Probing from inside pods: small Python programs and pods of our own that are removed again."""

from __future__ import annotations

import uuid
from typing import Any

import yaml

from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.context import Context
from verification.cluster.pods import blocked
from verification.cluster.service_images import CONSUMER

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
_RESTRICTED = """
apiVersion: v1
kind: Pod
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  containers:
  - name: probe
    imagePullPolicy: IfNotPresent
    resources: {limits: {memory: 64Mi}}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
      seccompProfile: {type: RuntimeDefault}
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
    pod: dict[str, Any] = yaml.safe_load(_RESTRICTED)
    (container,) = pod["spec"]["containers"]
    pod["metadata"] = {"name": name}
    container |= {"image": image, "command": command}
    container["securityContext"] |= {"runAsUser": user, "runAsNonRoot": user > 0}
    return pod


def stranger_connections(context: Context, *targets: str) -> dict[str, str]:
    """Try to connect to each host:port from a pod of another namespace; remove it again.

    The pod has a name of its own: checks run side by side.
    """
    kubectl = context.kubectl_of("default")
    name = f"stranger-{context.run_id}-{uuid.uuid4().hex[:8]}"
    command = ["python", "-c", CONNECT, *targets]
    pod = restricted_pod(name, context.images[CONSUMER], command, user=10001)

    def blocked_by() -> str | None:
        found = kubectl.get("pod", name)
        if found["status"].get("phase") == "Succeeded":
            return None
        return waits_for(found, expected="the probe to run") or "it is running"

    try:
        kubectl.create(pod)
        context.waiter.until(f"pod {name}", blocked_by, within=_DONE_WITHIN_S)
        return connections(kubectl.logs(name, "probe"))
    finally:
        kubectl.delete("pod", name)


def waits_for(pod: dict[str, Any], expected: str) -> str | None:
    """Return what a pod of ours waits for, None: nothing; raise when it waits in vain."""
    reason = blocked(pod)
    if reason is not None and reason.terminal:
        raise NotAsPromisedError(expected=expected, found=reason.message)
    return reason.message if reason else None
