"""Whether the ingest grows under load by itself, and shrinks again."""

from __future__ import annotations

from verification.checklist.support.check import Evidence, check
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import INGEST_APP
from verification.checklist.support.overlays import switched_on
from verification.cluster.pods import condition
from verification.traffic.steady import SteadyLoad

_RATE = 150.0
_MEASURED_WITHIN_S = 90.0
_GROWN_WITHIN_S = 90.0
_SHRUNK_WITHIN_S = 120.0
_COMPONENTS = ("metrics-server", "autoscaling")
# The manifests wait minutes before they shrink, so that a lull is no reason, and spare the API
# server; a check cannot wait, and looks as often as can be.
_QUICK = """
- op: replace
  path: /spec/behavior/scaleDown
  value:
    stabilizationWindowSeconds: 5
    policies: [{type: Pods, value: 2, periodSeconds: 15}]
"""
# The last of two equal arguments counts; asking a kubelet must take less than the resolution.
_OFTEN = """
- {op: add, path: /spec/template/spec/containers/0/args/-, value: --metric-resolution=10s}
- {op: add, path: /spec/template/spec/containers/0/args/-, value: --kubelet-request-timeout=5s}
"""
_IMPATIENT = [
    {"target": {"kind": "HorizontalPodAutoscaler"}, "patch": _QUICK},
    {"target": {"kind": "Deployment", "name": "metrics-server"}, "patch": _OFTEN},
]


@check(
    "python -m verification verify scaling --keep",
    category="scaling",
    promise="deployed",
    expected="2 or 3 replicas under load, 1 afterwards",
    hint="`kubectl --namespace rtb describe horizontalpodautoscaler` tells what it sees",
    deadline_s=420,
)
def grows_and_shrinks(context: Context) -> Evidence:
    """Under load the autoscaler adds pods of the ingest, and takes them away afterwards.

    The load is there from the beginning: the first measurement need not be waited for without it.
    """
    before = context.kubectl.get("deployment", INGEST_APP)["spec"]["replicas"]
    prefix = f"{context.run_id}-scaling"
    with switched_on(context, "autoscaled", _COMPONENTS, _IMPATIENT):
        with SteadyLoad(context.http, context.clock, prefix=prefix, rate=_RATE):
            measured = context.waiter.until(
                "first measurement", lambda: _inactive(context), within=_MEASURED_WITHIN_S
            )
            grown = context.waiter.until(
                "growth", lambda: _replicas_but(context, before + 1, 3), within=_GROWN_WITHIN_S
            )
        shrunk = context.waiter.until(
            "shrinking", lambda: _replicas_but(context, 1, 1), within=_SHRUNK_WITHIN_S
        )
    times = f"measured after {measured:.0f} s, grown {grown:.0f} s later, "
    return Evidence(f"{times}back to 1 after {shrunk:.0f} s")


def _inactive(context: Context) -> str | None:
    scaler = context.kubectl.get("horizontalpodautoscaler", INGEST_APP)
    if condition(scaler, "ScalingActive") == "True":
        return None
    entries = scaler.get("status", {}).get("conditions", [])
    told = [item.get("message", "") for item in entries if item.get("type") == "ScalingActive"]
    return told[0] if told else "the autoscaler has not looked yet"


def _replicas_but(context: Context, least: int, most: int) -> str | None:
    """Return what keeps the ingest from having `least` to `most` ready replicas; None: nothing."""
    status = context.kubectl.get("deployment", INGEST_APP).get("status", {})
    ready, there = int(status.get("readyReplicas", 0)), int(status.get("replicas", 0))
    return None if least <= ready == there <= most else f"{ready} of {there} replicas are ready"
