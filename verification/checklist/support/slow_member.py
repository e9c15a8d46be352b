"""The bidding logic once more, in a group of its own, with a strategy that takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, containers_of, kafka
from verification.checklist.support.probe_pods import waits_for
from verification.errors import HarnessError

STRATEGY = """\
import time

from consumer.bidding.decision import NoBid


class Slow:
    name = "slow"

    def decide(self, request):
        time.sleep(0.1)
        return NoBid()
"""
_MODULE = "slow_strategy"
# Where the image's code lies: what is mounted there can be imported.
_FOLDER = f"/srv/{_MODULE}"
# Network policies let this name reach Kafka, and no service, budget or other check picks it.
_LABELS = {"app.kubernetes.io/name": "kafka-topics"}
_READY_WITHIN_S = 60.0
_GONE_WITHIN_S = 60.0

Object = dict[str, Any]


@contextmanager
def slow_member(context: Context) -> Iterator[str]:
    """Yield the name of a pod, and of its group, that begins at the topic's end; remove both.

    It writes nothing: its decisions are logged and counted alone.
    """
    name = f"slow-{context.run_id}"
    kubectl = context.kubectl

    def blocked_by() -> str | None:
        return waits_for(kubectl.get("pod", name), expected="a bidding logic that starts")

    common = {"apiVersion": "v1", "metadata": {"name": name, "labels": _LABELS}}
    module = {**common, "kind": "ConfigMap", "data": {"__init__.py": STRATEGY}}
    pod = {**common, "kind": "Pod", "spec": _spec(context, name)}
    try:
        kubectl.create({"apiVersion": "v1", "kind": "List", "items": [module, pod]})
        context.waiter.until(f"pod {name}", blocked_by, within=_READY_WITHIN_S)
        yield name
    finally:
        kubectl.delete("pod", name, wait=True, timeout=_GONE_WITHIN_S)
        kubectl.delete("configmap", name)
        with suppress(HarnessError):  # without a member that came so far there is none
            kafka(context, "kafka-consumer-groups.sh", "--delete", "--group", name)


def _spec(context: Context, name: str) -> Object:
    """Return what the deployment's pods are made of, with the strategy and the group changed."""
    deployment = context.kubectl.get("deployment", CONSUMER_APP)
    spec: Object = deployment["spec"]["template"]["spec"]
    (container,) = containers_of(deployment)
    changed = {
        "BIDDING_STRATEGY": f"{_MODULE}:Slow",
        "CONSUMER_DURABLE_SINKS": "",
        "CONSUMER_SINKS": "",
        "CONSUMER_START_FROM": "latest",
        "KAFKA_CONSUMER_GROUP": name,
    }
    kept = [item for item in container.get("env", ()) if item["name"] not in changed]
    container["env"] = [*kept, *({"name": key, "value": changed[key]} for key in changed)]
    mount = {"name": "strategy", "mountPath": _FOLDER, "readOnly": True}
    container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
    volume = {"name": "strategy", "configMap": {"name": name}}
    return {**spec, "volumes": [*spec.get("volumes", ()), volume]}
