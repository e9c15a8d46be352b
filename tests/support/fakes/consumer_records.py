"""Records as kafka-python hands them out."""

from __future__ import annotations

from collections.abc import Sequence

from kafka.consumer.fetcher import ConsumerRecord
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

TOPIC = "bid_requests"
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def partition(number: int = 0) -> TopicPartition:
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


def make_batch(base_offset: int, *, codec: int = 0, flip: int | None = None) -> bytes:
    """Return a batch of two records as a broker sends it, with one byte changed on its disk."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)  # noqa: FBT003  kafka-python's own
    for offset in range(2):
        builder.append(offset, 1, b"k", b"v" * 500, [])
    made = bytearray(builder.build())
    made[:8] = base_offset.to_bytes(8)
    made[12:16] = (4).to_bytes(4)  # the leader's epoch
    if flip is not None:
        made[flip] ^= 0xFF
    return bytes(made)
