"""What was fetched and cannot be decoded."""

from __future__ import annotations

import pytest
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

from consumer.kafka.reading import Records, UnreadableError

PARTITION = TopicPartition("bid_requests", 3)
GZIP = 1


def batch(base_offset: int, *, broken: bool = False) -> bytes:
    """Return a batch of two records as a broker sends it, its content gzip or no gzip at all."""
    builder = DefaultRecordBatchBuilder(2, GZIP, False, -1, -1, -1, 1 << 20)  # noqa: FBT003  kafka-python's own
    for offset in range(2):
        builder.append(offset, 1, b"k", b"v" * 500, [])
    made = bytearray(builder.build())
    made[:8] = base_offset.to_bytes(8)
    if broken:
        made[-20:] = bytes(20)
    return bytes(made)


def fetched(*batches: bytes) -> Records:
    """Return what the client makes of an answer."""
    return Records(5, PARTITION, MemoryRecords(b"".join(batches)), check_crcs=False)


def test_what_is_readable_comes_first_and_then_the_place_that_is_not() -> None:
    """The records before it are handed out; the error names partition and offset."""
    records = fetched(batch(5), batch(7, broken=True))
    assert [record.offset for record in records.take(10)] == [5, 6]
    with pytest.raises(UnreadableError) as caught:
        records.take(10)
    assert (caught.value.partition, caught.value.offset) == (PARTITION, 7)


def test_nothing_is_kept_of_what_cannot_be_read() -> None:
    """The client then fetches anew; one that keeps an iterator without records polls for ever."""
    records = fetched(batch(5, broken=True))
    with pytest.raises(UnreadableError):
        records.take(10)
    assert not records
