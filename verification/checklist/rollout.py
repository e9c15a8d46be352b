"""Whether all that the manifests ask for has come up as they ask."""

from __future__ import annotations

from typing import Any

from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    containers_of,
    expected_topics,
    kafka,
    on_brokers_time,
    parse_topics,
)
from verification.cluster.pods import containers, name_of, restarts
from verification.cluster.workloads import KINDS, pending, title


@check(
    "rollout.workloads-available",
    "Every workload is available, with all replicas of the newest revision.",
    by_hand=("kubectl --namespace rtb get deployments,statefulsets,jobs",),
    expected="READY n/n, and the Job COMPLETE 1/1",
    hint="`kubectl --namespace rtb describe pods` tells what a pod waits for",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def workloads_available(context: Context) -> Evidence:
    """Read every workload's status."""
    workloads = context.kubectl.list(KINDS)
    lacking = [found for item in workloads if (found := pending(item))]
    good = bool(workloads) and not lacking
    expect(good, expected="all available", found="; ".join(lacking) or "no workload")
    return Evidence(", ".join(map(title, workloads)))


@check(
    "rollout.zero-restarts",
    "No container has been restarted.",
    by_hand=("kubectl --namespace rtb get pods",),
    expected="RESTARTS is 0 on each line",
    hint="`kubectl --namespace rtb logs POD --previous`",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def zero_restarts(context: Context) -> Evidence:
    """Read the restart counts."""
    pods = context.kubectl.list("pods")
    found = restarts(pods)
    expect(bool(pods) and not found, expected="no restart", found=found or "no pod")
    return Evidence(f"{len(pods)} pods, no restart")


@check(
    "rollout.expected-images",
    "The pods run the very images that were built from these sources.",
    by_hand=(
        (
            "kubectl --namespace rtb get pods --output "
            "jsonpath='{range .items[*]}{.status.containerStatuses[*].image}{\"\\n\"}{end}'"
        ),
    ),
    expected="the tags that `python -m verification up` prints",
    hint="`python -m verification up` deploys the images of the sources as they are now",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def expected_images(context: Context) -> Evidence:
    """Compare the image of every running container with the content tags."""
    wanted = {image.repository: name for image, name in context.images.items()}
    seen: dict[str, str] = {}
    for pod in context.kubectl.list("pods"):
        for status in containers(pod):
            image = str(status["image"]).removeprefix("docker.io/")
            repository = image.rpartition(":")[0]
            if repository in wanted:
                good = image == wanted[repository]
                expect(good, expected=wanted[repository], found=f"{image} in {name_of(pod)}")
                seen[repository] = image
    expect(seen == wanted, expected=f"{wanted}", found=seen)
    return Evidence(", ".join(seen.values()))


@check(
    "rollout.configuration-from-config-maps",
    "Every setting of the services comes from a ConfigMap, none stands in a Deployment.",
    by_hand=("kubectl --namespace rtb get deployments --output yaml | grep --after-context 6 env",),
    expected="envFrom with configMapRef, no `env:`",
    hint="configMapGenerator in the kustomization",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def configuration_from_config_maps(context: Context) -> Evidence:
    """Read every container's environment out of its Deployment."""
    maps: list[str] = []
    for deployment in context.kubectl.list("deployments"):
        for container in containers_of(deployment):
            literal = [item["name"] for item in container.get("env", []) if "value" in item]
            found = f"{name_of(deployment)}: {literal}"
            expect(not literal, expected="no literal variable", found=found)
            maps += _config_maps(container)
    expect(bool(maps), expected="ConfigMaps", found="none")
    return Evidence(", ".join(maps))


def _config_maps(container: dict[str, Any]) -> list[str]:
    return [
        item["configMapRef"]["name"]
        for item in container.get("envFrom", [])
        if "configMapRef" in item
    ]


@check(
    "rollout.claims-bound",
    "Each of Kafka's volume claims is bound to a volume.",
    by_hand=("kubectl --namespace rtb get persistentvolumeclaims",),
    expected="STATUS is `Bound`",
    hint="`kubectl --namespace rtb describe persistentvolumeclaims`",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def claims_bound(context: Context) -> Evidence:
    """Read the claims' phases."""
    claims = context.kubectl.list("persistentvolumeclaims")
    found = {name_of(claim): claim["status"]["phase"] for claim in claims}
    good = bool(found) and set(found.values()) == {"Bound"}
    expect(good, expected="every claim Bound", found=found or "no claim")
    return Evidence(", ".join(found))


@check(
    "rollout.disruption-budgets",
    "Every workload that runs on has a disruption budget that sees its pods healthy.",
    by_hand=("kubectl --namespace rtb get poddisruptionbudgets",),
    expected="one line a workload, ALLOWED DISRUPTIONS is 1",
    hint="compare the budget's selector with the pods' labels",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def disruption_budgets(context: Context) -> Evidence:
    """Compare each budget's count of healthy pods with the workload's replicas."""
    budgets = {name_of(item): item for item in context.kubectl.list("poddisruptionbudgets")}
    for workload in context.kubectl.list("deployments,statefulsets"):
        status = budgets.get(name_of(workload), {}).get("status", {})
        healthy, wanted = status.get("currentHealthy"), workload["spec"]["replicas"]
        good = healthy == wanted
        expect(good, expected=f"{title(workload)}: {wanted} healthy", found=healthy)
    return Evidence(", ".join(budgets))


@check(
    "rollout.topics-as-declared",
    "Each topic has the partitions, replicas and min.insync.replicas that the manifests declare, "
    "and its records the brokers' time.",
    by_hand=(("kafka kafka-topics.sh --describe"),),
    expected="the values of manifests/base/kafka/topics.txt (overlays/ha: its own)",
    hint="`kubectl --namespace rtb logs job/kafka-topics`",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def topics_as_declared(context: Context) -> Evidence:
    """Compare Kafka's own description with the topic list of the deployed ConfigMap."""
    wanted = expected_topics(context)
    printed = kafka(context, "kafka-topics.sh", "--describe")
    found = {name: item for name, item in parse_topics(printed).items() if name in wanted}
    expect(bool(wanted) and found == wanted, expected=f"{wanted}", found=found)
    untimed = wanted.keys() - on_brokers_time(printed)
    expect(not untimed, expected="message.timestamp.type=LogAppendTime", found=f"not in {untimed}")
    return Evidence(", ".join(wanted), {"topics": printed})


CHECKS = (
    workloads_available,
    zero_restarts,
    expected_images,
    configuration_from_config_maps,
    claims_bound,
    disruption_budgets,
    topics_as_declared,
)
