"""Topics of a real Kafka: made with unique names, read to their end."""

from __future__ import annotations

import uuid
from contextlib import closing, suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import InvalidReplicationFactorError, MetadataEmptyBrokerList

from tests.support.waiting import eventually

BROKERS_TIME = {"message.timestamp.type": "LogAppendTime"}  # as the pipeline's topics have it


def make_topic(
    brokers: str, prefix: str, partitions: int = 1, configs: dict[str, str] | None = None
) -> str:
    """Create a topic whose name nobody else has, and return the name."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    create_topic(brokers, name, partitions, configs)
    return name


def create_topic(
    brokers: str, name: str, partitions: int = 1, configs: dict[str, str] | None = None
) -> None:
    """Create a topic of this name."""
    topic = NewTopic(name, partitions, 1, topic_configs=BROKERS_TIME | (configs or {}))

    def created() -> bool:
        with suppress(InvalidReplicationFactorError):  # Kafka stood still, and looks for its broker
            admin.create_topics([topic], wait_for_metadata=True)
            return True
        return False

    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        eventually(created, f"a broker for {name}")


def delete_topic(brokers: str, name: str) -> None:
    """Delete a topic; returns once no broker knows it any more."""
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        admin.delete_topics([name])
        eventually(lambda: name not in admin.list_topics(), f"{name} to be gone")


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
    consumer = KafkaConsumer(
        bootstrap_servers=brokers, auto_offset_reset="earliest", isolation_level=isolation
    )
    try:
        partitions = partitions_of(consumer, topic)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        records: list[Any] = []
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                records += batch
    finally:
        consumer.close()
    return records
