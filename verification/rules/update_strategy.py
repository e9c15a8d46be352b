"""How a new version replaces the old one."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import Manifests, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import Workload

LONGEST_PROGRESS_S = 180


def _safe_rollout(manifests: Manifests) -> list[str]:
    return [text for item in manifests.workloads for text in _rollout(item)]


def _rollout(item: Workload) -> Iterator[str]:
    if not item.serves:
        return
    if (settled := item.spec.get("minReadySeconds", 0)) < 1:
        yield finding(item, "spec.minReadySeconds", expected="1 or more", found=settled)
    if item.item["kind"] == "Deployment":
        yield from _deployment(item)


def _deployment(item: Workload) -> Iterator[str]:
    rolling = item.spec.get("strategy", {}).get("rollingUpdate", {})
    if (gap := rolling.get("maxUnavailable")) != 0:
        path = "spec.strategy.rollingUpdate.maxUnavailable"
        yield finding(item, path, expected="0", found=gap)
    deadline = item.spec.get("progressDeadlineSeconds", 600)
    needed = startup_seconds(item) + item.spec.get("minReadySeconds", 0)
    if not needed < deadline <= LONGEST_PROGRESS_S:
        expected = f"more than {needed} (startup and settling), at most {LONGEST_PROGRESS_S}"
        yield finding(item, "spec.progressDeadlineSeconds", expected=expected, found=deadline)


def startup_seconds(item: Workload) -> int:
    """Return the seconds that the startup probes of a pod allow it."""
    probes = (container.get("startupProbe", {}) for _, container in item.containers)
    allowed = (int(x.get("periodSeconds", 10)) * int(x.get("failureThreshold", 3)) for x in probes)
    return max(allowed, default=0)


def _finite_jobs(manifests: Manifests) -> list[str]:
    jobs = (item for item in manifests.workloads if not item.serves)
    return [
        finding(item, f"spec.{field}", expected="a number", found="none")
        for item in jobs
        for field in ("activeDeadlineSeconds", "backoffLimit")
        if field not in item.spec
    ]


def _spread(manifests: Manifests) -> list[str]:
    return [
        finding(item, "spec.template.spec.topologySpreadConstraints", expected=_HOST, found="none")
        for item in manifests.ours
        if item.replicas > 1
        and not any(map(_by_host, item.pod.get("topologySpreadConstraints", [])))
    ]


_HOST = "kubernetes.io/hostname"


def _by_host(constraint: dict[str, object]) -> bool:
    return constraint["topologyKey"] == _HOST


RULES = (
    StaticRule(
        "static.rollout-safe",
        "A new version takes over without one pod fewer, and a bad one is soon given up.",
        (f"{RENDER} | grep -E 'maxUnavailable|minReadySeconds|progressDeadlineSeconds'",),
        "progressDeadlineSeconds must exceed what startup probe and minReadySeconds allow.",
        _safe_rollout,
    ),
    StaticRule(
        "static.jobs-finite",
        "Each Job has a deadline and a bounded number of retries.",
        (f"{RENDER} | grep -E 'activeDeadlineSeconds|backoffLimit'",),
        "Set activeDeadlineSeconds and backoffLimit.",
        _finite_jobs,
    ),
    StaticRule(
        "static.pods-spread",
        "The pods of a workload that has several prefer different nodes.",
        ("kubectl kustomize manifests/overlays/ha | grep -A 8 topologySpreadConstraints",),
        "See manifests/overlays/ha/spread.yaml.",
        _spread,
    ),
)
