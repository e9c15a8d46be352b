"""Kafka's brokers: their topics, their disks, their copies, their quorum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from verification.rules.manifests import NAMESPACE, Manifests, Workload, finding
from verification.rules.rule import RENDER, rule

LIST = "topics.txt"
_FIELDS = 5
_USED = ("KAFKA_TOPIC_BID_REQUESTS", "KAFKA_TOPIC_BID_DECISIONS", "KAFKA_TOPIC_DEAD_LETTERS")
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


@dataclass(frozen=True)
class Topic:
    """One row of the list: retention is in milliseconds."""

    name: str
    partitions: int
    replication: int
    min_insync_replicas: int
    retention_ms: int


def parse_topics(text: str) -> list[Topic]:
    """Read the list; raise ValueError naming the row that is not a name and four numbers."""
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return [_topic(row) for row in rows]


def _topic(row: list[str]) -> Topic:
    if len(row) != _FIELDS or not all(field.isdigit() for field in row[1:]):
        message = f"{' '.join(row)!r} is not a name and four numbers"
        raise ValueError(message)
    partitions, replication, least, retention = map(int, row[1:])
    return Topic(row[0], partitions, replication, least, retention)


def declared_topics(manifests: Manifests) -> list[Topic]:
    """Return the topics that the Job creates."""
    texts = (item.get("data", {}).get(LIST) for item in manifests.of_kind("ConfigMap"))
    return [topic for text in texts if text for topic in parse_topics(text)]


@rule(
    f"{RENDER} | grep -E -A 5 'topics.txt|KAFKA_TOPIC_|AUTO_CREATE'",
    hint="base/kafka/topics.txt and base/pipeline.env, in manifests/, must name the same topics.",
)
def topics_declared(manifests: Manifests) -> Iterator[str]:
    """The services' topics, and no others, are created explicitly, and Kafka makes none itself."""
    try:
        created = {topic.name for topic in declared_topics(manifests)}
    except ValueError as error:
        yield f"ConfigMap {LIST}: expected a topic a line, found {error}"
    else:
        settings = [row for x in manifests.ours for row in manifests.environment(x).items()]
        used = {value for name, value in settings if name in _USED}
        if created != used or len(used) != len(_USED):
            expected = f"the topics {sorted(used)}"
            yield f"ConfigMap {LIST}: expected {expected}, found {sorted(created)}"
    kafka, setting = manifests.workload("kafka"), "KAFKA_AUTO_CREATE_TOPICS_ENABLE"
    value = manifests.environment(kafka).get(setting) if kafka else None
    if value != "false":
        yield f"kafka {setting}: expected false, found {value}"


def _kafka(manifests: Manifests) -> Iterator[Workload]:
    found = manifests.workload("kafka")
    if found is not None:
        yield found


@rule(
    f"{RENDER} | grep -A 6 'kind: StatefulSet'", hint="See manifests/base/kafka/stateful-set.yaml."
)
def kafka_is_stateful(manifests: Manifests) -> Iterator[str]:
    """Kafka is a StatefulSet, which gives each broker its name and its disk back."""
    kinds = [item.item["kind"] for item in _kafka(manifests)]
    if kinds != ["StatefulSet"]:
        yield f"kafka: expected a StatefulSet, found {kinds}"


@rule(
    f"{RENDER} | grep -E -A 8 'KAFKA_LOG_DIRS|volumeClaimTemplates'",
    hint="KAFKA_LOG_DIRS must be below the mount of a volumeClaimTemplate.",
)
def kafka_on_disk(manifests: Manifests) -> Iterator[str]:
    """The brokers' log directories lie on persistent volume claims."""
    for item in _kafka(manifests):
        claims = {claim["metadata"]["name"] for claim in item.spec.get("volumeClaimTemplates", [])}
        mounts = [mount for each in item.containers for mount in each.spec["volumeMounts"]]
        kept = {PurePosixPath(mount["mountPath"]) for mount in mounts if mount["name"] in claims}
        for directory in manifests.environment(item).get("KAFKA_LOG_DIRS", "/tmp").split(","):  # noqa: S108  Kafka's default
            if not kept & set(PurePosixPath(directory).parents):
                expected = f"a directory in one of {sorted(map(str, kept))}"
                yield finding(item, "KAFKA_LOG_DIRS", expected=expected, found=directory)


