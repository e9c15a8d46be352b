"""Labels, selectors and ports: whether what should find each other does."""

from __future__ import annotations

from collections.abc import Iterator

from verification.rules.manifests import Manifests, Object, finding, namespace_of
from verification.rules.rule import RENDER, StaticRule
from verification.rules.selectors import is_subset, selects
from verification.rules.workload import ADMIN, Workload


def _selectors_match(manifests: Manifests) -> list[str]:
    serving = [item for item in manifests.workloads if item.serves]
    return [text for item in serving for text in _selector(item, manifests.workloads)]


def _selector(item: Workload, every: tuple[Workload, ...]) -> Iterator[str]:
    chosen = [
        other.name
        for other in every
        if other.namespace == item.namespace and selects(item.spec["selector"], other.labels)
    ]
    if chosen != [item.name]:
        yield finding(item, "spec.selector", expected=f"the pods of {item.name}", found=chosen)


def _services_match(manifests: Manifests) -> list[str]:
    return [text for item in manifests.services for text in _service(manifests, item)]


def _service(manifests: Manifests, service: Object) -> Iterator[str]:
    chosen = selected_by(manifests, service)
    if len(chosen) != 1:
        names = [item.name for item in chosen]
        yield finding(service, "spec.selector", expected="the pods of one workload", found=names)
        return
    for port in service["spec"]["ports"]:
        if chosen[0].port(str(port.get("targetPort"))) is None:
            path = f"spec.ports[{port.get('name', port['port'])}].targetPort"
            names = [str(known.get("name")) for _, known in chosen[0].ports]
            yield finding(service, path, expected=f"one of {names}", found=port.get("targetPort"))


def selected_by(manifests: Manifests, service: Object) -> list[Workload]:
    """Return the workloads whose pods a Service selects."""
    selector = service["spec"].get("selector", {})
    return [
        item
        for item in manifests.workloads
        if selector and item.namespace == namespace_of(service) and is_subset(selector, item.labels)
    ]


def _named_ports(manifests: Manifests) -> list[str]:
    containers = [
        finding(item, f"containers[{container['name']}].ports", expected="names", found=port)
        for item in manifests.workloads
        for container, port in item.ports
        if "name" not in port
    ]
    services = [
        finding(service, "spec.ports", expected="names", found=port)
        for service in manifests.services
        for port in service["spec"]["ports"]
        if "name" not in port
    ]
    return containers + services


_INSIDE = "ClusterIP"

# workload, setting, named port
_PORT_SETTINGS = (
    ("bid-request-handler", "INGEST_PORT", "http"),
    ("bid-request-handler", "INGEST_ADMIN_PORT", ADMIN),
    ("bidding-logic-service", "CONSUMER_HEALTH_PORT", "http"),
)


def _ports_as_configured(manifests: Manifests) -> list[str]:
    return [text for row in _PORT_SETTINGS for text in _port_setting(manifests, *row)]


def _port_setting(manifests: Manifests, name: str, setting: str, port: str) -> Iterator[str]:
    item = manifests.workload(name)
    if item is None:
        yield f"{name}: expected a workload, found none"
        return
    stated = manifests.environment(item).get(setting)
    listening = (item.port(port) or {}).get("containerPort")
    if stated != str(listening):
        yield finding(
            item, f"ports[{port}].containerPort", expected=f"{setting}={stated}", found=listening
        )


def _admin_inside(manifests: Manifests) -> list[str]:
    return [text for item in manifests.services for text in _exposed(item)]


def _exposed(service: Object) -> Iterator[str]:
    targets = [port.get("targetPort") for port in service["spec"]["ports"]]
    if ADMIN not in targets:
        return
    if (kind := service["spec"].get("type", _INSIDE)) != _INSIDE:
        yield finding(service, "spec.type", expected=_INSIDE, found=kind)
    if set(targets) != {ADMIN}:
        yield finding(service, "spec.ports", expected=f"{ADMIN} alone", found=targets)


def _brokers_reachable(manifests: Manifests) -> list[str]:
    found = []
    for item in manifests.ours:
        brokers = manifests.environment(item).get("KAFKA_BROKERS")
        if brokers is not None and not _is_service(manifests, brokers):
            found.append(finding(item, "KAFKA_BROKERS", expected="service:port", found=brokers))
    return found


def _is_service(manifests: Manifests, brokers: str) -> bool:
    host, _, port = brokers.partition(":")
    service = manifests.named("Service", host)
    ports = service["spec"]["ports"] if service is not None else []
    return port in {str(known["port"]) for known in ports}


RULES = (
    StaticRule(
        "static.selectors-match",
        "Each workload selects its own pods, and those of no other workload.",
        (f"{RENDER} | grep -B 1 -A 2 -E 'matchLabels|  labels:'",),
        "spec.selector.matchLabels must be among spec.template.metadata.labels.",
        _selectors_match,
    ),
    StaticRule(
        "static.services-match",
        "Each Service selects the pods of one workload and leads to ports that are named there.",
        (f"{RENDER} | grep -A 14 'kind: Service'",),
        "spec.selector and targetPort must agree with the pod template.",
        _services_match,
    ),
    StaticRule(
        "static.ports-named",
        "Each port of a container and of a Service has a name.",
        (f"{RENDER} | grep -A 4 ports:",),
        "Name the port.",
        _named_ports,
    ),
    StaticRule(
        "static.ports-as-configured",
        "Each service listens, by its setting, on the port that its container declares.",
        (f"{RENDER} | grep -E '_PORT:|containerPort'",),
        "INGEST_PORT, INGEST_ADMIN_PORT and CONSUMER_HEALTH_PORT must equal containerPort.",
        _ports_as_configured,
    ),
    StaticRule(
        "static.admin-inside",
        "A Service that leads to an admin port leads nowhere else, and is reached inside alone.",
        (f"{RENDER} | grep -A 18 'kind: Service'",),
        "Metrics, reasons and documentation are not the public's: a Service of their own.",
        _admin_inside,
    ),
    StaticRule(
        "static.brokers-reachable",
        "KAFKA_BROKERS names a Service of ours and a port of it.",
        (f"{RENDER} | grep KAFKA_BROKERS",),
        "See manifests/base/pipeline.env.",
        _brokers_reachable,
    ),
)
