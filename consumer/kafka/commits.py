"""Committing the offsets of processed records, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka.errors import FencedInstanceIdError, KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from common.kafka_reasons import explain_answer
from consumer.health.health import Health
from consumer.kafka.consumer import Consumer
from consumer.kafka.record import Record
from consumer.metrics import ConsumerMetrics


class Commits:
    """Keeps offsets until Kafka has them, or until their partition is taken away."""

    def __init__(
        self, consumer: Consumer, timeout_ms: int, health: Health, metrics: ConsumerMetrics
    ) -> None:
        """Give each commit `timeout_ms` milliseconds, retries by the library included."""
        self._consumer = consumer
        self._timeout_ms = timeout_ms
        self._health = health
        self._metrics = metrics
        self._pending: dict[TopicPartition, OffsetAndMetadata] = {}

    def add(self, done: Mapping[TopicPartition, Record]) -> None:
        """Note the last processed record of each partition."""
        for partition, record in done.items():
            self._pending[partition] = OffsetAndMetadata(record.offset + 1, "", record.leader_epoch)

    def pass_over(self, positions: Mapping[TopicPartition, int]) -> None:
        """Note that there is no record before these positions that is not processed."""
        for partition, position in positions.items():
            self._pending[partition] = OffsetAndMetadata(position, "", -1)

    def flush(self) -> None:
        """Commit what is noted, again where that failed before.

        A failed commit loses nothing: it is tried again after the next poll, or, when the group has
        rebalanced without this member, dropped in that poll and the records are read again. Raise
        FencedInstanceIdError alone: another process has this member's place, and keeps it.
        """
        if not self._pending:
            return
        try:
            self._consumer.commit(offsets=dict(self._pending), timeout_ms=self._timeout_ms)
        except FencedInstanceIdError:
            raise
        except KafkaError as error:
            self._health.set_not_ready("commit", explain_answer(error))
            self._metrics.commits.labels("failed").inc()
        else:
            self._pending.clear()
            self._health.set_ready("commit")
            self._metrics.commits.labels("committed").inc()

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the offsets of partitions that are no longer this member's."""
        for partition in partitions:
            self._pending.pop(partition, None)
        if not self._pending:
            self._health.set_ready("commit")
