"""Effects first, then offsets: what comes in between is done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka.structs import TopicPartition

from consumer.kafka.commits import Commits
from consumer.kafka.record import Polled
from consumer.processing.batch import BatchProcessor, Progress


class AtLeastOnce:
    """Commits offsets after all sinks, or the dead letter topic, have acknowledged."""

    def __init__(self, processor: BatchProcessor, commits: Commits) -> None:
        self._processor = processor
        self._commits = commits

    def process(self, polled: Polled) -> Progress:
        """Commit as far as the batch has come."""
        progress = self._processor.process(polled)
        self._commits.add(progress.durable)
        self._commits.flush()
        return progress

    def pass_over(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit with the next round, as often as it takes."""
        self._commits.pass_over(positions)
        return True

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the offsets of partitions that are no longer this member's."""
        self._commits.on_revoked(partitions)
