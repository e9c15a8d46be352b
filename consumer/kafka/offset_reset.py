"""The policy for positions that Kafka does not know, or no longer has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from kafka.errors import CommitFailedError, FencedInstanceIdError
from kafka.structs import OffsetAndMetadata, TopicPartition

from common.logs import get_logger
from consumer.kafka.consumer import Consumer
from consumer.metrics import ConsumerMetrics

_START = "start"  # the metadata of a committed offset up to which nothing has been processed


class OffsetReset:
    """The policy in place of kafka-python's, which moves a position without a word.

    It goes on at the oldest record there is, always: any other place could skip something.
    """

    def __init__(self, consumer: Consumer, timeout_ms: int, metrics: ConsumerMetrics) -> None:
        self._consumer = consumer
        self._timeout_ms = timeout_ms
        self._metrics = metrics

    def begin(self, partitions: Collection[TopicPartition]) -> None:
        """Begin to read partitions that the group has never committed an offset of."""
        self._consumer.seek_to_beginning(*partitions)
        numbers = sorted(tp.partition for tp in partitions)
        get_logger().info("no offset committed yet", partitions=numbers, start="earliest")

    def out_of_range(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on where Kafka has records again: what was before them is lost, and an error.

        A position behind the end is none: the topic was made anew, or its log cut short, and what
        was lost had been read. Raise KafkaError, with nothing done, where Kafka does not answer.
        """
        oldest = self._consumer.beginning_offsets([*positions], timeout_ms=self._timeout_ms)
        for partition, position in positions.items():
            if position < oldest[partition]:
                self._note_loss(partition, oldest[partition] - position)
        self._consumer.seek_to_beginning(*positions)
        self._note_beyond_end(tp for tp, position in positions.items() if position >= oldest[tp])

    def diverged(self, positions: Iterable[TopicPartition]) -> None:
        """Do the same where the log has other records than those that were read.

        Kafka may tell where the two part. Reading on from there would be right in a log that was
        cut short, and would skip records of a topic that was made anew: both look alike.
        """
        assigned = self._consumer.assignment() & {*positions}
        if assigned:  # to kafka-python, none are all
            self._consumer.seek_to_beginning(*assigned)
            self._note_beyond_end(assigned)

    def _note_loss(self, partition: TopicPartition, records: int) -> None:
        self._metrics.out_of_range.labels(str(partition.partition)).inc()
        get_logger().error(
            "records lost to retention before they were read",
            partition=partition.partition,
            records=records,
            goes_on="at the oldest record",
        )

    def _note_beyond_end(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._metrics.beyond_end.labels(str(partition.partition)).inc()
            get_logger().warning(
                "position is not in the log: the topic was made anew, or its log cut short",
                partition=partition.partition,
                goes_on="at the oldest record",
            )


def begin_at_end(consumer: Any, topic: str, timeout_ms: int) -> None:  # noqa: ANN401  kafka-python ships no types
    """Commit the present ends of a topic's logs as the start of a group that has none.

    Before this member joins, so that whatever becomes of it, the next one knows: what comes from
    here on is decided on. Partitions that are added later begin at their oldest record.

    Members that start at once choose ends of their own, and Kafka keeps what was committed last. So
    each looks at what has become of its commit, and commits again where another has put a later
    start in its place; a place where a member has been at work is nobody's to change. Once one has
    joined, Kafka refuses commits from outside, and the start is settled.
    """
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    if consumer.fetch_committed(partitions, timeout_ms=timeout_ms):
        return
    ends = consumer.end_offsets(partitions, timeout_ms=timeout_ms)
    while later := _is_later(consumer.fetch_committed(partitions, timeout_ms=timeout_ms), ends):
        try:
            consumer.commit(offsets=later, timeout_ms=timeout_ms)
        except (CommitFailedError, FencedInstanceIdError):
            get_logger().info("start not committed: the group has members")
            return
        starts = {tp.partition: start.offset for tp, start in later.items()}
        get_logger().info("no offset committed yet", start=starts)


def _is_later(
    committed: Mapping[TopicPartition, OffsetAndMetadata],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return the starts to commit: where there is none, or one that another has chosen later."""
    return {
        tp: OffsetAndMetadata(end, _START, -1)
        for tp, end in ends.items()
        if (start := committed.get(tp)) is None or (start.metadata == _START and start.offset > end)
    }
