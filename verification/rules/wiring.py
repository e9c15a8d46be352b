"""Labels, selectors, ports and settings: whether what should find each other does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from verification.rules.manifests import (
    ADMIN,
    POD,
    Manifests,
    Object,
    Workload,
    finding,
    namespace_of,
)
from verification.rules.rule import RENDER, rule
from verification.rules.selectors import is_subset, selects

_INSIDE = "ClusterIP"
_HASHED = re.compile(r".+-[a-z0-9]{10}")
# workload, setting, named port
_PORT_SETTINGS = (
    ("bid-request-handler", "INGEST_PORT", "http"),
    ("bid-request-handler", "INGEST_ADMIN_PORT", ADMIN),
    ("bidding-logic-service", "CONSUMER_HEALTH_PORT", "http"),
)


@rule(
    f"{RENDER} | grep -B 1 -A 2 -E 'matchLabels|  labels:'",
    hint="spec.selector.matchLabels must be among spec.template.metadata.labels.",
)
def selectors_match(manifests: Manifests) -> Iterator[str]:
    """Each workload selects its own pods, and those of no other workload."""
    for item in (item for item in manifests.workloads if item.serves):
        beside = (each for each in manifests.workloads if each.namespace == item.namespace)
        chosen = [each.name for each in beside if selects(item.spec["selector"], each.labels)]
        if chosen != [item.name]:
            expected = f"the pods of {item.name}"
            yield finding(item, "spec.selector", expected=expected, found=chosen)


@rule(
    f"{RENDER} | grep -A 14 'kind: Service'",
    hint="spec.selector and targetPort must agree with the pod template.",
)
def services_match(manifests: Manifests) -> Iterator[str]:
    """Each Service selects the pods of one workload and leads to ports that are named there."""
    for service in manifests.of_kind("Service"):
        selector = service["spec"].get("selector", {})
        beside = (x for x in manifests.workloads if x.namespace == namespace_of(service))
        chosen = [each for each in beside if selector and is_subset(selector, each.labels)]
        if len(chosen) != 1:
            expected, names = "the pods of one workload", [item.name for item in chosen]
            yield finding(service, "spec.selector", expected=expected, found=names)
            continue
        for port in service["spec"]["ports"]:
            target = port.get("targetPort")
            if chosen[0].port(str(target)) is None:
                path = f"spec.ports[{port.get('name', port['port'])}].targetPort"
                names = [str(known.get("name")) for _, known in chosen[0].ports]
                yield finding(service, path, expected=f"one of {names}", found=target)


@rule(f"{RENDER} | grep -A 4 ports:", hint="Name the port.")
def ports_named(manifests: Manifests) -> Iterator[str]:
    """Each port of a container and of a Service has a name."""
    for item in manifests.workloads:
        for container, port in item.ports:
            if "name" not in port:
                path = f"containers[{container.spec['name']}].ports"
                yield finding(item, path, expected="names", found=port)
    for service in manifests.of_kind("Service"):
        for port in service["spec"]["ports"]:
            if "name" not in port:
                yield finding(service, "spec.ports", expected="names", found=port)


@rule(
    f"{RENDER} | grep -E '_PORT:|containerPort'",
    hint="INGEST_PORT, INGEST_ADMIN_PORT and CONSUMER_HEALTH_PORT must equal containerPort.",
)
def ports_as_configured(manifests: Manifests) -> Iterator[str]:
    """Each service listens, by its setting, on the port that its container declares."""
    for name, setting, port in _PORT_SETTINGS:
        item = manifests.workload(name)
        if item is None:
            yield f"{name}: expected a workload, found none"
            continue
        stated = manifests.environment(item).get(setting)
        listening = (item.port(port) or {}).get("containerPort")
        if stated != str(listening):
            path, expected = f"ports[{port}].containerPort", f"{setting}={stated}"
            yield finding(item, path, expected=expected, found=listening)


@rule(
    f"{RENDER} | grep -A 18 'kind: Service'",
    hint="Metrics, reasons and documentation are not the public's: a Service of their own.",
)
def admin_inside(manifests: Manifests) -> Iterator[str]:
    """A Service that leads to an admin port leads nowhere else, and is reached inside alone."""
    for service in manifests.of_kind("Service"):
        targets = [port.get("targetPort") for port in service["spec"]["ports"]]
        if ADMIN not in targets:
            continue
        if (kind := service["spec"].get("type", _INSIDE)) != _INSIDE:
            yield finding(service, "spec.type", expected=_INSIDE, found=kind)
        if set(targets) != {ADMIN}:
            yield finding(service, "spec.ports", expected=f"{ADMIN} alone", found=targets)


@rule(f"{RENDER} | grep KAFKA_BROKERS", hint="See manifests/base/pipeline.env.")
def brokers_reachable(manifests: Manifests) -> Iterator[str]:
    """KAFKA_BROKERS names a Service of ours and a port of it."""
    for item in manifests.ours:
        brokers = manifests.environment(item).get("KAFKA_BROKERS")
        if brokers is not None and not _is_service(manifests, brokers):
            yield finding(item, "KAFKA_BROKERS", expected="service:port", found=brokers)


def _is_service(manifests: Manifests, brokers: str) -> bool:
    host, _, port = brokers.partition(":")
    service = manifests.named("Service", host)
    ports = service["spec"]["ports"] if service is not None else []
    return port in {str(known["port"]) for known in ports}


@rule(
    f"{RENDER} | grep -A 12 PodDisruptionBudget",
    hint="maxUnavailable: 1 leaves room whatever the number of pods.",
)
def disruption_budgets(manifests: Manifests) -> Iterator[str]:
    """Each serving workload has one PodDisruptionBudget, which leaves room to drain a node."""
    budgets = manifests.of_kind("PodDisruptionBudget")
    for item in (item for item in manifests.ours if item.serves):
        names = [each["metadata"]["name"] for each in budgets if _matches(each, item)]
        if len(names) != 1:
            yield finding(item, "pods", expected="one PodDisruptionBudget", found=names)
    for budget in budgets:
        pods = [item for item in manifests.workloads if _matches(budget, item)]
        if len(pods) != 1:
            expected, names = "the pods of one workload", [item.name for item in pods]
            yield finding(budget, "spec.selector", expected=expected, found=names)
        elif not _leaves_room(budget["spec"], pods[0].replicas):
            limits = ("minAvailable", "maxUnavailable")
            stated = {name: budget["spec"][name] for name in limits if name in budget["spec"]}
            expected = f"room for one of {pods[0].replicas}"
            yield finding(budget, "spec", expected=expected, found=stated)


def _matches(budget: Object, item: Workload) -> bool:
    same = namespace_of(budget) == item.namespace
    return same and selects(budget["spec"].get("selector", {}), item.labels)


def _leaves_room(spec: Object, replicas: int) -> bool:
    if "maxUnavailable" in spec:
        return spec["maxUnavailable"] not in (0, "0%")
    least = spec.get("minAvailable", 0)
    return isinstance(least, int) and least < replicas


@rule(
    "kubectl kustomize manifests/overlays/kind-autoscaling | grep -A 12 scaleTargetRef",
    hint="A workload with an autoscaler states no replicas of its own.",
)
def autoscaler_fits(manifests: Manifests) -> Iterator[str]:
    """An autoscaler has a target that exists and leaves its number alone, and a range."""
    for scaler in manifests.of_kind("HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        if not least < most:
            yield finding(scaler, "spec.maxReplicas", expected=f"more than {least}", found=most)
        aim = spec["scaleTargetRef"]
        target = manifests.workload(aim["name"])
        if target is None or target.item["kind"] != aim["kind"]:
            yield finding(scaler, "spec.scaleTargetRef", expected="a workload", found=aim)
        elif "replicas" in target.spec:
            expected, found = "none beside an autoscaler", target.spec["replicas"]
            yield finding(target, "spec.replicas", expected=expected, found=found)


@rule(f"{RENDER} | grep -A 8 ' env:'", hint="Put it into the .env file beside the workload.")
def settings_in_config_maps(manifests: Manifests) -> Iterator[str]:
    """No setting stands in a pod's spec."""
    for container in manifests.all_containers:
        for variable in container.spec.get("env", []):
            if "$(" not in variable.get("value", "$("):
                path, found = f"env[{variable['name']}]", variable["value"]
                yield finding(container, path, expected="valueFrom", found=found)


