"""Whether no accepted bid is lost while pods come and go under a steady load."""

from __future__ import annotations

from functools import partial

from verification.checks.context import Context
from verification.checks.model import Check, Evidence, Needs
from verification.checks.pods import CONSUMER_APP, INGEST_APP, KAFKA_APP, ready_pod
from verification.checks.under_load import RATE, Disturbance, Rules, recover, survive

_LEDGER = f"under {RATE:.0f} requests a second no accepted bid is lost, none is unaccounted for"
_HINT = "the ledger in the report names the ids; look for them in both services' logs"
_LOAD = "python -m verification verify {id} --keep"
_CALM = Rules()
_SEAMLESS = Rules(every_request_accepted=True)


def _delete(app: str, context: Context) -> None:
    context.kubectl.delete("pod", ready_pod(context, app), wait=True, timeout=90)


def _kill(app: str, context: Context) -> None:
    """Delete a pod without its grace period: SIGKILL at once, as when a node dies."""
    argv = ["delete", "pod", ready_pod(context, app), "--namespace", context.kubectl.namespace]
    context.kubectl.call(*argv, "--grace-period=0", "--force", "--wait=false").checked()


def _restart(workload: str, context: Context) -> None:
    context.kubectl.restart(workload)


def _scale(workload: str, there: int, context: Context) -> None:
    """Scale out, wait until it has happened, and scale back."""
    before = context.kubectl.get(*workload.split("/"))["spec"]["replicas"]
    context.kubectl.scale(workload, there)
    recover(context)
    context.kubectl.scale(workload, before)


def _check(name: str, what: str, by_hand: str, disturb: Disturbance, rules: Rules) -> Check:
    """Make a check of one disturbance."""

    def function(context: Context) -> Evidence:
        return survive(context, name, disturb, rules)

    every = "every request is accepted and " if rules.every_request_accepted else ""
    return Check(
        id=f"resilience.{name}",
        promise=f"{what}: {every}{_LEDGER}.",
        by_hand=(_LOAD.format(id=f"resilience.{name}"), by_hand),
        expected="accepted and missing: 0, refused and present: 0",
        hint=_HINT,
        needs=Needs.DEPLOYMENT,
        function=function,
        deadline_s=240,
    )


def _pods(app: str) -> str:
    return f"kubectl --namespace rtb delete pod --selector app.kubernetes.io/name={app}"


CHECKS = (
    _check(
        "ingest-pod-deleted",
        "The ingest's pod is deleted",
        _pods(INGEST_APP),
        partial(_delete, INGEST_APP),
        _CALM,
    ),
    _check(
        "consumer-pod-deleted",
        "The bidding logic's pod is deleted",
        _pods(CONSUMER_APP),
        partial(_delete, CONSUMER_APP),
        _SEAMLESS,
    ),
    _check(
        "consumer-pod-killed",
        "The bidding logic's pod is killed without a chance to commit",
        f"{_pods(CONSUMER_APP)} --grace-period 0 --force",
        partial(_kill, CONSUMER_APP),
        _SEAMLESS,
    ),
    _check(
        "kafka-pod-deleted",
        "A Kafka pod is deleted and comes back",
        "kubectl --namespace rtb delete pod kafka-0",
        partial(_delete, KAFKA_APP),
        _CALM,
    ),
    _check(
        "ingest-rolling-restart",
        "The ingest is restarted pod by pod",
        "kubectl --namespace rtb rollout restart deployment/bid-request-handler",
        partial(_restart, f"deployment/{INGEST_APP}"),
        _SEAMLESS,
    ),
    _check(
        "consumer-rolling-restart",
        "The bidding logic is restarted pod by pod",
        "kubectl --namespace rtb rollout restart deployment/bidding-logic-service",
        partial(_restart, f"deployment/{CONSUMER_APP}"),
        _SEAMLESS,
    ),
    _check(
        "kafka-rolling-restart",
        "Kafka is restarted pod by pod",
        "kubectl --namespace rtb rollout restart statefulset/kafka",
        partial(_restart, f"statefulset/{KAFKA_APP}"),
        _CALM,
    ),
    _check(
        "ingest-scaled",
        "The ingest is scaled to 3 and back",
        "kubectl --namespace rtb scale deployment/bid-request-handler --replicas 3",
        partial(_scale, f"deployment/{INGEST_APP}", 3),
        _SEAMLESS,
    ),
    _check(
        "consumer-scaled",
        "The bidding logic is scaled to 2 and back",
        "kubectl --namespace rtb scale deployment/bidding-logic-service --replicas 2",
        partial(_scale, f"deployment/{CONSUMER_APP}", 2),
        _SEAMLESS,
    ),
)
