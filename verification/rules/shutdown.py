"""Whether a pod has the time that its orderly stop may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verification.rules.manifests import Manifests, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import POD, Workload

MARGIN_S = 3.0
_DEFAULT_GRACE_S = 30


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


def _shutdown_adds_up(manifests: Manifests) -> list[str]:
    return [text for budget in BUDGETS for text in _check(manifests, budget)]


def _check(manifests: Manifests, budget: StopBudget) -> Iterator[str]:
    item = manifests.workload(budget.workload)
    if item is None:
        yield f"{budget.workload}: expected a workload, found none"
        return
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
    hooks = (container.get("lifecycle", {}).get("preStop", {}) for _, container in item.containers)
    return max((float(hook.get("sleep", {}).get("seconds", 0)) for hook in hooks), default=0.0)


def _traffic_stops_first(manifests: Manifests) -> list[str]:
    item = manifests.workload("bid-request-handler")
    if item is None:
        return ["bid-request-handler: expected a workload, found none"]
    if pre_stop_seconds(item) >= MARGIN_S:
        return []
    path = f"{POD}.containers[].lifecycle.preStop.sleep.seconds"
    expected = f"{MARGIN_S:g} or more"
    return [finding(item, path, expected=expected, found=pre_stop_seconds(item))]


RULES = (
    StaticRule(
        "static.shutdown-adds-up",
        "The grace period covers the preStop sleep, all that an orderly stop waits for, and 3 s.",
        (f"{RENDER} | grep -E 'terminationGracePeriodSeconds|seconds:|_TIMEOUT_|BACKOFF_MAX'",),
        "Raise terminationGracePeriodSeconds, or lower the timeout that was raised.",
        _shutdown_adds_up,
    ),
    StaticRule(
        "static.traffic-stops-first",
        "The ingest goes on serving for some seconds while it is taken out of its Service.",
        (f"{RENDER} | grep -A 2 preStop",),
        "Set lifecycle.preStop.sleep.seconds.",
        _traffic_stops_first,
    ),
)
