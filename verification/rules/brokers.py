"""Kafka's brokers: their disks, their copies, their quorum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from verification.rules.manifests import NAMESPACE, Manifests, finding
from verification.rules.rule import RENDER, StaticRule
from verification.rules.topic_names import Topic, declared_topics
from verification.rules.workload import Workload

# settings that give copies and the least of them that acknowledge, and topics of the same kind
_COPIES = (
    ("KAFKA_DEFAULT_REPLICATION_FACTOR", "KAFKA_MIN_INSYNC_REPLICAS"),
    ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "KAFKA_MIN_INSYNC_REPLICAS"),
    ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"),
    (
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR",
    ),
)
# the image declares them as volumes: the container runtime makes writable ones unless we mount
_IMAGE_VOLUMES = ("/etc/kafka/secrets", "/mnt/shared/config")
_MOST_COPIES = 3
_HEAP_SHARE = 0.6
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def _kafka(manifests: Manifests) -> Iterator[Workload]:
    found = manifests.workload("kafka")
    if found is not None:
        yield found


def _kafka_present(manifests: Manifests) -> list[str]:
    kinds = [item.item["kind"] for item in _kafka(manifests)]
    return [] if kinds == ["StatefulSet"] else [f"kafka: expected a StatefulSet, found {kinds}"]


def _kafka_on_disk(manifests: Manifests) -> list[str]:
    return [text for item in _kafka(manifests) for text in _disk(manifests, item)]


def _disk(manifests: Manifests, item: Workload) -> Iterator[str]:
    claims = {claim["metadata"]["name"] for claim in item.spec.get("volumeClaimTemplates", [])}
    mounts = [mount for _, container in item.containers for mount in container["volumeMounts"]]
    kept = {PurePosixPath(mount["mountPath"]) for mount in mounts if mount["name"] in claims}
    for directory in manifests.environment(item).get("KAFKA_LOG_DIRS", "/tmp").split(","):  # noqa: S108  Kafka's default
        if not kept & set(PurePosixPath(directory).parents):
            expected = f"a directory in one of {sorted(map(str, kept))}"
            yield finding(item, "KAFKA_LOG_DIRS", expected=expected, found=directory)


def _image_volumes_covered(manifests: Manifests) -> list[str]:
    return [
        finding(item, f"{path}.volumeMounts", expected=f"{wanted} read-only", found="none")
        for item in manifests.ours
        for path, container in item.all_containers
        if container["image"].startswith("apache/kafka:")
        for wanted in _IMAGE_VOLUMES
        if (wanted, True)
        not in {(x["mountPath"], x.get("readOnly")) for x in container.get("volumeMounts", [])}
    ]


def _copies_add_up(manifests: Manifests) -> list[str]:
    return [text for item in _kafka(manifests) for text in _copies(manifests, item)]


def _copies(manifests: Manifests, item: Workload) -> Iterator[str]:
    wanted = min(item.replicas, _MOST_COPIES)
    least = max(1, wanted - 1)
    environment = manifests.environment(item)
    for factor, insync in _COPIES:
        for name, number in ((factor, wanted), (insync, least)):
            if environment.get(name) != str(number):
                found = environment.get(name)
                yield finding(item, name, expected=f"{number} of {item.replicas}", found=found)
    for topic in declared_topics(manifests):
        yield from _topic(item, topic, wanted, least)


def _topic(item: Workload, topic: Topic, wanted: int, least: int) -> Iterator[str]:
    found = (topic.replication, topic.min_insync_replicas)
    if found != (wanted, least):
        expected = f"{wanted} copies, {least} in sync"
        yield finding(item, f"topic {topic.name}", expected=expected, found=found)


def _no_loss_by_election(manifests: Manifests) -> list[str]:
    name = "KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"
    return [
        finding(item, name, expected="false", found=value)
        for item in _kafka(manifests)
        if (value := manifests.environment(item).get(name)) != "false"
    ]


def _quorum_complete(manifests: Manifests) -> list[str]:
    return [text for item in _kafka(manifests) for text in _quorum(manifests, item)]


def _quorum(manifests: Manifests, item: Workload) -> Iterator[str]:
    service = item.spec.get("serviceName", "")
    port = (item.port("controller") or {}).get("containerPort")
    expected = ",".join(
        f"{index}@{item.name}-{index}.{service}.{NAMESPACE}.svc:{port}"
        for index in range(item.replicas)
    )
    found = manifests.environment(item).get("KAFKA_CONTROLLER_QUORUM_VOTERS")
    if found != expected:
        yield finding(item, "KAFKA_CONTROLLER_QUORUM_VOTERS", expected=expected, found=found)
    headless = (manifests.named("Service", service) or {}).get("spec", {})
    if headless.get("clusterIP") != "None" or not headless.get("publishNotReadyAddresses"):
        wanted = "a headless Service that publishes brokers that are not ready"
        yield finding(item, "spec.serviceName", expected=wanted, found=service)
    if item.spec.get("podManagementPolicy") != "Parallel":
        found = item.spec.get("podManagementPolicy")
        yield finding(item, "spec.podManagementPolicy", expected="Parallel", found=found)


def _heap_fits(manifests: Manifests) -> list[str]:
    return [text for item in _kafka(manifests) for text in _heap(manifests, item)]


def _heap(manifests: Manifests, item: Workload) -> Iterator[str]:
    options = manifests.environment(item).get("KAFKA_HEAP_OPTS", "")
    stated = re.search(r"-Xmx(\d+)([kmg])", options)
    heap = int(stated[1]) * _UNITS[stated[2]] if stated else None
    for path, container in item.containers:
        limit = _bytes(container.get("resources", {}).get("limits", {}).get("memory", "0Mi"))
        if heap is None or heap > _HEAP_SHARE * limit:
            where = f"{path}.resources.limits.memory"
            yield finding(item, where, expected=f"-Xmx at most {_HEAP_SHARE} of it", found=options)


def _bytes(quantity: str) -> int:
    stated = re.fullmatch(r"(\d+)(Ki|Mi|Gi)", quantity)
    return int(stated[1]) * _UNITS[stated[2]] if stated else 0


RULES = (
    StaticRule(
        "static.kafka-is-stateful",
        "Kafka is a StatefulSet, which gives each broker its name and its disk back.",
        (f"{RENDER} | grep -A 6 'kind: StatefulSet'",),
        "See manifests/base/kafka/stateful-set.yaml.",
        _kafka_present,
    ),
    StaticRule(
        "static.kafka-on-disk",
        "The brokers' log directories lie on persistent volume claims.",
        (f"{RENDER} | grep -E -A 8 'KAFKA_LOG_DIRS|volumeClaimTemplates'",),
        "KAFKA_LOG_DIRS must be below the mount of a volumeClaimTemplate.",
        _kafka_on_disk,
    ),
    StaticRule(
        "static.kafka-image-volumes",
        "The directories that the broker image declares as volumes are mounted read-only.",
        (f"{RENDER} | grep -A 20 volumeMounts",),
        "Unmounted, the container runtime makes them writable.",
        _image_volumes_covered,
    ),
    StaticRule(
        "static.kafka-copies",
        "Every topic has a copy on each broker, up to three; one broker of several may be away.",
        (f"{RENDER} | grep -E 'replicas|REPLICATION_FACTOR|MIN_ISR|INSYNC'",),
        "Replication follows the number of brokers; min.insync.replicas is one less.",
        _copies_add_up,
    ),
    StaticRule(
        "static.kafka-clean-elections",
        "A broker that lacks acknowledged records never becomes a leader.",
        (f"{RENDER} | grep UNCLEAN",),
        "KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE must be false.",
        _no_loss_by_election,
    ),
    StaticRule(
        "static.kafka-quorum",
        "The quorum's voters are exactly the brokers, which find each other before they are ready.",
        (f"{RENDER} | grep -E 'VOTERS|publishNotReadyAddresses|podManagementPolicy'",),
        "One voter per broker: N@kafka-N.kafka-headless.rtb.svc:9093.",
        _quorum_complete,
    ),
    StaticRule(
        "static.kafka-heap-fits",
        "The brokers' heap leaves two fifths of the memory limit to the rest of the process.",
        (f"{RENDER} | grep -E 'HEAP|memory'",),
        "Raise the memory limit or lower -Xmx.",
        _heap_fits,
    ),
)
