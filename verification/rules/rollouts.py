"""How a new version replaces the old one, and whether a pod has the time to stop in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verification.rules.manifests import POD, Manifests, Workload, finding
from verification.rules.rule import RENDER, rule

LONGEST_PROGRESS_S = 180
MARGIN_S = 3.0
_DEFAULT_GRACE_S = 30
_HOST = "kubernetes.io/hostname"


@dataclass(frozen=True)
class StopBudget:
    """What the stop of one workload waits for: its settings, each with its worth in seconds."""

    workload: str
    settings: Mapping[str, float]
    fixed_s: float = 0.0


BUDGETS = (
    StopBudget(
        "bid-request-handler",
        # gunicorn lets requests in flight finish, then the producer flushes
        {"INGEST_GRACEFUL_TIMEOUT_S": 1.0, "INGEST_DRAIN_TIMEOUT_S": 1.0},
    ),
    StopBudget(
        "bidding-logic-service",
        # the longest round of the poll loop, where a dead letter costs the publish timeout once
        # more, and what waits for sinks beside Kafka
        {
            "CONSUMER_POLL_TIMEOUT_MS": 0.001,
            "CONSUMER_PUBLISH_TIMEOUT_MS": 0.002,
            "CONSUMER_COMMIT_TIMEOUT_MS": 0.001,
            "CONSUMER_RETRY_BACKOFF_MAX_MS": 0.001,
            "CONSUMER_SINK_DRAIN_MS": 0.001,
        },
    ),
    # a controlled shutdown hands over leaderships, then the logs are closed
    StopBudget("kafka", {}, fixed_s=30.0),
)


@rule(
    f"{RENDER} | grep -E 'maxUnavailable|minReadySeconds|progressDeadlineSeconds'",
    hint="progressDeadlineSeconds must exceed what startup probe and minReadySeconds allow.",
)
def rollout_safe(manifests: Manifests) -> Iterator[str]:
    """A new version takes over without one pod fewer, and a bad one is soon given up."""
    for item in (item for item in manifests.workloads if item.serves):
        settled = item.spec.get("minReadySeconds", 0)
        if settled < 1:
            yield finding(item, "spec.minReadySeconds", expected="1 or more", found=settled)
        if item.item["kind"] != "Deployment":
            continue
        gap = item.spec.get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable")
        if gap != 0:
            path = "spec.strategy.rollingUpdate.maxUnavailable"
            yield finding(item, path, expected="0", found=gap)
        deadline = item.spec.get("progressDeadlineSeconds", 600)
        needed = startup_seconds(item) + settled
        if not needed < deadline <= LONGEST_PROGRESS_S:
            expected = f"more than {needed} (startup and settling), at most {LONGEST_PROGRESS_S}"
            yield finding(item, "spec.progressDeadlineSeconds", expected=expected, found=deadline)


def startup_seconds(item: Workload) -> int:
    """Return the seconds that the startup probes of a pod allow it."""
    probes = (container.spec.get("startupProbe", {}) for container in item.containers)
    allowed = (int(x.get("periodSeconds", 10)) * int(x.get("failureThreshold", 3)) for x in probes)
    return max(allowed, default=0)


@rule(
    f"{RENDER} | grep -E 'activeDeadlineSeconds|backoffLimit'",
    hint="Set activeDeadlineSeconds and backoffLimit.",
)
def jobs_finite(manifests: Manifests) -> Iterator[str]:
    """Each Job has a deadline and a bounded number of retries."""
    for item in (item for item in manifests.workloads if not item.serves):
        for field in ("activeDeadlineSeconds", "backoffLimit"):
            if field not in item.spec:
                yield finding(item, f"spec.{field}", expected="a number", found="none")


@rule(
    "kubectl kustomize manifests/overlays/ha | grep -A 8 topologySpreadConstraints",
    hint="See manifests/overlays/ha/spread.yaml.",
)
def pods_spread(manifests: Manifests) -> Iterator[str]:
    """The pods of a workload that has several prefer different nodes."""
    field = "topologySpreadConstraints"
    for item in manifests.ours:
        by = [constraint["topologyKey"] for constraint in item.pod.get(field, [])]
        if item.replicas > 1 and _HOST not in by:
            yield finding(item, f"{POD}.{field}", expected=_HOST, found="none")


@rule(
    f"{RENDER} | grep -E 'terminationGracePeriodSeconds|seconds:|_TIMEOUT_|BACKOFF_MAX'",
    hint="Raise terminationGracePeriodSeconds, or lower the timeout that was raised.",
)
def shutdown_adds_up(manifests: Manifests) -> Iterator[str]:
    """The grace period covers the preStop sleep, all that an orderly stop waits for, and 3 s."""
    for budget in BUDGETS:
        item = manifests.workload(budget.workload)
        if item is None:
            yield f"{budget.workload}: expected a workload, found none"
            continue
        environment = manifests.environment(item)
        missing = [name for name in budget.settings if name not in environment]
        for name in missing:
            yield finding(item, "configuration", expected=f"{name} in a ConfigMap", found="none")
        if not missing:
            yield from _too_short(item, budget, environment)


def _too_short(item: Workload, budget: StopBudget, environment: Mapping[str, str]) -> Iterator[str]:
    waits = sum(float(environment[name]) * worth for name, worth in budget.settings.items())
    needed = pre_stop_seconds(item) + waits + budget.fixed_s + MARGIN_S
    grace = item.pod.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_S)
    if grace < needed:
        path = f"{POD}.terminationGracePeriodSeconds"
        yield finding(item, path, expected=f"{needed:g} or more", found=grace)


def pre_stop_seconds(item: Workload) -> float:
    """Return the longest preStop sleep of a workload's containers."""
    hooks = (each.spec.get("lifecycle", {}).get("preStop", {}) for each in item.containers)
    return max((float(hook.get("sleep", {}).get("seconds", 0)) for hook in hooks), default=0.0)


@rule(f"{RENDER} | grep -A 2 preStop", hint="Set lifecycle.preStop.sleep.seconds.")
def traffic_stops_first(manifests: Manifests) -> Iterator[str]:
    """The ingest goes on serving for some seconds while it is taken out of its Service."""
    item = manifests.workload("bid-request-handler")
    if item is None:
        yield "bid-request-handler: expected a workload, found none"
    elif (sleeps := pre_stop_seconds(item)) < MARGIN_S:
        path = f"{POD}.containers[].lifecycle.preStop.sleep.seconds"
        yield finding(item, path, expected=f"{MARGIN_S:g} or more", found=sleeps)


RULES = (rollout_safe, jobs_finite, pods_spread, shutdown_adds_up, traffic_stops_first)
