"""What kafka-python's consumer lacks: codecs, and ways on where it would stand still for ever."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import cramjam
from kafka import KafkaConsumer, codec
from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaError
from kafka.record import default_records, legacy_records
from kafka.structs import TopicPartition


class UnreadableError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """The record at the position of a partition cannot be decoded; those after it are waiting."""

    def __init__(self, partition: TopicPartition, offset: int, cause: Exception) -> None:
        """Say where, and why."""
        self.why = f"{type(cause).__name__}: {cause}"
        super().__init__(self.why)
        self.partition = partition
        self.offset = offset


class Records(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python ships no types
    """What was fetched of a partition, dropped where it cannot be read on.

    kafka-python 3.0.12 keeps it: its generator, which has ended with the error, then yields nothing
    for ever, and the next poll never returns.
    """

    def take(self, n: int | None = None) -> list[Any]:
        """Return up to n records; raise UnreadableError before the one that cannot be read."""
        try:
            records: list[Any] = super().take(n)
        except Exception as error:
            self.drain()
            raise UnreadableError(self.topic_partition, self.next_fetch_offset, error) from error
        return records


class ReadingConsumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaConsumer that reads every codec, and goes on.

    It raises UnreadableError, and its polls may be shorter than a rebalance. In kafka-python 3.0.12
    a leader that joins anew because it has heard of partitions takes itself for done once it has
    assigned them. A poll that ends before Kafka has confirmed them leaves it for ever without
    partitions and without heartbeats, while the group counts on it.
    """

    def __init__(self, **configs: Any) -> None:  # noqa: ANN401  kafka-python's own
        """Connect."""
        super().__init__(**configs)
        self._fetcher.PartitionRecords = Records
        read_every_codec()

    def poll(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  kafka-python's own
        """Poll; a rebalance that is not over is what the next poll goes on with."""
        try:
            return super().poll(*args, **kwargs)
        finally:
            if self._coordinator.rejoining:
                self._coordinator.request_rejoin()

    def committed_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, int]:
        """Return the group's offsets, asked for together, of those that have one."""
        found = self._coordinator.fetch_committed_offsets([*partitions], timeout_ms=timeout_ms)
        return {tp: stored.offset for tp, stored in found.items()}


def read_every_codec() -> None:
    """Let kafka-python decompress all that Kafka knows; out of the box it is gzip alone.

    It looks for three libraries, two of which have no wheels for the newest Python; cramjam does
    what they do.
    """
    codec.snappy = SimpleNamespace(decompress=cramjam.snappy.decompress_raw)
    codec.lz4, codec.zstd = cramjam.lz4, cramjam.zstd
    for records in (default_records, legacy_records):
        records.lz4_decode = cramjam.lz4.decompress
    default_records.zstd_decode = cramjam.zstd.decompress
