"""Wrong pods, roll-outs and stops."""

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
from tests.kubernetes.manifests.mutation import ALL, INGEST, LABEL, LOGIC, SERVING, Mutation
from verification.rules.probes import PROBES


def _pods() -> Iterator[Mutation]:
    """Yield what may be wrong with any of our pods."""
    container: tuple[tuple[str, str, Path, object], ...] = (
        ("escalation allowed", "pods-restricted", ("allowPrivilegeEscalation",), True),
        ("privileged", "pods-restricted", ("privileged",), True),
        ("capabilities kept", "pods-restricted", ("capabilities",), {"drop": ["NET_RAW"]}),
        ("capability added", "pods-restricted", ("capabilities", "add"), ["NET_ADMIN"]),
        ("root", "users-numeric", ("runAsUser",), 0),
        ("root group", "users-numeric", ("runAsGroup",), 0),
        ("writable root", "root-read-only", ("readOnlyRootFilesystem",), False),
        ("may be root", "pods-restricted", ("runAsNonRoot",), False),
        ("no seccomp", "pods-restricted", ("seccompProfile",), {"type": "Unconfined"}),
    )
    pod: tuple[tuple[str, str, Path, object], ...] = (
        ("token", "no-service-account-token", ("automountServiceAccountToken",), True),
        ("service links", "no-service-links", ("enableServiceLinks",), True),
        ("host network", "pods-restricted", ("hostNetwork",), True),
        ("host processes", "pods-restricted", ("hostPID",), True),
    )
    for what in ALL:
        for name, rule, path, value in container:
            change = put(*what, (*CONTAINER, "securityContext", *path), value)
            yield Mutation(f"{what[1]}: {name}", f"static.{rule}", change)
        for name, rule, path, value in pod:
            yield Mutation(f"{what[1]}: {name}", f"static.{rule}", put(*what, (*POD, *path), value))
        yield from _without(what)


def _without(what: tuple[str, str]) -> Iterator[Mutation]:
    """Yield what may lack in any of our pods."""
    missing: tuple[tuple[str, str, Path], ...] = (
        ("no user", "users-numeric", (*POD, "securityContext", "runAsUser")),
        ("no seccomp profile", "pods-restricted", (*POD, "securityContext", "seccompProfile")),
        ("token by default", "no-service-account-token", (*POD, "automountServiceAccountToken")),
        ("links by default", "no-service-links", (*POD, "enableServiceLinks")),
        ("no root rule", "root-read-only", (*CONTAINER, "securityContext")),
        ("no CPU request", "resources-stated", (*CONTAINER, "resources", "requests", "cpu")),
        ("no memory request", "resources-stated", (*CONTAINER, "resources", "requests", "memory")),
        ("no memory limit", "resources-stated", (*CONTAINER, "resources", "limits")),
    )
    for name, rule, path in missing:
        yield Mutation(f"{what[1]}: {name}", f"static.{rule}", drop(*what, path))
    latest = put(*what, (*CONTAINER, "image"), "rtb/ingest:latest")
    yield Mutation(f"{what[1]}: latest", "static.image-tags", latest)
    host = add(*what, (*POD, "volumes"), {"name": "host", "hostPath": {"path": "/"}})
    yield Mutation(f"{what[1]}: host path", "static.pods-restricted", host)
    mount = add(*what, (*CONTAINER, "volumeMounts"), {"name": "gone", "mountPath": "/gone"})
    yield Mutation(f"{what[1]}: mount of nothing", "static.volumes-bounded", mount)
    scratch = add(*what, (*POD, "volumes"), {"name": "scratch", "emptyDir": {}})
    yield Mutation(f"{what[1]}: unbounded scratch", "static.volumes-bounded", scratch)
    literal = add(*what, (*CONTAINER, "env"), {"name": "LOG_LEVEL", "value": "DEBUG"})
    yield Mutation(f"{what[1]}: literal setting", "static.settings-in-config-maps", literal)
    typo = put(*what, (*POD, "enableServiceLink"), value=False)
    yield Mutation(f"{what[1]}: unknown field", "static.schema-valid", typo)


def _serving() -> Iterator[Mutation]:
    """Yield what may be wrong with any workload that is to run for good."""
    for what in SERVING:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            gone = drop(*what, (*CONTAINER, probe))
            yield Mutation(f"{what[1]}: no {probe}", "static.probes-present", gone)
        wrong: tuple[tuple[str, str, Change], ...] = (
            ("no settling", "rollout-safe", drop(*what, ("spec", "minReadySeconds"))),
            ("unnamed port", "ports-named", drop(*what, (*CONTAINER, "ports", 0, "name"))),
            (
                "grace too short",
                "shutdown-adds-up",
                put(*what, (*POD, "terminationGracePeriodSeconds"), 10),
            ),
            (
                "selector mismatch",
                "selectors-match",
                put(*what, ("spec", "selector", "matchLabels", LABEL), "other"),
            ),
            (
                "label mismatch",
                "services-match",
                put(*what, ("spec", "template", "metadata", "labels", LABEL), "other"),
            ),
        )
        for name, rule, change in wrong:
            yield Mutation(f"{what[1]}: {name}", f"static.{rule}", change)


