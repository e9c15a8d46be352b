"""Whether no accepted bid is lost while pods come and go under a steady load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from verification.checklist.support.check import Check, Evidence, Needs, NotApplicableError
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    CONSUMER_APP,
    INGEST_APP,
    KAFKA_APP,
    pods_of,
    ready_pod,
)
from verification.checklist.support.under_load import Disturbance, Rules, account, recover, survive
from verification.cluster.pods import is_ready, name_of
from verification.cluster.tools.docker import parse_object
from verification.traffic.underway import RATE

_LEDGER = f"under {RATE:.0f} requests a second no accepted bid is lost, none is unaccounted for"
_REPLACED_WITHIN_S = 120.0
_CALM = Rules()
_SEAMLESS = Rules(every_request_accepted=True)
# Where other brokers hold the records, requests fail only until these have elected new leaders.
_REDUNDANT = Rules(longest_outage_s=10.0)
# With one broker these are `kafka-pod-deleted` once more.
_AMONG_SEVERAL = ("kafka-pods-deleted-in-turn", "kafka-rolling-restart")
_KUBECTL = "kubectl --namespace rtb"
_DELETE = f"{_KUBECTL} delete pod --selector app.kubernetes.io/name="
_KILL = "docker exec rtb-verify-control-plane pkill --signal KILL --full"
_AT_ONCE = "--grace-period 0 --force"


def _delete(app: str, context: Context) -> None:
    """Delete a ready pod in order and wait for another in its place."""
    _replace(context, app, ready_pod(context, app))


def _kill(app: str, context: Context) -> None:
    """Kill a pod's first process from its node, and delete the pod before it is started again.

    Deleting without a grace period is not enough: the kubelet sends SIGTERM first even then.
    """
    pod = ready_pod(context, app)
    found = context.kubectl.get("pod", pod)
    container = str(found["status"]["containerStatuses"][0]["containerID"]).rpartition("/")[2]
    node = ("exec", str(found["spec"]["nodeName"]))
    inspected = parse_object(context.docker.call(*node, "crictl", "inspect", container).checked())
    context.docker.call(*node, "kill", "-KILL", str(inspected["info"]["pid"])).checked()
    _replace(context, app, pod, "--grace-period=0", "--force")


def _replace(context: Context, app: str, pod: str, *how: str) -> None:
    """Delete a pod; wait until as many are ready as before, and it is not among them.

    The workload's own status is no help at first: it still counts the pod that is gone.
    """

    def ready() -> set[str]:
        return {str(item["metadata"]["uid"]) for item in pods_of(context, app) if is_ready(item)}

    before, old = ready(), str(context.kubectl.get("pod", pod)["metadata"]["uid"])
    argv = ["delete", "pod", pod, "--namespace", context.kubectl.namespace, "--wait=false", *how]
    context.kubectl.call(*argv).checked()

    def blocked_by() -> str | None:
        lacking = len(before) - len(ready() - {old})
        return f"{lacking} of {len(before)} pods of {app} lack" if lacking > 0 else None

    context.waiter.until(f"another pod in place of {pod}", blocked_by, within=_REPLACED_WITHIN_S)


def _delete_in_turn(context: Context) -> None:
    """Delete a broker, and when all are back another one."""
    for name in sorted(map(name_of, pods_of(context, KAFKA_APP)))[:2]:
        _replace(context, KAFKA_APP, name)
        recover(context)


def _check(
    name: str, promise: str, statement: str, by_hand: str, function: Callable[[Context], Evidence]
) -> Check:
    return Check(
        id=f"resilience.{name}",
        promise=promise,
        statement=statement,
        by_hand=tuple(by_hand.split("\n")),
        expected="accepted and missing: 0, refused and present: 0",
        hint="the ledger in the report names the ids; look for them in both services' logs",
        needs=Needs.DEPLOYMENT,
        function=function,
        deadline_s=420,
        under_load=True,
    )


def _disturbed(
    name: str, what: str, by_hand: str, disturb: Disturbance, rules: Rules = _SEAMLESS
) -> Check:
    """Make a check of one disturbance."""

    def function(context: Context) -> Evidence:
        several = KAFKA_APP in name and len(pods_of(context, KAFKA_APP)) > 1
        if name in _AMONG_SEVERAL and not several:
            reason = "there is one broker, and `kafka-pod-deleted` does the same to it"
            raise NotApplicableError(reason)
        return survive(context, disturb, _REDUNDANT if several else rules)

    seamless = rules.every_request_accepted
    every = "every request is accepted and " if seamless else ""
    promise = "drains" if seamless and "-pod-" not in name else "recovers"
    by_hand = f"python -m verification verify resilience.{name} --keep\n{by_hand}"
    return _check(name, promise, f"{what}: {every}{_LEDGER}.", by_hand, function)


def _restarted(name: str, what: str, workload: str, rules: Rules = _SEAMLESS) -> Check:
    def disturb(context: Context) -> None:
        context.kubectl.restart(workload)

    by_hand = f"{_KUBECTL} rollout restart {workload}"
    return _disturbed(f"{name}-rolling-restart", what, by_hand, disturb, rules)


def _scaled(name: str, what: str, app: str, there: int) -> Check:
    def disturb(context: Context) -> None:
        """Scale out, wait until it has happened, and scale back."""
        before = context.kubectl.get("deployment", app)["spec"]["replicas"]
        context.kubectl.scale(f"deployment/{app}", max(there, before + 1))
        recover(context)
        context.kubectl.scale(f"deployment/{app}", before)

    scale = f"{_KUBECTL} scale deployment/{app} --replicas"
    wait = f"{_KUBECTL} rollout status deployment/{app}"
    by_hand = f"{scale} {there} && {wait} && {scale} 1"
    return _disturbed(f"{name}-scaled", what, by_hand, disturb)


# Kafka comes last: nobody is promised that every request is accepted while its only pod is away.
CHECKS = (
    _disturbed(
        "ingest-pod-deleted",
        "The ingest's pod is deleted",
        f"{_DELETE}{INGEST_APP}",
        partial(_delete, INGEST_APP),
        _CALM,
    ),
    _restarted("ingest", "The ingest is restarted pod by pod", f"deployment/{INGEST_APP}"),
    _scaled("ingest", "The ingest is scaled out to 3 and back", INGEST_APP, 3),
    _disturbed(
        "consumer-pod-deleted",
        "The bidding logic's pod is deleted",
        f"{_DELETE}{CONSUMER_APP}",
        partial(_delete, CONSUMER_APP),
    ),
    _disturbed(
        "consumer-pod-killed",
        "The bidding logic's pod is killed without a chance to commit",
        f"{_KILL} -- '-m consumer'; {_DELETE}{CONSUMER_APP} {_AT_ONCE}",
        partial(_kill, CONSUMER_APP),
    ),
    _restarted(
        "consumer", "The bidding logic is restarted pod by pod", f"deployment/{CONSUMER_APP}"
    ),
    _scaled("consumer", "The bidding logic is scaled out to one more and back", CONSUMER_APP, 2),
    _disturbed(
        "kafka-pod-deleted",
        "A Kafka pod is deleted and comes back",
        f"{_KUBECTL} delete pod kafka-0",
        partial(_delete, KAFKA_APP),
        _CALM,
    ),
    _disturbed(
        "kafka-pod-killed",
        "A Kafka pod is killed without a chance to hand over",
        f"{_KILL} kafka.Kafka; {_DELETE}{KAFKA_APP} {_AT_ONCE}",
        partial(_kill, KAFKA_APP),
        _CALM,
    ),
    _disturbed(
        "kafka-pods-deleted-in-turn",
        "One Kafka pod is deleted, and when all are back another one (where there is another)",
        f"{_KUBECTL} delete pod kafka-0 && sleep 30 && "
        f"{_KUBECTL} delete pod --ignore-not-found kafka-1",
        _delete_in_turn,
        _CALM,
    ),
    _restarted(
        "kafka",
        "Kafka is restarted pod by pod (where there are several)",
        f"statefulset/{KAFKA_APP}",
        _CALM,
    ),
    _check(
        "ledger",
        "never-lost",
        "Over the whole load, whatever was disturbed meanwhile, no accepted bid is lost, none is "
        "unaccounted for, and the bidding logic has consumed all there is.",
        "python -m verification verify resilience --keep",
        account,
    ),
)
