"""What makes a batch durable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from kafka.structs import TopicPartition

from consumer.kafka.record import Polled
from consumer.processing.batch import Progress


class Checkpointer(Protocol):
    """Processes batches, and keeps what it must for those that are not yet durable."""

    def process(self, polled: Polled) -> Progress:
        """Bring about the effects of a batch and store its offsets; tell how far that came.

        Raise FencedInstanceIdError when another process has taken this member's place.
        """

    def pass_over(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Store positions before which there is no record that waits; say whether that is done.

        Raise as `process` does.
        """

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are no longer this member's."""
