"""Whether pods reach what they must, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, ready_pod
from verification.checklist.support.probe_pods import connect_from, stranger_connections

_KAFKA = "kafka-service.rtb:9092"
_CONTROLLER = "kafka-0.kafka-headless.rtb:9093"
_INGEST = "bid-request-handler.rtb:8080"
_CONSUMER = "bidding-logic-service.rtb:8081"
_DNS = "kube-dns.kube-system:53"
_DNS_METRICS = "kube-dns.kube-system:9153"


@check(
    "security.stranger-kept-from-kafka",
    "A pod of another namespace reaches the ingest, and neither Kafka nor the bidding logic.",
    by_hand=(
        (
            '! kubectl --namespace default run stranger --image "$CONSUMER_IMAGE" --rm --stdin '
            "--restart Never --command -- timeout 5 python -c "
            "\"import socket; socket.create_connection(('kafka-service.rtb', 9092))\""
        ),
    ),
    expected="it does not connect (exit code 124)",
    hint="manifests/base/network; the cluster's network must enforce NetworkPolicies",
    needs=Needs.DEPLOYMENT,
    reads=True,
    deadline_s=90,
)
def stranger_kept_from_kafka(context: Context) -> Evidence:
    """Connect from a pod of our own in the namespace `default`."""
    found = stranger_connections(context, _INGEST, _KAFKA, _CONTROLLER, _CONSUMER)
    expect(found.get(_INGEST) == "open", expected=f"{_INGEST} open", found=found)
    for target in (_KAFKA, _CONTROLLER, _CONSUMER):
        denied = "timed out" in found.get(target, "")
        expect(denied, expected=f"{target} timed out", found=found)
    return Evidence("the ingest is open, the rest is not", found)


@check(
    "security.services-reach-kafka",
    "Both services reach Kafka's client port, and not the port of its quorum.",
    by_hand=(
        (
            "kubectl --namespace rtb exec deploy/bid-request-handler -- python -c "
            "\"import socket; socket.create_connection(('kafka-service', 9092), 3)\""
        ),
    ),
    expected="nothing, exit code 0",
    hint="manifests/base/network/kafka-clients.yaml",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def services_reach_kafka(context: Context) -> Evidence:
    """Connect from a pod of each service, from both at once: what is denied takes its time."""

    def connected(app: str) -> dict[str, str]:
        return connect_from(context, ready_pod(context, app), _KAFKA, _CONTROLLER)

    apps = (INGEST_APP, CONSUMER_APP)
    with ThreadPoolExecutor() as pool:
        fates = dict(zip(apps, pool.map(connected, apps), strict=True))
    for app, found in fates.items():
        expect(found.get(_KAFKA) == "open", expected=f"{app}: {_KAFKA} open", found=found)
        denied = "timed out" in found.get(_CONTROLLER, "")
        expect(denied, expected=f"{app}: {_CONTROLLER} timed out", found=found)
    return Evidence("9092 is open, 9093 is not")


@check(
    "security.egress-denied",
    "A pod of ours reaches the cluster's DNS, and nothing that it does not need.",
    by_hand=(
        (
            "! kubectl --namespace rtb exec deploy/bid-request-handler -- python -c "
            "\"import socket; socket.create_connection(('bidding-logic-service', 8081), 3)\""
        ),
    ),
    expected="TimeoutError: timed out",
    hint="manifests/base/network/default-deny.yaml",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def egress_denied(context: Context) -> Evidence:
    """Connect from the ingest to the bidding logic and to two ports of the cluster's DNS."""
    pod = ready_pod(context, INGEST_APP)
    found = connect_from(context, pod, _DNS, _CONSUMER, _DNS_METRICS)
    expect(found.get(_DNS) == "open", expected=f"{_DNS} open", found=found)
    for target in (_CONSUMER, _DNS_METRICS):
        denied = "timed out" in found.get(target, "")
        expect(denied, expected=f"{target} timed out", found=found)
    return Evidence("DNS is open, the rest is not", found)


CHECKS = (stranger_kept_from_kafka, services_reach_kafka, egress_denied)
