"""The topics that are created, and those that the services use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verification.rules.manifests import Manifests
from verification.rules.rule import RENDER, StaticRule

LIST = "topics.txt"
_FIELDS = 5
_USED = ("KAFKA_TOPIC_BID_REQUESTS", "KAFKA_TOPIC_BID_DECISIONS", "KAFKA_TOPIC_DEAD_LETTERS")


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


def _topics_declared(manifests: Manifests) -> list[str]:
    return [*_unexplained(manifests), *_automatic(manifests)]


def _unexplained(manifests: Manifests) -> Iterator[str]:
    try:
        created = {topic.name for topic in declared_topics(manifests)}
    except ValueError as error:
        yield f"ConfigMap {LIST}: expected a topic a line, found {error}"
        return
    used = {
        value
        for item in manifests.ours
        for name, value in manifests.environment(item).items()
        if name in _USED
    }
    if created != used or len(used) != len(_USED):
        yield f"ConfigMap {LIST}: expected the topics {sorted(used)}, found {sorted(created)}"


def _automatic(manifests: Manifests) -> Iterator[str]:
    kafka = manifests.workload("kafka")
    setting = "KAFKA_AUTO_CREATE_TOPICS_ENABLE"
    value = manifests.environment(kafka).get(setting) if kafka else None
    if value != "false":
        yield f"kafka {setting}: expected false, found {value}"


RULES = (
    StaticRule(
        "static.topics-declared",
        "The services' topics, and no others, are created explicitly, and Kafka makes none itself.",
        (f"{RENDER} | grep -E -A 5 'topics.txt|KAFKA_TOPIC_|AUTO_CREATE'",),
        "base/kafka/topics.txt and base/pipeline.env, in manifests/, must name the same topics.",
        _topics_declared,
    ),
)
