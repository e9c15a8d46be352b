"""Records as kafka-python hands them out."""

from __future__ import annotations

from collections.abc import Sequence

from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition

TOPIC = "bid_requests"
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def partition(number: int = 0) -> TopicPartition:
    """Return a partition of the topic of bid requests."""
    return TopicPartition(TOPIC, number)


def make_record(
    value: bytes | None = b'{"id":"r-1"}',
    *,
    key: bytes | None = b"r-1",
    offset: int = 0,
    on: TopicPartition | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> ConsumerRecord:
    """Return a record with the fields that matter here set."""
    where = on or partition()
    return ConsumerRecord(
        topic=where.topic,
        partition=where.partition,
        leader_epoch=3,
        offset=offset,
        timestamp=1_700_000_000_000 + offset,
        timestamp_type=0,
        key=key,
        value=value,
        headers=list(headers),
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        serialized_header_size=-1,
    )
