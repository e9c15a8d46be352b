"""The part of kafka.KafkaConsumer that the poll loop uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.kafka.record import Polled


class PendingRecords(Protocol):
    """Records that were polled and are not safe yet."""

    def next_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset of the first of them, None when none waits."""

    def paused(self) -> Collection[TopicPartition]:
        """Return the partitions whose records could not be delivered when last tried."""


class Consumer(Protocol):
    """A member of a consumer group; not safe to use from several threads."""

    def poll(self, timeout_ms: int) -> Polled:
        """Return the next records, taking part in rebalances meanwhile; raise KafkaError."""

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout_ms: int) -> None:
        """Store the offsets to go on from; raise KafkaError."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from `offset`; raise ValueError when the partition is not assigned."""

    def pause(self, partition: TopicPartition) -> None:
        """Read no more of it until `resume`."""

    def resume(self, partition: TopicPartition) -> None:
        """Read on."""

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Go on from the oldest record of each."""

    def assignment(self) -> set[TopicPartition]:
        """Return the partitions assigned at present."""

    def position(self, partition: TopicPartition, timeout_ms: int) -> int | None:
        """Return the next offset to be polled, None when unknown; raise KafkaError."""

    def beginning_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        """Ask for the offset of the oldest record of each; raise KafkaError."""

    def end_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        """Ask for the offset after the last record of each that can be read; raise KafkaError."""

    def group_metadata(self) -> Any:  # noqa: ANN401  kafka-python's ConsumerGroupMetadata
        """Return who this member is at present; generation -1 when it is not in the group."""

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        """Leave the group; raise KafkaError."""
