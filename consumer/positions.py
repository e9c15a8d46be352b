"""Where to read when Kafka does not know, or no longer has, where this group left off."""

from __future__ import annotations

from collections.abc import Iterable

from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.metrics import ConsumerMetrics
from consumer.source import Source


class Positions:
    """The policy in place of kafka-python's, which moves a position without a word."""

    def __init__(self, source: Source, start_from: str, metrics: ConsumerMetrics) -> None:
        """Take where a new group begins, `earliest` or `latest`."""
        self._source = source
        self._start_from = start_from
        self._metrics = metrics

    def begin(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin to read partitions that the group has never committed an offset of."""
        chosen = list(partitions)
        if self._start_from == "earliest":
            self._source.seek_to_beginning(*chosen)
        else:
            self._source.seek_to_end(*chosen)
        numbers = sorted(tp.partition for tp in chosen)
        get_logger().info("no offset committed yet", partitions=numbers, start=self._start_from)

    def out_of_range(self, partitions: Iterable[TopicPartition]) -> None:
        """Go on with the oldest record there is: those before it are gone, and that is an error.

        Whatever `start_from` says: the newest would skip what is still there.
        """
        for partition in partitions:
            self._metrics.out_of_range.labels(str(partition.partition)).inc()
            get_logger().error(
                "records lost to retention before they were read",
                partition=partition.partition,
                goes_on="at the oldest record",
            )
        self._source.seek_to_beginning(*partitions)
