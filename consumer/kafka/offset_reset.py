"""Where to read when Kafka does not know, or no longer has, where this group left off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka.structs import OffsetAndMetadata, TopicPartition

from common.logs import get_logger
from consumer.kafka.consumer import Source
from consumer.metrics import ConsumerMetrics


class Positions:
    """The policy in place of kafka-python's, which moves a position without a word."""

    def __init__(
        self,
        source: Source,
        starts: Mapping[TopicPartition, int],
        timeout_ms: int,
        metrics: ConsumerMetrics,
    ) -> None:
        """Take the offsets that a new group begins at, and the time that a commit may take."""
        self._source = source
        self._starts = starts
        self._timeout_ms = timeout_ms
        self._metrics = metrics

    def begin(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin to read partitions that the group has never committed an offset of.

        A start other than the oldest record is committed at once, or a restart would choose another
        and skip what came in between. Raise KafkaError, with nothing begun, when that fails.
        """
        starts = {tp: self._starts.get(tp) for tp in partitions}
        chosen = {tp: offset for tp, offset in starts.items() if offset is not None}
        if chosen:
            offsets = {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in chosen.items()}
            self._source.commit(offsets=offsets, timeout_ms=self._timeout_ms)
        for tp, offset in chosen.items():
            self._source.seek(tp, offset)
        if oldest := starts.keys() - chosen.keys():
            self._source.seek_to_beginning(*oldest)
        told = {tp.partition: "earliest" if at is None else at for tp, at in starts.items()}
        get_logger().info("no offset committed yet", start=told)

    def out_of_range(self, partitions: Iterable[TopicPartition]) -> None:
        """Go on with the oldest record there is: those before it are gone, and that is an error.

        Wherever a new group begins: the newest would skip what is still there.
        """
        for partition in partitions:
            self._metrics.out_of_range.labels(str(partition.partition)).inc()
            get_logger().error(
                "records lost to retention before they were read",
                partition=partition.partition,
                goes_on="at the oldest record",
            )
        self._source.seek_to_beginning(*partitions)
