"""What Kafka knows of the group, asked by a client that is no member of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka.structs import TopicPartition

from consumer.kafka.lag import Offsets
from consumer.kafka.reading import UnreadableError

_ANSWER_MS = 1_000


class KafkaGroupOffsets:
    """Questions that end within a second or two each; not safe to use from several threads."""

    def __init__(self, consumer: Any, topic: str) -> None:  # noqa: ANN401  kafka-python ships no types
        self._consumer = consumer
        self._topic = topic

    def read(self) -> Mapping[int, Offsets]:
        """Return the offsets of every partition, by number; raise KafkaError.

        The group's are asked for before the ends: what is done in between shows as lag for a
        moment, and nothing that waits is ever left out.
        """
        numbers = self._consumer.partitions_for_topic(self._topic) or ()
        partitions = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        stored = self._consumer.fetch_committed(partitions, timeout_ms=_ANSWER_MS)
        committed = {tp: place.offset for tp, place in stored.items()}
        ends = self._consumer.end_offsets(partitions, timeout_ms=_ANSWER_MS)
        beginnings = self._consumer.beginning_offsets(partitions, timeout_ms=_ANSWER_MS)
        return {
            tp.partition: Offsets(beginnings[tp], ends[tp], committed.get(tp, 0))
            for tp in partitions
        }

    def timestamp_ms(self, partition: int, offset: int) -> int | None:
        """Return when the first record from `offset` on was written; None when that is unknown."""
        there = TopicPartition(self._topic, partition)
        self._consumer.assign([there])
        self._consumer.seek(there, offset)
        try:
            polled = self._consumer.poll(timeout_ms=_ANSWER_MS, max_records=1)
        except UnreadableError as error:
            return _or_none(error.batch.timestamp_ms)
        finally:
            self._consumer.unsubscribe()
        return next((_or_none(records[0].timestamp) for records in polled.values()), None)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close(autocommit=False, timeout_ms=0)


def _or_none(timestamp_ms: int) -> int | None:
    return timestamp_ms if timestamp_ms >= 0 else None
