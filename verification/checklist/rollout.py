"""Whether all that the manifests ask for has come up as they ask."""

from __future__ import annotations

import re
from functools import partial

from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import kafka
from verification.cluster.pods import containers, name_of, restarts
from verification.cluster.workloads import KINDS, pending, title

_check = partial(check, category="rollout", promise="deployed", reads=True)
_TOPIC = re.compile(
    r"^Topic: (\S+).*PartitionCount: (\d+)\s+ReplicationFactor: (\d+)"
    r".*min\.insync\.replicas=(\d+)",
    re.MULTILINE,
)
_ON_BROKERS_TIME = re.compile(
    r"^Topic: (\S+).*message\.timestamp\.type=LogAppendTime", re.MULTILINE
)
_COUNTS = ("partitions", "replicas", "min.insync")


@_check(
    "kubectl --namespace rtb get deployments,statefulsets,jobs",
    "kubectl --namespace rtb get persistentvolumeclaims",
    expected="READY n/n, and the Job COMPLETE 1/1; STATUS of each claim is `Bound`",
    hint="`kubectl --namespace rtb describe pods` tells what a pod waits for",
)
def workloads_available(context: Context) -> Evidence:
    """Every workload is available, with all replicas of the newest revision."""
    workloads = context.kubectl.list(KINDS)
    lacking = [found for item in workloads if (found := pending(item))]
    good = bool(workloads) and not lacking
    expect(good, expected="all available", found="; ".join(lacking) or "no workload")
    return Evidence(", ".join(map(title, workloads)))


@_check(
    "kubectl --namespace rtb get pods",
    expected="RESTARTS is 0 on each line",
    hint="`kubectl --namespace rtb logs POD --previous`",
)
def zero_restarts(context: Context) -> Evidence:
    """No container has been restarted."""
    pods = context.kubectl.list("pods")
    found = restarts(pods)
    expect(bool(pods) and not found, expected="no restart", found=found or "no pod")
    return Evidence(f"{len(pods)} pods, no restart")


@_check(
    "kubectl --namespace rtb get pods --output "
    "jsonpath='{range .items[*]}{.status.containerStatuses[*].image}{\"\\n\"}{end}'",
    expected="the tags that `python -m verification up` prints",
    hint="`python -m verification up` deploys the images of the sources as they are now",
    promise="honest",
)
def expected_images(context: Context) -> Evidence:
    """The pods run the very images that were built from these sources."""
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


@_check(
    "kubectl --namespace rtb get poddisruptionbudgets",
    promise="drains",
    expected="one line a workload, ALLOWED DISRUPTIONS is 1",
    hint="compare the budget's selector with the pods' labels",
)
def disruption_budgets(context: Context) -> Evidence:
    """Every workload that runs on has a disruption budget that sees its pods healthy."""
    budgets = {name_of(item): item for item in context.kubectl.list("poddisruptionbudgets")}
    for workload in context.kubectl.list("deployments,statefulsets"):
        status = budgets.get(name_of(workload), {}).get("status", {})
        healthy, wanted = status.get("currentHealthy"), workload["spec"]["replicas"]
        good = healthy == wanted
        expect(good, expected=f"{title(workload)}: {wanted} healthy", found=healthy)
    return Evidence(", ".join(budgets))


@_check(
    "kafka kafka-topics.sh --describe",
    expected="the values of manifests/base/kafka/topics.txt (overlays/ha: its own)",
    hint="`kubectl --namespace rtb logs job/kafka-topics`",
)
def topics_as_declared(context: Context) -> Evidence:
    """Each topic has the partitions, replicas, min.insync.replicas and time that are declared."""
    wanted = _declared_topics(context)
    printed = kafka(context, "kafka-topics.sh", "--describe")
    rows = [(name, list(map(int, counts))) for name, *counts in _TOPIC.findall(printed)]
    found = {name: dict(zip(_COUNTS, counts, strict=True)) for name, counts in rows}
    found = {name: counts for name, counts in found.items() if name in wanted}
    expect(bool(wanted) and found == wanted, expected=f"{wanted}", found=found)
    untimed = wanted.keys() - set(_ON_BROKERS_TIME.findall(printed))
    expect(not untimed, expected="message.timestamp.type=LogAppendTime", found=f"not in {untimed}")
    return Evidence(", ".join(wanted), {"topics": printed})


def _declared_topics(context: Context) -> dict[str, dict[str, int]]:
    """Return the counts of each topic in the deployed ConfigMap."""
    rows = [
        line.split()
        for item in context.kubectl.list("configmaps")
        if name_of(item).startswith("kafka-topics")
        for line in item["data"].get("topics.txt", "").splitlines()
    ]
    return {
        row[0]: dict(zip(_COUNTS, map(int, row[1:4]), strict=True))
        for row in rows
        if row and not row[0].startswith("#")
    }
