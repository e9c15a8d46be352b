"""How Kubernetes asks whether a container is started, alive and ready."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import Manifests, Object, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.workload import ADMIN, Workload

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_ACTIONS = ("httpGet", "tcpSocket", "grpc", "exec")
# The answer of each of these does not change with Kafka's state; the last is Prometheus's own.
_KAFKA_FREE = frozenset({"/healthz", "/livez", "/-/healthy"})
_READINESS = frozenset({"/readyz", "/-/ready"})


def _probes_present(manifests: Manifests) -> list[str]:
    serving = (item for item in manifests.workloads if item.serves)
    return [
        text
        for item in serving
        for path, container in item.containers
        for text in _probes(item, path, container)
    ]


def _probes(item: Workload, path: str, container: Object) -> Iterator[str]:
    names = {port.get("name") for port in container.get("ports", [])} - {ADMIN}
    for name in PROBES:
        probe = container.get(name)
        if probe is None:
            yield finding(item, f"{path}.{name}", expected="a probe", found="none")
        elif _port(probe) not in names:
            where = f"{path}.{name}.{_action(probe)}.port"
            yield finding(
                item, where, expected=f"one of {sorted(map(str, names))}", found=_port(probe)
            )


def _action(probe: Object) -> str:
    return next((action for action in _ACTIONS if action in probe), "action")


def _port(probe: Object) -> object:
    return probe.get(_action(probe), {}).get("port")


def _liveness_without_kafka(manifests: Manifests) -> list[str]:
    found = []
    for item in manifests.workloads:
        for path, container in item.containers:
            for name in ("startupProbe", "livenessProbe"):
                asked = container.get(name, {}).get("httpGet", {}).get("path")
                if asked is not None and asked not in _KAFKA_FREE:
                    where = f"{path}.{name}.httpGet.path"
                    found.append(
                        finding(item, where, expected=f"one of {sorted(_KAFKA_FREE)}", found=asked)
                    )
    return found


def _readiness_asks_for_readiness(manifests: Manifests) -> list[str]:
    return [
        finding(
            item,
            f"{path}.readinessProbe.httpGet.path",
            expected="/readyz",
            found=asked,
        )
        for item in manifests.workloads
        for path, container in item.containers
        if (asked := container.get("readinessProbe", {}).get("httpGet", {}).get("path", "/readyz"))
        not in _READINESS
    ]


RULES = (
    StaticRule(
        "static.probes-present",
        "Each serving container has startup, liveness and readiness probes, on ports it names.",
        (f"{RENDER} | grep -A 6 Probe:",),
        "A probe's port is the name of a port of the same container, and one that serves: not the "
        "admin port, which may answer while nothing else does.",
        _probes_present,
    ),
    StaticRule(
        "static.liveness-without-kafka",
        "No container is restarted because Kafka is away.",
        (f"{RENDER} | grep -A 4 livenessProbe",),
        "Liveness and startup ask /healthz; only readiness may depend on Kafka.",
        _liveness_without_kafka,
    ),
    StaticRule(
        "static.readiness-asks-readyz",
        "Readiness asks `/readyz` where it asks over HTTP.",
        (f"{RENDER} | grep -A 4 readinessProbe",),
        "/healthz is 200 even where a bid request cannot be taken.",
        _readiness_asks_for_readiness,
    ),
)
