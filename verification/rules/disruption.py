"""What may be taken away at a time, and what may be added."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import Manifests, Object, finding, namespace_of
from verification.rules.rule import RENDER, StaticRule
from verification.rules.selectors import selects
from verification.rules.workload import Workload


def _disruption_budgets(manifests: Manifests) -> list[str]:
    budgets = manifests.of_kind("PodDisruptionBudget")
    serving = [item for item in manifests.ours if item.serves]
    uncovered = [text for item in serving for text in _covered(item, budgets)]
    return uncovered + [text for budget in budgets for text in _room(manifests, budget)]


def _matches(budget: Object, item: Workload) -> bool:
    same = namespace_of(budget) == item.namespace
    return same and selects(budget["spec"].get("selector", {}), item.labels)


def _covered(item: Workload, budgets: list[Object]) -> Iterator[str]:
    names = [budget["metadata"]["name"] for budget in budgets if _matches(budget, item)]
    if len(names) != 1:
        yield finding(item, "pods", expected="one PodDisruptionBudget", found=names)


def _room(manifests: Manifests, budget: Object) -> Iterator[str]:
    pods = [item for item in manifests.workloads if _matches(budget, item)]
    if len(pods) != 1:
        names = [item.name for item in pods]
        yield finding(budget, "spec.selector", expected="the pods of one workload", found=names)
    elif not _leaves_room(budget["spec"], pods[0].replicas):
        expected = f"room for one of {pods[0].replicas}"
        yield finding(budget, "spec", expected=expected, found=_limits(budget["spec"]))


def _limits(spec: Object) -> dict[str, object]:
    return {name: spec[name] for name in ("minAvailable", "maxUnavailable") if name in spec}


def _leaves_room(spec: Object, replicas: int) -> bool:
    if "maxUnavailable" in spec:
        return spec["maxUnavailable"] not in (0, "0%")
    least = spec.get("minAvailable", 0)
    return isinstance(least, int) and least < replicas


def _autoscaling(manifests: Manifests) -> list[str]:
    return [
        text
        for scaler in manifests.of_kind("HorizontalPodAutoscaler")
        for text in _scaler(manifests, scaler)
    ]


def _scaler(manifests: Manifests, scaler: Object) -> Iterator[str]:
    spec = scaler["spec"]
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if not least < most:
        yield finding(scaler, "spec.maxReplicas", expected=f"more than {least}", found=most)
    target = manifests.workload(spec["scaleTargetRef"]["name"])
    if target is None or target.item["kind"] != spec["scaleTargetRef"]["kind"]:
        path = "spec.scaleTargetRef"
        yield finding(scaler, path, expected="a workload", found=spec["scaleTargetRef"])
    elif "replicas" in target.spec:
        found = target.spec["replicas"]
        yield finding(target, "spec.replicas", expected="none beside an autoscaler", found=found)


RULES = (
    StaticRule(
        "static.disruption-budgets",
        "Each serving workload has one PodDisruptionBudget, which leaves room to drain a node.",
        (f"{RENDER} | grep -A 12 PodDisruptionBudget",),
        "maxUnavailable: 1 leaves room whatever the number of pods.",
        _disruption_budgets,
    ),
    StaticRule(
        "static.autoscaler-fits",
        "An autoscaler has a target that exists and leaves its number alone, and a range.",
        ("kubectl kustomize manifests/overlays/kind-autoscaling | grep -A 12 scaleTargetRef",),
        "A workload with an autoscaler states no replicas of its own.",
        _autoscaling,
    ),
)
