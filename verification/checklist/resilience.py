"""Whether no accepted bid is lost while pods come and go under a steady load."""

from __future__ import annotations

from functools import partial

from verification.checklist.support.check import Check, Evidence, Needs, NotApplicableError
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    CONSUMER_APP,
    INGEST_APP,
    KAFKA_APP,
    pods_of,
    ready_pod,
    sigkill,
)
from verification.checklist.support.under_load import Disturbance, Rules, account, recover, survive
from verification.cluster.pods import Object, is_ready, name_of
from verification.traffic.underway import RATE

_LEDGER = f"under {RATE:.0f} requests a second no accepted bid is lost, none is unaccounted for"
_HINT = "the ledger in the report names the ids; look for them in both services' logs"
_LOAD = "python -m verification verify {id} --keep"
_REPLACED_WITHIN_S = 120.0
_CALM = Rules()
_SEAMLESS = Rules(every_request_accepted=True)
# Where other brokers hold the records, requests fail only until these have elected new leaders.
_REDUNDANT = Rules(longest_outage_s=10.0)
# With one broker these are `kafka-pod-deleted` once more.
_AMONG_SEVERAL = ("kafka-pods-deleted-in-turn", "kafka-rolling-restart")
_DONE_ALREADY = "there is one broker, and `kafka-pod-deleted` does the same to it"


def _delete(app: str, context: Context) -> None:
    """Delete a ready pod in order and wait for another in its place."""
    _replace(context, app, ready_pod(context, app))


def _kill(app: str, context: Context) -> None:
    """Kill a pod's process and delete the pod before its container is started again.

    Deleting without a grace period is not enough: the kubelet sends SIGTERM first even then.
    """
    pod = ready_pod(context, app)
    sigkill(context, pod)
    _replace(context, app, pod, "--grace-period=0", "--force")


def _replace(context: Context, app: str, pod: str, *how: str) -> None:
    """Delete a pod; wait until as many are ready as before, and it is not among them.

    The workload's own status is no help at first: it still counts the pod that is gone.
    """
    before = {_uid(item) for item in pods_of(context, app) if is_ready(item)}
    old = _uid(context.kubectl.get("pod", pod))
    argv = ["delete", "pod", pod, "--namespace", context.kubectl.namespace, "--wait=false", *how]
    context.kubectl.call(*argv).checked()

    def blocked_by() -> str | None:
        ready = {_uid(item) for item in pods_of(context, app) if is_ready(item)} - {old}
        lacking = len(before) - len(ready)
        return f"{lacking} of {len(before)} pods of {app} lack" if lacking > 0 else None

    context.waiter.until(f"another pod in place of {pod}", blocked_by, within=_REPLACED_WITHIN_S)


def _uid(pod: Object) -> str:
    return str(pod["metadata"]["uid"])


def _restart(workload: str, context: Context) -> None:
    context.kubectl.restart(workload)


def _delete_in_turn(context: Context) -> None:
    """Delete a broker, and when all are back another one."""
    for name in sorted(map(name_of, pods_of(context, KAFKA_APP)))[:2]:
        _replace(context, KAFKA_APP, name)
        recover(context)


def _scale(workload: str, there: int, context: Context) -> None:
    """Scale out, wait until it has happened, and scale back."""
    before = context.kubectl.get(*workload.split("/"))["spec"]["replicas"]
    context.kubectl.scale(workload, max(there, before + 1))
    recover(context)
    context.kubectl.scale(workload, before)


def _check(name: str, what: str, by_hand: str, disturb: Disturbance, rules: Rules) -> Check:
    """Make a check of one disturbance."""

    def function(context: Context) -> Evidence:
        several = KAFKA_APP in name and len(pods_of(context, KAFKA_APP)) > 1
        if name in _AMONG_SEVERAL and not several:
            raise NotApplicableError(_DONE_ALREADY)
        return survive(context, disturb, _REDUNDANT if several else rules)

    every = "every request is accepted and " if rules.every_request_accepted else ""
    return Check(
        id=f"resilience.{name}",
        promise=f"{what}: {every}{_LEDGER}.",
        by_hand=(_LOAD.format(id=f"resilience.{name}"), by_hand),
        expected="accepted and missing: 0, refused and present: 0",
        hint=_HINT,
        needs=Needs.DEPLOYMENT,
        function=function,
        deadline_s=420,
        under_load=True,
    )


def _pods(app: str) -> str:
    return f"kubectl --namespace rtb delete pod --selector app.kubernetes.io/name={app}"


def _scaling(app: str, there: int) -> str:
    scale = f"kubectl --namespace rtb scale deployment/{app} --replicas"
    wait = f"kubectl --namespace rtb rollout status deployment/{app}"
    return f"{scale} {there} && {wait} && {scale} 1"


# Kafka comes last: nobody is promised that every request is accepted while its only pod is away.
CHECKS = (
    _check(
        "ingest-pod-deleted",
        "The ingest's pod is deleted",
        _pods(INGEST_APP),
        partial(_delete, INGEST_APP),
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
        "ingest-scaled",
        "The ingest is scaled out to 3 and back",
        _scaling(INGEST_APP, 3),
        partial(_scale, f"deployment/{INGEST_APP}", 3),
        _SEAMLESS,
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
        (
            "docker exec rtb-verify-control-plane pkill --signal KILL --full -- '-m consumer'; "
            f"{_pods(CONSUMER_APP)} --grace-period 0 --force"
        ),
        partial(_kill, CONSUMER_APP),
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
        "consumer-scaled",
        "The bidding logic is scaled out to one more and back",
        _scaling(CONSUMER_APP, 2),
        partial(_scale, f"deployment/{CONSUMER_APP}", 2),
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
        "kafka-pod-killed",
        "A Kafka pod is killed without a chance to hand over",
        (
            "docker exec rtb-verify-control-plane pkill --signal KILL --full kafka.Kafka; "
            f"{_pods(KAFKA_APP)} --grace-period 0 --force"
        ),
        partial(_kill, KAFKA_APP),
        _CALM,
    ),
    _check(
        "kafka-pods-deleted-in-turn",
        "One Kafka pod is deleted, and when all are back another one (where there is another)",
        "kubectl --namespace rtb delete pod kafka-0 && sleep 30 && "
        "kubectl --namespace rtb delete pod --ignore-not-found kafka-1",
        _delete_in_turn,
        _CALM,
    ),
    _check(
        "kafka-rolling-restart",
        "Kafka is restarted pod by pod (where there are several)",
        "kubectl --namespace rtb rollout restart statefulset/kafka",
        partial(_restart, f"statefulset/{KAFKA_APP}"),
        _CALM,
    ),
    Check(
        id="resilience.ledger",
        promise="Over the whole load, whatever was disturbed meanwhile, no accepted bid is lost, "
        "none is unaccounted for, and the bidding logic has consumed all there is.",
        by_hand=(_LOAD.format(id="resilience"),),
        expected="accepted and missing: 0, refused and present: 0",
        hint=_HINT,
        needs=Needs.DEPLOYMENT,
        function=account,
        deadline_s=180,
        under_load=True,
    ),
)
