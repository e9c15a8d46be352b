"""Topics of a real Kafka: made with unique names, read to their end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import InvalidReplicationFactorError, MetadataEmptyBrokerList

from tests.support.waiting import eventually
from verification.run.topics import create_one
from verification.traffic.topic_script import records_between

PARTITIONS = 3


@contextmanager
def admin(brokers: str) -> Iterator[Any]:
    """Connect for administration."""
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as client:
        yield client


def make_topic(
    brokers: str, prefix: str, configs: Mapping[str, str] | None = None, replicas: int = 1
) -> str:
    """Create a topic whose name nobody else has, and return the name."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    create_topic(brokers, name, configs, replicas)
    return name


def create_topic(
    brokers: str, name: str, configs: Mapping[str, str] | None = None, replicas: int = 1
) -> None:
    """Create a topic of this name, as the pipeline's are."""

    def created() -> bool:
        with suppress(InvalidReplicationFactorError):  # Kafka stood still, and looks for its broker
            create_one(client, name, PARTITIONS, configs or {}, replicas)
            return True
        return False

    with admin(brokers) as client:
        eventually(created, f"a broker for {name}")


def delete_topic(brokers: str, name: str) -> None:
    """Delete a topic; returns once no broker knows it any more."""
    with admin(brokers) as client:
        client.delete_topics([name])
        eventually(lambda: name not in client.list_topics(), f"{name} to be gone")


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return the topic's partitions, also where Kafka stood still and looks for its broker."""

    def found() -> set[int]:
        with suppress(MetadataEmptyBrokerList):
            return consumer.partitions_for_topic(topic) or set()
        return set()

    return [TopicPartition(topic, number) for number in eventually(found, f"a broker for {topic}")]


def read_all(brokers: str, topic: str, isolation: str = "read_uncommitted") -> list[Any]:
    """Return every record of the topic up to its present end, as kafka-python's ConsumerRecord.

    With `read_committed` the end is the first record of a transaction that is open.
    """
    options = {"auto_offset_reset": "earliest", "isolation_level": isolation}
    with closing(KafkaConsumer(bootstrap_servers=brokers, **options)) as consumer:
        parts = partitions_of(consumer, topic)
        first, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
        return [*records_between(consumer, first, ends)]
