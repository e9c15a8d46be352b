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
_ADMIN = "bid-request-handler-admin.rtb:8082"
_CONSUMER = "bidding-logic-service.rtb:8081"
_DNS = "kube-dns.kube-system:53"
_DNS_METRICS = "kube-dns.kube-system:9153"
_NOT_PUBLIC = ("/metrics", "/docs", "/openapi.json")


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
    found = _reach_ingest_alone(context, _KAFKA, _CONTROLLER, _CONSUMER)
    return Evidence("the ingest is open, the rest is not", found)


@check(
    "security.stranger-kept-from-admin-port",
    "A pod of another namespace reaches the ingest's public port, and not its admin port.",
    by_hand=(
        (
            '! kubectl --namespace default run stranger --image "$CONSUMER_IMAGE" --rm --stdin '
            "--restart Never --command -- timeout 5 python -c "
            "\"import socket; socket.create_connection(('bid-request-handler-admin.rtb', 8082))\""
        ),
    ),
    expected="it does not connect (exit code 124)",
    hint="manifests/base/network/ingest.yaml opens the port http alone; metrics.yaml the other",
    needs=Needs.DEPLOYMENT,
    reads=True,
    deadline_s=90,
)
def stranger_kept_from_admin_port(context: Context) -> Evidence:
    """Connect from a pod of our own in the namespace `default`."""
    found = _reach_ingest_alone(context, _ADMIN)
    return Evidence("8080 is open, 8082 is not", found)


def _reach_ingest_alone(context: Context, *denied: str) -> dict[str, str]:
    """Return what a stranger finds, who gets to the ingest's public port and no further."""
    found = stranger_connections(context, _INGEST, *denied)
    expect(found.get(_INGEST) == "open", expected=f"{_INGEST} open", found=found)
    for target in denied:
        kept_out = "timed out" in found.get(target, "")
        expect(kept_out, expected=f"{target} timed out", found=found)
    return found


@check(
    "security.public-port-bare",
    "The ingest's public port has no metrics, no documentation and no reasons.",
    by_hand=(
        (
            "for path in metrics docs openapi.json; do test 404 = $(curl --silent --output "
            "/dev/null --write-out '%{http_code}' http://localhost:8080/$path) || exit 1; done"
        ),
        "! curl --silent http://localhost:8080/readyz | grep reasons",
    ),
    expected="nothing, exit code 0",
    hint="app/http/application.py: create_public_app",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def public_port_bare(context: Context) -> Evidence:
    """Ask from the host for what only the admin port has."""
    for path in _NOT_PUBLIC:
        status = context.http.call("GET", path).status
        expect(status == 404, expected=f"{path}: 404", found=status)  # noqa: PLR2004  HTTP
    ready = context.http.call("GET", "/readyz").body
    expect(b"reasons" not in ready, expected="/readyz without reasons", found=ready)
    return Evidence(f"404 for {', '.join(_NOT_PUBLIC)}; /readyz without reasons")


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


CHECKS = (
    stranger_kept_from_kafka,
    stranger_kept_from_admin_port,
    public_port_bare,
    services_reach_kafka,
    egress_denied,
)