@rule(
    f"{RENDER} | grep -B 1 -A 2 -E 'configMap(Ref|KeyRef)?:'",
    hint="Make it with configMapGenerator and leave its hash on.",
)
def config_maps_exist(manifests: Manifests) -> Iterator[str]:
    """Each ConfigMap that a pod reads is there, under a name that changes with its content."""
    for item in manifests.workloads:
        for path, name in _config_maps(item):
            if manifests.named("ConfigMap", name, item.namespace) is None:
                yield finding(item, path, expected="a ConfigMap that is there", found=name)
            elif not _HASHED.fullmatch(name):
                expected = "a name that ends in the content's hash"
                yield finding(item, path, expected=expected, found=name)


def _config_maps(item: Workload) -> Iterator[tuple[str, str]]:
    """Yield where the pods refer to a ConfigMap, and its name."""
    for volume in item.pod.get("volumes", []):
        if "configMap" in volume:
            yield f"{POD}.volumes[{volume['name']}].configMap.name", volume["configMap"]["name"]
    for container in item.all_containers:
        for index, source in enumerate(container.spec.get("envFrom", [])):
            if "configMapRef" in source:
                path = f"{container.path}.envFrom[{index}].configMapRef.name"
                yield path, source["configMapRef"]["name"]
        for variable in container.spec.get("env", []):
            reference = variable.get("valueFrom", {}).get("configMapKeyRef")
            if reference is not None:
                path = f"{container.path}.env[{variable['name']}].configMapKeyRef.name"
                yield path, reference["name"]


RULES = (
    selectors_match,
    services_match,
    ports_named,
    ports_as_configured,
    admin_inside,
    brokers_reachable,
    disruption_budgets,
    autoscaler_fits,
    settings_in_config_maps,
    config_maps_exist,
)