@rule(
    f"{RENDER} | grep -A 20 volumeMounts",
    hint="Unmounted, the container runtime makes them writable.",
)
def kafka_image_volumes(manifests: Manifests) -> Iterator[str]:
    """The directories that the broker image declares as volumes are mounted read-only."""
    for container in (each for item in manifests.ours for each in item.all_containers):
        mounts = container.spec.get("volumeMounts", [])
        covered = {mount["mountPath"] for mount in mounts if mount.get("readOnly") is True}
        if container.spec["image"].startswith("apache/kafka:"):
            for wanted in _IMAGE_VOLUMES:
                if wanted not in covered:
                    expected = f"{wanted} read-only"
                    yield finding(container, "volumeMounts", expected=expected, found="none")


@rule(
    f"{RENDER} | grep -E 'replicas|REPLICATION_FACTOR|MIN_ISR|INSYNC'",
    hint="Replication follows the number of brokers; min.insync.replicas is one less.",
)
def kafka_copies(manifests: Manifests) -> Iterator[str]:
    """Every topic has a copy on each broker, up to three; one broker of several may be away."""
    for item in _kafka(manifests):
        wanted = min(item.replicas, _MOST_COPIES)
        least = max(1, wanted - 1)
        environment = manifests.environment(item)
        for names in _COPIES:
            for name, number in zip(names, (wanted, least), strict=True):
                found = environment.get(name)
                if found != str(number):
                    expected = f"{number} of {item.replicas}"
                    yield finding(item, name, expected=expected, found=found)
        for topic in declared_topics(manifests):
            stated = (topic.replication, topic.min_insync_replicas)
            if stated != (wanted, least):
                expected = f"{wanted} copies, {least} in sync"
                yield finding(item, f"topic {topic.name}", expected=expected, found=stated)


@rule(f"{RENDER} | grep UNCLEAN", hint="KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE must be false.")
def kafka_clean_elections(manifests: Manifests) -> Iterator[str]:
    """A broker that lacks acknowledged records never becomes a leader."""
    name = "KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"
    for item in _kafka(manifests):
        if (value := manifests.environment(item).get(name)) != "false":
            yield finding(item, name, expected="false", found=value)


@rule(
    f"{RENDER} | grep -E 'VOTERS|publishNotReadyAddresses|podManagementPolicy'",
    hint="One voter per broker: N@kafka-N.kafka-headless.rtb.svc:9093.",
)
def kafka_quorum(manifests: Manifests) -> Iterator[str]:
    """The quorum's voters are exactly the brokers, which find each other before they are ready."""
    for item in _kafka(manifests):
        service = item.spec.get("serviceName", "")
        port = (item.port("controller") or {}).get("containerPort")
        expected = ",".join(
            f"{index}@{item.name}-{index}.{service}.{NAMESPACE}.svc:{port}"
            for index in range(item.replicas)
        )
        name = "KAFKA_CONTROLLER_QUORUM_VOTERS"
        voters = manifests.environment(item).get(name)
        if voters != expected:
            yield finding(item, name, expected=expected, found=voters)
        headless = (manifests.named("Service", service) or {}).get("spec", {})
        if headless.get("clusterIP") != "None" or not headless.get("publishNotReadyAddresses"):
            wanted = "a headless Service that publishes brokers that are not ready"
            yield finding(item, "spec.serviceName", expected=wanted, found=service)
        policy = item.spec.get("podManagementPolicy")
        if policy != "Parallel":
            yield finding(item, "spec.podManagementPolicy", expected="Parallel", found=policy)


@rule(f"{RENDER} | grep -E 'HEAP|memory'", hint="Raise the memory limit or lower -Xmx.")
def kafka_heap_fits(manifests: Manifests) -> Iterator[str]:
    """The brokers' heap leaves two fifths of the memory limit to the rest of the process."""
    for item in _kafka(manifests):
        options = manifests.environment(item).get("KAFKA_HEAP_OPTS", "")
        stated = re.search(r"-Xmx(\d+)([kmg])", options)
        heap = int(stated[1]) * _UNITS[stated[2]] if stated else None
        for container in item.containers:
            limit = _bytes(container.spec.get("resources", {}).get("limits", {}).get("memory", ""))
            if heap is None or heap > _HEAP_SHARE * limit:
                expected = f"-Xmx at most {_HEAP_SHARE} of it"
                yield finding(
                    container, "resources.limits.memory", expected=expected, found=options
                )


def _bytes(quantity: str) -> int:
    stated = re.fullmatch(r"(\d+)(Ki|Mi|Gi)", quantity)
    return int(stated[1]) * _UNITS[stated[2]] if stated else 0


RULES = (
    topics_declared,
    kafka_is_stateful,
    kafka_on_disk,
    kafka_image_volumes,
    kafka_copies,
    kafka_clean_elections,
    kafka_quorum,
    kafka_heap_fits,
)
