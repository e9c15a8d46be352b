"""Putting the manifests into the cluster and seeing the roll-out through."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from verification.clock import Clock
from verification.cluster.pods import GRACE_S, Blocked, blocked
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.waiting import Waiter, WaitTimeoutError
from verification.cluster.workloads import KINDS, current_pods, failure, pending
from verification.errors import RolloutError

Object = dict[str, Any]
ROLLOUT_WAIT_S = 180.0
_ADVICE = "`kubectl describe` and `kubectl logs` of that pod tell more"


def write_overlay(folder: Path, base: Path, images: Iterable[str]) -> Path:
    """Write a kustomization into `folder` that is `base` with these image tags; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    tags = [dict(zip(("name", "newTag"), image.rsplit(":", 1), strict=True)) for image in images]
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(base, folder)],
        "images": tags,
    }
    text = yaml.safe_dump(kustomization, sort_keys=False)
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    return folder


class Rollout:
    """The workloads of our namespace on their way to being available."""

    def __init__(self, kubectl: Kubectl, waiter: Waiter, clock: Clock) -> None:
        self._kubectl = kubectl
        self._waiter = waiter
        self._clock = clock
        self._since: dict[str, float] = {}

    def wait(self, within: float = ROLLOUT_WAIT_S) -> float:
        """Wait until all is available; RolloutError at once for what waiting cannot help."""
        try:
            return self._waiter.until("rollout", self.blocked_by, within=within)
        except WaitTimeoutError as error:
            raise RolloutError(error.message, _ADVICE) from error

    def blocked_by(self) -> str | None:
        """Return the most telling reason why the roll-out is not finished; None: it is."""
        items = self._kubectl.list(f"{KINDS},replicasets,pods")
        workloads = [item for item in items if item["kind"] not in {"Pod", "ReplicaSet"}]
        stopped = [Blocked("GivenUp", found) for found in map(failure, workloads) if found]
        found = [reason for pod in current_pods(items) if (reason := blocked(pod))]
        self._forget({reason.pod for reason in found if reason.terminal})
        hopeless = stopped or [reason for reason in found if self._hopeless(reason)]
        if hopeless:
            raise RolloutError(hopeless[0].message, _ADVICE)
        if not workloads:
            return "there are no workloads yet"
        lacking = next(filter(None, map(pending, workloads)), None)
        return None if lacking is None else "; ".join([lacking, *(x.message for x in found[:1])])

    def _hopeless(self, reason: Blocked) -> bool:
        if not reason.terminal:
            return False
        now = self._clock.monotonic()
        return now - self._since.setdefault(reason.pod, now) >= GRACE_S

    def _forget(self, stuck: set[str]) -> None:
        """Let the time begin anew for pods that have got out of trouble meanwhile."""
        self._since = {pod: since for pod, since in self._since.items() if pod in stuck}
