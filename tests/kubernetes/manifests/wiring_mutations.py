"""Wrong Services, NetworkPolicies, namespaces and autoscalers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kubernetes.manifests.changes import (
    CONTAINER,
    POD,
    Change,
    Path,
    add,
    drop,
    put,
    remove,
    setting,
)
from tests.kubernetes.manifests.mutation import INGEST, LABEL, METRICS, SERVING, TOPICS, Mutation

PROMETHEUS = ("Deployment", "prometheus")
_TOKEN = "automountServiceAccountToken"
_NAME: Path = ("metadata", "name")
PUBLIC, ADMIN = "bid-request-handler", "bid-request-handler-admin"
MEASURING = ("monitoring-to-ingest", "monitoring-to-bidding-logic")


def _wiring() -> Iterator[Mutation]:
    """Yield Services, Jobs and namespaces that are wrong."""
    for service in (PUBLIC, ADMIN, "bidding-logic-service", "kafka-service"):
        target: Path = ("spec", "ports", 0, "targetPort")
        for name, value in (("by number", 8080), ("of no port", "other")):
            change = put("Service", service, target, value)
            yield Mutation(f"{service}: target {name}", "static.services-match", change)
        change = put("Service", service, ("spec", "selector", LABEL), "other")
        yield Mutation(f"{service}: selects nothing", "static.services-match", change)
        change = drop("Service", service, ("spec", "ports", 0, "name"))
        yield Mutation(f"{service}: unnamed service port", "static.ports-named", change)
    both = {"name": "admin", "port": 8082, "targetPort": "admin"}
    for name, change in (
        ("at the public Service", add("Service", PUBLIC, ("spec", "ports"), both)),
        ("on a port of each node", put("Service", ADMIN, ("spec", "type"), "NodePort")),
        ("behind a load balancer", put("Service", ADMIN, ("spec", "type"), "LoadBalancer")),
    ):
        yield Mutation(f"the admin port {name}", "static.admin-inside", change)
    broad = put(
        "Service", "kafka-service", ("spec", "selector"), {"app.kubernetes.io/part-of": "rtb"}
    )
    yield Mutation("a Service of everything", "static.services-match", broad)
    for brokers in ("kafka:9092", "kafka-service:9999"):
        change = setting("pipeline", "KAFKA_BROKERS", brokers)
        yield Mutation(f"brokers at {brokers}", "static.brokers-reachable", change)
    for field in ("activeDeadlineSeconds", "backoffLimit"):
        yield Mutation(f"no {field}", "static.jobs-finite", drop(*TOPICS, ("spec", field)))
    renamed = put("ConfigMap", "kafka", ("metadata", "name"), "kafka")
    yield Mutation("a ConfigMap that is not there", "static.config-maps-exist", renamed)
    yield Mutation("a wrong type", "static.schema-valid", put(*INGEST, ("spec", "replicas"), "one"))
    yield Mutation(
        "an old API", "static.schema-valid", put(*INGEST, ("apiVersion",), "apps/v1beta1")
    )
    for mode in ("enforce", "warn", "audit"):
        label: Path = ("metadata", "labels", f"pod-security.kubernetes.io/{mode}")
        rule = "static.namespace-restricted"
        yield Mutation(f"{mode} baseline", rule, put("Namespace", "rtb", label, "baseline"))
        version: Path = (*label[:-1], f"{label[-1]}-version")
        yield Mutation(f"{mode} at no version", rule, drop("Namespace", "rtb", version))
        yield Mutation(f"{mode} latest", rule, put("Namespace", "rtb", version, "latest"))
    yield Mutation("no namespace", "static.namespace-restricted", remove("Namespace", "rtb"))


def _network() -> Iterator[Mutation]:
    """Yield NetworkPolicies that let too much or too little through."""
    gone = remove("NetworkPolicy", "default-deny")
    yield Mutation("no default deny", "static.network-denied-by-default", gone)
    for direction in ("Ingress", "Egress"):
        one = put("NetworkPolicy", "default-deny", ("spec", "policyTypes"), [direction])
        yield Mutation(f"default deny of {direction}", "static.network-denied-by-default", one)
    some = put(
        "NetworkPolicy", "default-deny", ("spec", "podSelector"), {"matchLabels": {"a": "b"}}
    )
    yield Mutation("default deny of some", "static.network-denied-by-default", some)
    needed = ("every-pod-to-dns", "clients-to-ingest", "to-kafka", "kafka-clients", *MEASURING)
    for name in needed:
        yield Mutation(f"no {name}", "static.network-edges-open", remove("NetworkPolicy", name))
    for policy, path in (
        ("to-kafka", ("spec", "ingress", 0, "ports", 0, "port")),
        ("to-kafka", ("spec", "ingress", 1, "ports", 1, "port")),
        ("to-kafka", ("spec", "egress", 0, "ports", 1, "port")),
        ("kafka-clients", ("spec", "egress", 0, "ports", 0, "port")),
        ("clients-to-ingest", ("spec", "ingress", 0, "ports", 0, "port")),
        ("every-pod-to-dns", ("spec", "egress", 0, "ports", 0, "port")),
    ):
        change = put("NetworkPolicy", policy, path, 1234)
        yield Mutation(f"{policy}: port {path[2:]}", "static.network-edges-open", change)
    yield from _too_open()


def _monitoring() -> Iterator[Mutation]:
    """Yield ways in which Prometheus sees too little, or is seen by too many."""
    overlay = "kind-monitoring"
    answering = ("prometheus-to-ingest", "prometheus-to-bidding-logic")
    for name in ("prometheus", *answering):
        gone = remove("NetworkPolicy", name)
        yield Mutation(f"no {name}", "static.network-edges-open", gone, overlay)
    for path, value in (
        (("spec", "ingress"), [{}]),
        (("spec", "egress"), [{}]),
        (("spec", "ingress", 0, "from", 0, "namespaceSelector"), {}),
    ):
        change = put("NetworkPolicy", "prometheus", path, value)
        yield Mutation(f"prometheus: {path}", "static.network-nothing-else", change, overlay)
    for name in answering:
        everybody = put("NetworkPolicy", name, ("spec", "ingress"), [{}])
        yield Mutation(f"{name}: all", "static.network-nothing-else", everybody, overlay)
    for rule, change in (
        ("static.pods-restricted", put(*PROMETHEUS, (*POD, "hostNetwork"), value=True)),
        ("static.no-service-account-token", drop(*PROMETHEUS, (*POD, _TOKEN))),
        ("static.config-maps-exist", put("ConfigMap", "prometheus-rules", _NAME, "other")),
        ("static.services-match", put("Service", "prometheus", ("spec", "selector"), {LABEL: "x"})),
        (
            "static.readiness-asks-readyz",
            put(*PROMETHEUS, (*CONTAINER, "readinessProbe", "httpGet", "path"), "/-/healthy"),
        ),
    ):
        yield Mutation(f"prometheus: {rule}", rule, change, overlay)


def _too_open() -> Iterator[Mutation]:
    """Yield NetworkPolicies that let strangers through."""
    holes: tuple[tuple[str, Change], ...] = (
        ("Kafka for all", drop("NetworkPolicy", "to-kafka", ("spec", "ingress", 0, "from"))),
        # survives: the clients' own policies hold them to one port, so no connection comes of it
        ("all of Kafka", drop("NetworkPolicy", "to-kafka", ("spec", "ingress", 0, "ports"))),
        ("all leave", put("NetworkPolicy", "every-pod-to-dns", ("spec", "egress"), [{}])),
        ("all arrive", put("NetworkPolicy", "to-kafka", ("spec", "ingress"), [{}])),
        (
            "all may call everybody",
            put("NetworkPolicy", "clients-to-ingest", ("spec", "podSelector"), {}),
        ),
        *(
            (
                f"{name}: every namespace",
                put(
                    "NetworkPolicy",
                    name,
                    ("spec", "ingress", 0, "from", 0, "namespaceSelector"),
                    {},
                ),
            )
            for name in MEASURING
        ),
        (
            "every port of the ingest",
            drop("NetworkPolicy", "clients-to-ingest", ("spec", "ingress", 0, "ports")),
        ),
        (
            "the admin port for all",
            add(
                "NetworkPolicy",
                "clients-to-ingest",
                ("spec", "ingress", 0, "ports"),
                {"protocol": "TCP", "port": "admin"},
            ),
        ),
        (
            "an address range",
            add(
                "NetworkPolicy",
                "to-kafka",
                ("spec", "ingress", 0, "from"),
                {"ipBlock": {"cidr": "0.0.0.0/0"}},
            ),
        ),
    )
    for name, change in holes:
        yield Mutation(name, "static.network-nothing-else", change)


def _scaling() -> Iterator[Mutation]:
    """Yield autoscalers that fight, and pods that are not spread."""
    scaler = ("HorizontalPodAutoscaler", "bid-request-handler")
    for name, change in (
        ("replicas beside it", put(*INGEST, ("spec", "replicas"), 1)),
        ("a target that is gone", put(*scaler, ("spec", "scaleTargetRef", "name"), "gone")),
        ("a target of another kind", put(*scaler, ("spec", "scaleTargetRef", "kind"), "Job")),
        ("no range", put(*scaler, ("spec", "maxReplicas"), 1)),
    ):
        yield Mutation(f"autoscaler: {name}", "static.autoscaler-fits", change, "kind-autoscaling")
    for what in SERVING:
        gone = drop(*what, (*POD, "topologySpreadConstraints"))
        yield Mutation(f"{what[1]}: not spread", "static.pods-spread", gone, "ha")
        zone: Path = (*POD, "topologySpreadConstraints", 0, "topologyKey")
        other = put(*what, zone, "topology.kubernetes.io/zone")
        yield Mutation(f"{what[1]}: spread over zones alone", "static.pods-spread", other, "ha")
    writable = put(*METRICS, (*CONTAINER, "securityContext", "readOnlyRootFilesystem"), value=False)
    yield Mutation(
        "metrics-server: writable root", "static.root-read-only", writable, "kind-autoscaling"
    )


MUTATIONS = (
    *_wiring(),
    *_network(),
    *_scaling(),
    *_monitoring(),
)
