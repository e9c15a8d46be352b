"""Rules about the brokers and their topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.verification.rules.objects import (
    config_map,
    objections,
    pod,
    reading,
    service,
    workload,
)
from verification.rules.topic_names import Topic, parse_topics

COPIES = {
    "KAFKA_DEFAULT_REPLICATION_FACTOR": "3",
    "KAFKA_MIN_INSYNC_REPLICAS": "2",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "3",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "3",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "2",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "3",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "2",
}
SETTINGS = {
    **COPIES,
    "KAFKA_LOG_DIRS": "/data/log",
    "KAFKA_HEAP_OPTS": "-Xmx64m",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE": "false",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(
        f"{n}@kafka-{n}.brokers.rtb.svc:9093" for n in range(3)
    ),
    "KAFKA_TOPIC_BID_REQUESTS": "bids",
    "KAFKA_TOPIC_BID_DECISIONS": "decisions",
    "KAFKA_TOPIC_DEAD_LETTERS": "dead",
}
TOPICS = "# name\nbids 6 3 2 1000\ndecisions 6 3 2 1000\ndead 1 3 2 1000\n"
MOUNTS = [
    {"name": "data", "mountPath": "/data"},
    {"name": "empty", "mountPath": "/etc/kafka/secrets", "readOnly": True},
    {"name": "empty", "mountPath": "/mnt/shared/config", "readOnly": True},
]
RULES = (
    "kafka-is-stateful",
    "kafka-on-disk",
    "kafka-image-volumes",
    "kafka-copies",
    "kafka-clean-elections",
    "kafka-quorum",
    "kafka-heap-fits",
    "topics-declared",
)


def cluster(
    kind: str = "StatefulSet",
    topics: str = TOPICS,
    settings: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, Any], ...]:
    """Return three brokers with their topics, the settings changed (None: removed)."""
    merged = {**SETTINGS, **(settings or {})}
    data = {name: value for name, value in merged.items() if value is not None}
    ports = [{"name": "controller", "containerPort": 9093}]
    broker = reading("kafka", image="apache/kafka:4.3.1", volumeMounts=MOUNTS, ports=ports)
    brokers = workload(
        kind,
        "kafka",
        pod(broker),
        replicas=3,
        serviceName="brokers",
        podManagementPolicy="Parallel",
        volumeClaimTemplates=[{"metadata": {"name": "data"}}],
    )
    names = service("brokers", clusterIP="None", publishNotReadyAddresses=True)
    return (
        config_map("kafka", **data),
        config_map("topics", **{"topics.txt": topics}),
        names,
        brokers,
    )


@pytest.mark.parametrize("rule", RULES)
def test_a_good_cluster(rule: str) -> None:
    """No rule objects to the brokers that the other tests spoil."""
    assert objections(rule, *cluster()) == []


@pytest.mark.parametrize(
    ("rule", "settings", "found"),
    [
        (
            "kafka-on-disk",
            {"KAFKA_LOG_DIRS": "/scratch"},
            "expected a directory in one of ['/data']",
        ),
        ("kafka-on-disk", {"KAFKA_LOG_DIRS": "/data"}, "found /data"),
        ("kafka-copies", {"KAFKA_MIN_INSYNC_REPLICAS": "3"}, "expected 2 of 3, found 3"),
        ("kafka-copies", {"KAFKA_DEFAULT_REPLICATION_FACTOR": None}, "expected 3 of 3, found None"),
        (
            "kafka-clean-elections",
            {"KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE": "true"},
            "expected false, found true",
        ),
        (
            "kafka-quorum",
            {"KAFKA_CONTROLLER_QUORUM_VOTERS": "0@kafka-0:9093"},
            "expected 0@kafka-0.brokers.rtb.svc:9093,1@kafka-1",
        ),
        ("kafka-heap-fits", {"KAFKA_HEAP_OPTS": "-Xmx128m"}, "expected -Xmx at most 0.6 of it"),
        ("kafka-heap-fits", {"KAFKA_HEAP_OPTS": None}, "expected -Xmx at most 0.6 of it"),
        (
            "topics-declared",
            {"KAFKA_AUTO_CREATE_TOPICS_ENABLE": "true"},
            "kafka KAFKA_AUTO_CREATE_TOPICS_ENABLE: expected false, found true",
        ),
        ("topics-declared", {"KAFKA_TOPIC_DEAD_LETTERS": "other"}, "'other'], found ['bids'"),
        ("topics-declared", {"KAFKA_TOPIC_DEAD_LETTERS": None}, "expected the topics"),
    ],
)
def test_a_wrong_setting(rule: str, settings: dict[str, str | None], found: str) -> None:
    """The rule names the setting, what is expected and what is found."""
    assert any(found in text for text in objections(rule, *cluster(settings=settings)))


def test_a_topic_with_too_few_copies() -> None:
    """A topic that has fewer copies than brokers is named."""
    (found,) = objections(
        "kafka-copies", *cluster(topics=TOPICS.replace("dead 1 3 2", "dead 1 1 1"))
    )
    assert "topic dead: expected 3 copies, 2 in sync, found (1, 1)" in found


def test_a_topic_that_is_no_topic() -> None:
    """A row that is not a name and four numbers is named."""
    found = objections("topics-declared", *cluster(topics="bids six 3 2 1000\n"))
    assert "'bids six 3 2 1000' is not a name and four numbers" in found[0]


def test_brokers_without_identity() -> None:
    """Brokers of a Deployment, or none at all, are named."""
    assert len(objections("kafka-is-stateful", *cluster("Deployment"))) == 1
    assert objections("kafka-is-stateful") == ["kafka: expected a StatefulSet, found []"]


def test_a_writable_image_volume() -> None:
    """A directory that the image declares as a volume and nobody mounts is named."""
    *others, brokers = cluster()
    broker = brokers["spec"]["template"]["spec"]["containers"][0]
    broker["volumeMounts"] = MOUNTS[:2]
    (found,) = objections("kafka-image-volumes", *others, brokers)
    assert "expected /mnt/shared/config read-only" in found


def test_a_quorum_that_cannot_form() -> None:
    """Brokers that start one by one, or are not published until ready, are named."""
    settings, topics, names, brokers = cluster()
    names["spec"]["publishNotReadyAddresses"] = False
    brokers["spec"]["podManagementPolicy"] = "OrderedReady"
    assert len(objections("kafka-quorum", settings, topics, names, brokers)) == 2


def test_a_limit_in_other_units() -> None:
    """A memory limit that is not in binary units is not taken for enough."""
    *others, brokers = cluster()
    container = brokers["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "1e9"}}
    assert len(objections("kafka-heap-fits", *others, brokers)) == 1


def test_topics_are_parsed() -> None:
    """A row gives name, partitions, copies, the least in sync, and retention."""
    assert parse_topics("# a comment\n\nbids 6 3 2 1000\n") == [Topic("bids", 6, 3, 2, 1000)]
