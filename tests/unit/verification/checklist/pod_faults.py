"""What can be wrong with the pods as they run: configuration, security, metrics, resilience."""

from __future__ import annotations

from tests.support.fakes.harness_api import INGEST, LOGIC
from tests.unit.verification.checklist.fault import (
    Fault,
    api,
    closed,
    opened,
    pipeline,
    put,
    shell,
    status,
)
from verification.checklist.registry import CHECKS

_KAFKA, _CONTROLLER = "kafka-service.rtb:9092", "kafka-0.kafka-headless.rtb:9093"
_LOGIC_PORT = "bidding-logic-service.rtb:8081"
_ADMIN = "bid-request-handler-admin.rtb:8082"

CONFIGURATION = (
    Fault("effective", "another value", put("", "environment", "KAFKA_BROKERS=other"), "'other'"),
    Fault("change-takes-effect", "no new pods", api("same pods"), "new pods"),
    Fault("change-takes-effect", "not in force", api("old value"), "413"),
    Fault("bad-change-keeps-serving", "pods start", api("no crash"), "crash loop"),
    Fault(
        "bad-change-keeps-serving",
        "a traceback",
        put("api", "said_by_crashed", "Traceback\nINGEST_NO_SUCH_SETTING"),
        "one line",
    ),
    Fault("bad-change-keeps-serving", "old pod refuses", pipeline("refuses all"), "202"),
)
SECURITY = (
    Fault(
        "namespace-restricted",
        "baseline",
        lambda w: w.api.the("namespaces")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        "baseline",
    ),
    Fault("root-pod-refused", "root admitted", api("admits root"), "user 0 refused"),
    Fault("root-pod-refused", "nobody admitted", api("admits nobody"), "user 10001 admitted"),
    Fault("not-root", "root", shell("id -u", "0"), "'0'"),
    Fault(
        "process-hardened",
        "a capability",
        shell("/proc/1/status", "CapEff:\t1\nNoNewPrivs:\t1\nSeccomp:\t2"),
        "CapEff",
    ),
    Fault("no-token", "a token", shell("kubernetes.io", "there"), "there"),
    Fault(
        "no-service-links", "links", shell("env |", "KAFKA_PORT=tcp://10.0.0.1:9092"), "KAFKA_PORT"
    ),
    Fault("writable-paths", "another", shell("find /", "/tmp\n/srv"), "/srv"),  # noqa: S108  in the pod
    Fault("stranger-kept-from-kafka", "let in", opened("stranger", _KAFKA), _KAFKA),
    Fault(
        "stranger-kept-from-kafka",
        "kept from all",
        closed("stranger", "bid-request-handler.rtb:8080"),
        "8080 open",
    ),
    Fault("stranger-kept-from-admin-port", "let in", opened("stranger", _ADMIN), _ADMIN),
    Fault(
        "stranger-kept-from-admin-port",
        "kept from all",
        closed("stranger", "bid-request-handler.rtb:8080"),
        "8080 open",
    ),
    *(
        Fault("public-port-bare", name, pipeline(f"public {name}"), f"/{name}: 404")
        for name in ("metrics", "docs", "openapi.json")
    ),
    Fault("public-port-bare", "reasons", pipeline("public reasons"), "kafka: away"),
    Fault("services-reach-kafka", "kept out", closed(LOGIC, _KAFKA), LOGIC),
    Fault("services-reach-kafka", "quorum open", opened(INGEST, _CONTROLLER), _CONTROLLER),
    Fault("egress-denied", "no DNS", closed(INGEST, "kube-dns.kube-system:53"), "53 open"),
    Fault("egress-denied", "all open", opened(INGEST, _LOGIC_PORT), _LOGIC_PORT),
)
METRICS = (
    Fault(
        "ingest-documented",
        "one lacks",
        lambda w: (w.root / "docs" / "metrics.md").write_text("## Ingest\n| `nope_total` |\n"),
        "nope_total",
    ),
    Fault(
        "consumer-documented",
        "one lacks",
        lambda w: (w.root / "docs" / "metrics.md").write_text("## Bidding logic\n| `nope` |\n"),
        "nope",
    ),
    Fault("counters-reconcile", "not decided", pipeline("consumer stopped"), "bid decided"),
    Fault("counters-reconcile", "refuses", pipeline("refuses some"), "'accepted'"),
    Fault("lag-exposed", "no gauge", api("no gauge"), "0 of 1 partitions"),
    Fault("lag-exposed", "lag stays", pipeline("lag stays"), "7 records behind"),
    Fault("lag-true", "stands at 0", pipeline("gauge stands at 0"), "170 to 200 on the gauge"),
    Fault("lag-true", "stands still", pipeline("gauge stands still"), "110 to 140 on the gauge"),
    Fault("lag-true", "is not read", pipeline("gauge is not read"), "the lag read anew: not"),
    Fault("lag-true", "no gauge", pipeline("no gauge"), "0 of 1 partitions"),
    Fault("lag-true", "no seconds", pipeline("no seconds"), "170 (0.0 s)"),
    Fault(
        "lag-true", "goes on for ever", pipeline("never worked off"), "the burst worked off: not"
    ),
    Fault("lag-true", "nothing comes", pipeline("slow one reads nothing"), "2 looks with a gauge"),
    Fault("lag-true", "does not start", pipeline("slow one crashes"), "CrashLoopBackOff"),
    Fault("lag-true", "refuses", pipeline("refuses all"), "expected 202"),
)
_RESILIENCE = [item.id.partition(".")[2] for item in CHECKS if item.category == "resilience"]
_SEAMLESS = [item for item in CHECKS if "every request is accepted" in item.promise]
RESILIENCE = (
    *(Fault(x, "bids lost", pipeline("loses some"), "accepted and missing") for x in _RESILIENCE),
    *(
        Fault(item.id.partition(".")[2], "refusals", pipeline("refuses some"), "not every request")
        for item in _SEAMLESS
    ),
    *(
        Fault(x, "never replaced", api("never replaced"), "another pod in place")
        for x in ("ingest-pod-deleted", "kafka-pod-killed", "kafka-pods-deleted-in-turn")
    ),
    Fault("ledger", "lag stays", pipeline("lag stays"), "lag back to 0"),
    *(Fault(x, "all refused", pipeline("refuses all"), "accepting again") for x in _RESILIENCE[:1]),
)
MONITORING = (
    Fault("prometheus-sees-all", "no Prometheus", api("no Prometheus"), "a ready pod of prom"),
    Fault("prometheus-sees-all", "a target down", api("scrapes nothing"), "0 of 1 pods"),
    Fault("prometheus-sees-all", "no rules", api("no rules"), "the rules of the manifests"),
    Fault("prometheus-sees-all", "nothing recorded", api("records nothing"), "ingest:in_flight"),
    Fault("prometheus-sees-all", "not a number", api("records NaN"), "ingest:in_flight:ratio"),
    Fault("prometheus-sees-all", "a broken rule", api("a broken rule"), "many-to-many"),
)
SCALING = (
    Fault("grows-and-shrinks", "never grows", api("never grows"), "growth"),
    Fault("grows-and-shrinks", "never shrinks", api("never shrinks"), "shrinking"),
    Fault(
        "grows-and-shrinks",
        "not measured",
        status("horizontalpodautoscalers", "", conditions=[]),
        "first measurement",
    ),
)