def _disruptions() -> Iterator[Mutation]:
    """Yield what may be wrong with the budget of such a workload."""
    for _, name in SERVING:
        of = ("PodDisruptionBudget", name)
        selector: Path = ("spec", "selector", "matchLabels", LABEL)
        rule = "static.disruption-budgets"
        yield Mutation(f"{name}: no budget", rule, remove(*of))
        full = put(*of, ("spec", "maxUnavailable"), 0)
        yield Mutation(f"{name}: budget without room", rule, full)
        yield Mutation(f"{name}: budget of other pods", rule, put(*of, selector, "other"))


def _services() -> Iterator[Mutation]:
    """Yield what may be wrong with either of the two services."""
    strategy: Path = ("spec", "strategy", "rollingUpdate", "maxUnavailable")
    http: Path = (*CONTAINER, "livenessProbe", "httpGet")
    other = setting(INGEST[1], "INGEST_ADMIN_PORT", "9999")
    yield Mutation("another admin port", "static.ports-as-configured", other)
    for probe in PROBES:
        admin = put(*INGEST, (*CONTAINER, probe, "httpGet", "port"), "admin")
        yield Mutation(f"{probe} beside the bids", "static.probes-present", admin)
    for what, port in ((INGEST, "INGEST_PORT"), (LOGIC, "CONSUMER_HEALTH_PORT")):
        wrong: tuple[tuple[str, str, Change], ...] = (
            ("one fewer", "rollout-safe", put(*what, strategy, 1)),
            ("a slow end", "rollout-safe", put(*what, ("spec", "progressDeadlineSeconds"), 600)),
            ("a hasty end", "rollout-safe", put(*what, ("spec", "progressDeadlineSeconds"), 30)),
            ("liveness on Kafka", "liveness-without-kafka", put(*what, (*http, "path"), "/readyz")),
            ("probe by number", "probes-present", put(*what, (*http, "port"), 8080)),
            (
                "start on Kafka",
                "liveness-without-kafka",
                put(*what, (*CONTAINER, "startupProbe", "httpGet", "path"), "/readyz"),
            ),
            (
                "readiness on life",
                "readiness-asks-readyz",
                put(*what, (*CONTAINER, "readinessProbe", "httpGet", "path"), "/healthz"),
            ),
            ("other port", "ports-as-configured", setting(what[1], port, "9999")),
            (
                "other container port",
                "ports-as-configured",
                put(*what, (*CONTAINER, "ports", 0, "containerPort"), 9999),
            ),
            (
                "tag of no content",
                "image-tags",
                put(*what, (*CONTAINER, "image"), "rtb/ingest:set-by-overlay"),
            ),
            ("no tag", "image-tags", put(*what, (*CONTAINER, "image"), "rtb/ingest")),
            (
                "no such ConfigMap",
                "config-maps-exist",
                put(*what, (*CONTAINER, "envFrom", 0, "configMapRef", "name"), "pipeline"),
            ),
        )
        for name, rule, change in wrong:
            yield Mutation(f"{what[1]}: {name}", f"static.{rule}", change)


def _budgets() -> Iterator[Mutation]:
    """Yield timeouts that outgrow the grace period, or that are not stated."""
    for config_map, name, much in (
        ("bid-request-handler", "INGEST_GRACEFUL_TIMEOUT_S", "20"),
        ("bid-request-handler", "INGEST_DRAIN_TIMEOUT_S", "20"),
        ("bidding-logic-service", "CONSUMER_PUBLISH_TIMEOUT_MS", "20000"),
        ("bidding-logic-service", "CONSUMER_COMMIT_TIMEOUT_MS", "30000"),
        ("bidding-logic-service", "CONSUMER_RETRY_BACKOFF_MAX_MS", "30000"),
        ("bidding-logic-service", "CONSUMER_POLL_TIMEOUT_MS", "30000"),
    ):
        rule = "static.shutdown-adds-up"
        yield Mutation(f"{name} too long", rule, setting(config_map, name, much))
        yield Mutation(f"{name} not stated", rule, setting(config_map, name, None))
    sleep: Path = (*CONTAINER, "lifecycle", "preStop", "sleep", "seconds")
    yield Mutation("long preStop", "static.shutdown-adds-up", put(*INGEST, sleep, 20))
    yield Mutation("short preStop", "static.traffic-stops-first", put(*INGEST, sleep, 1))
    gone = drop(*INGEST, (*CONTAINER, "lifecycle"))
    yield Mutation("no preStop", "static.traffic-stops-first", gone)


MUTATIONS = (
    *_pods(),
    *_serving(),
    *_disruptions(),
    *_services(),
    *_budgets(),
)
