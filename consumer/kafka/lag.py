"""How far this member is behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from consumer.kafka.consumer import Source
from consumer.kafka.record import Record
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock

_EVERY_S = 1.0


class Lag:
    """Reports the lag of each assigned partition, at most once a second."""

    def __init__(self, source: Source, clock: Clock, metrics: ConsumerMetrics) -> None:
        """Begin with nothing read."""
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._last_read_s: dict[TopicPartition, float] = {}
        self._due = clock.monotonic()

    def note(self, read: Mapping[TopicPartition, Record]) -> None:
        """Note a record that was read from each partition."""
        for partition, record in read.items():
            self._last_read_s[partition] = record.timestamp / 1000

    def report(self) -> None:
        """Set the gauges from what the client knows already: nothing is asked of Kafka."""
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + _EVERY_S
        for partition in self._source.assignment():
            messages = self._messages(partition)
            if messages is not None:
                self._set(partition, messages)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Take the gauges of partitions away that are no longer this member's."""
        for partition in partitions:
            self._last_read_s.pop(partition, None)
            for gauge in (self._metrics.lag_messages, self._metrics.lag_seconds):
                gauge.remove(str(partition.partition))

    def _messages(self, partition: TopicPartition) -> int | None:
        try:
            end = self._source.highwater(partition)
            position = self._source.position(partition, timeout_ms=0)
        except KafkaError:
            return None  # asked again in a second
        return None if end is None or position is None else max(end - position, 0)

    def _set(self, partition: TopicPartition, messages: int) -> None:
        now = self._clock.wall()
        seconds = max(now - self._last_read_s.get(partition, now), 0) if messages else 0
        self._metrics.lag_messages.labels(str(partition.partition)).set(messages)
        self._metrics.lag_seconds.labels(str(partition.partition)).set(seconds)
