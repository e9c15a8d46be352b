"""Offsets at which there is no record for anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from consumer.kafka.consumer import Consumer, PendingRecords
from consumer.kafka.record import Record

_EVERY_S = 1.0


class ControlRecords:
    """Commits positions past the ends of transactions, and past what was aborted.

    Kafka writes these into the log of a partition, and its clients pass over them. Where one is
    the last of a log, no record after it takes the group's offset along, and the group would lag
    behind an idle topic for ever.
    """

    def __init__(
        self,
        consumer: Consumer,
        pass_over: Callable[[Mapping[TopicPartition, int]], bool],
        pending: PendingRecords,
        monotonic: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._pass_over = pass_over
        self._pending = pending
        self._monotonic = monotonic
        self._safe: dict[TopicPartition, int] = {}
        self._due = monotonic()

    def check(self) -> None:
        """Note, at most once a second, the positions of partitions of which nothing waits."""
        if self._monotonic() < self._due:
            return
        self._due = self._monotonic() + _EVERY_S
        idle = (tp for tp in self._consumer.assignment() if self._pending.next_offset(tp) is None)
        moved = {tp: position for tp in idle if (position := self._position_behind(tp)) is not None}
        if moved and self._pass_over(moved):
            self._safe |= moved

    def note(self, done: Mapping[TopicPartition, Record]) -> None:
        """Note the last records that are safe: their offsets are committed with them."""
        for partition, record in done.items():
            self._safe[partition] = record.offset + 1

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are no longer this member's."""
        for partition in partitions:
            self._safe.pop(partition, None)

    def _position_behind(self, partition: TopicPartition) -> int | None:
        """Return the position where it is beyond what is safe; the first one seen is safe."""
        try:
            position = self._consumer.position(partition, timeout_ms=0)
        except KafkaError:
            return None  # asked again in a second
        if position is None or position <= self._safe.setdefault(partition, position):
            return None
        return position
