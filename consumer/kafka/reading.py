"""kafka-python's consumer, with codecs, bounds, and ways on where it would stand still."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaError, OffsetOutOfRangeError, TopicAuthorizationFailedError
from kafka.record import MemoryRecords
from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.kafka.batches import Batches, BatchFacts


class UnreadableError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """The batch at the position of a partition cannot be read; the records behind it wait."""

    def __init__(
        self,
        partition: TopicPartition,
        offset: int,
        cause: Exception,
        batch: BatchFacts | None = None,
    ) -> None:
        self.why = f"{type(cause).__name__}: {cause}"
        super().__init__(f"{partition.topic}-{partition.partition} at {offset}: {self.why}")
        self.partition = partition
        self.offset = offset
        self.batch = batch or BatchFacts()


class Records(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python ships no types
    """The fetched part of a partition, dropped where it cannot be read on.

    kafka-python 3.0.12 keeps it: its generator, which has ended with the error, then yields nothing
    for ever, and the next poll never returns.
    """

    def __init__(
        self,
        fetch_offset: int,
        partition: TopicPartition,
        records: MemoryRecords,
        *,
        most_bytes: int,
        **options: Any,  # noqa: ANN401  kafka-python's own
    ) -> None:
        """Take what was fetched; nothing of it is read before `take`."""
        self.batches = Batches(records._buffer, fetch_offset, most_bytes)  # noqa: SLF001  no public way
        super().__init__(fetch_offset, partition, self.batches, **options)

    def take(self, n: int | None = None) -> list[Any]:
        """Return up to n records; raise UnreadableError before the one that cannot be read."""
        try:
            records: list[Any] = super().take(n)
        except Exception as error:
            self.drain()
            offset = self.next_fetch_offset
            facts = self.batches.facts(offset)
            raise UnreadableError(self.topic_partition, offset, error, facts) from error
        return records


class ReadingFetcher(Fetcher):  # type: ignore[misc]  # kafka-python ships no types
    """Lets no error of one partition out of a poll without the partition.

    An answer to a fetch is looked at partition by partition, and what it says of one, an error of
    the broker or bytes without a batch, is raised by kafka-python as if all were meant. Everything
    that is wrong inside of the bytes turns up in `Records`.
    """

    def __init__(self, *args: Any, most_bytes: int, **configs: Any) -> None:  # noqa: ANN401  kafka-python's own
        """Take what one batch may inflate to."""
        super().__init__(*args, **configs)
        self.PartitionRecords = partial(Records, most_bytes=most_bytes)

    def _parse_fetched_data(self, completed_fetch: Any) -> Any:  # noqa: ANN401  kafka-python's own
        try:
            records = super()._parse_fetched_data(completed_fetch)
        except (OffsetOutOfRangeError, TopicAuthorizationFailedError):
            raise  # the first names its partition, the second is about the whole topic
        except Exception as error:
            partition, offset, _, answer, _ = completed_fetch
            batches = Batches(answer.records or b"", offset, most_bytes=0)
            batches.log_end = answer.high_watermark
            raise UnreadableError(partition, offset, error, batches.facts(offset)) from error
        if records is not None:
            records.batches.log_end = completed_fetch.partition_data.high_watermark
        return records


class ReadingConsumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaConsumer that reads every codec, within bounds, and goes on.

    It raises UnreadableError, and its polls may be shorter than a rebalance. In kafka-python 3.0.12
    a leader that joins anew because it has heard of partitions takes itself for done once it has
    assigned them. A poll that ends before Kafka has confirmed them leaves it for ever without
    partitions and without heartbeats, while the group counts on it.
    """

    def __init__(self, most_batch_bytes: int, **configs: Any) -> None:  # noqa: ANN401  kafka-python's own
        """Connect; a batch that inflates to more bytes than that is one that cannot be read."""
        super().__init__(**configs)
        # The fetcher that it has just made has no state so far, and nobody else knows it. This one
        # gets none of kafka-python's own metrics, which cannot be registered twice.
        self._fetcher = ReadingFetcher(
            self._client, self._subscription, most_bytes=most_batch_bytes, **self.config
        )

    def poll(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  kafka-python's own
        """Poll; a rebalance that is not over is what the next poll goes on with."""
        try:
            return super().poll(*args, **kwargs)
        finally:
            if self._coordinator.rejoining:
                self._coordinator.request_rejoin()

    def fetch_committed(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return what the group has committed, asked for together, of those that have any."""
        found: dict[TopicPartition, OffsetAndMetadata] = self._coordinator.fetch_committed_offsets(
            [*partitions], timeout_ms=timeout_ms
        )
        return found
