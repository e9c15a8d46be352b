"""A consumer over records in memory, with the calls of kafka-python that `topic show` makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kafka import TopicPartition


@dataclass(frozen=True)
class StoredRecord:
    """A record as kafka-python returns it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = b"{}"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


class TopicConsumer:
    """Reads `records` of one topic, two at a poll, with an empty poll before each."""

    def __init__(self, topic: str, records: Sequence[StoredRecord]) -> None:
        self.topic = topic
        self.records = list(records)
        self.ends = {
            number: max(r.offset for r in records if r.partition == number) + 1
            for number in {record.partition for record in records}
        }
        self._at = TopicPartition(topic, 0)
        self._position = 0
        self._turn = 0

    def topics(self) -> set[str]:
        return {self.topic}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(self.ends) if topic == self.topic else None

    def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {
            at: min(r.offset for r in self.records if r.partition == at.partition)
            for at in partitions
        }

    def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {at: self.ends[at.partition] for at in partitions}

    def assign(self, partitions: list[TopicPartition]) -> None:
        (self._at,) = partitions

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        self._position = offset

    def position(self, _partition: TopicPartition) -> int:
        return self._position

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[StoredRecord]]:
        assert timeout_ms > 0
        self._turn += 1
        if self._turn % 2:
            return {}
        ahead = [
            record
            for record in self.records
            if record.partition == self._at.partition and record.offset >= self._position
        ][:2]
        self._position = ahead[-1].offset + 1
        return {self._at: ahead}
