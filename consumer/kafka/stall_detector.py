"""Noticing that a partition is no longer read although records wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.kafka.consumer import Consumer, PendingRecords
from consumer.runtime import Runtime

ASKING_MS = 1_000
_EVERY_S = 1.0
# a poll hands out what was fetched in turn: in that many rounds every partition has had its own
_ENOUGH_ROUNDS = 100


@dataclass
class _StalledPosition:
    position: int
    since_s: float
    since_round: int
    records_wait: bool = False


class StallDetector:
    """Takes a client for stuck that does not read what Kafka has, so that it is started anew.

    The evidence is the word of the partition's leader, given twice with the timeout in between,
    that its log goes on behind a position which has not moved meanwhile. A leader that does not
    answer gives no evidence, nor does a round in which polling failed or a paused partition: a
    Kafka or a sink that is away is never a reason to end this process.
    """

    def __init__(
        self, consumer: Consumer, pending: PendingRecords, timeout_s: float, runtime: Runtime
    ) -> None:
        self._consumer = consumer
        self._pending = pending
        self._timeout_s = timeout_s
        self._runtime = runtime
        self._stills: dict[TopicPartition, _StalledPosition] = {}
        self._stuck: set[TopicPartition] = set()
        self._round = 0
        self._due = runtime.clock.monotonic()

    def check(self, *, empty: bool) -> None:
        """Look at the positions, at most once a second, after a round that was `empty` or not."""
        self._round += _ENOUGH_ROUNDS if empty else 1
        now = self._runtime.clock.monotonic()
        if now < self._due:
            return
        self._due = now + _EVERY_S
        self.reset(self._pending.paused())
        overdue = [tp for tp in self._consumer.assignment() if self._overdue(tp, now)]
        if overdue:  # one at a time: each may take as long as the others together
            self._ask(min(overdue, key=lambda tp: self._stills[tp].since_s), now)

    def reset(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Begin anew with some, or with all: nothing could be read, or nothing delivered."""
        for partition in [*self._stills] if partitions is None else partitions:
            self._stills.pop(partition, None)
            self._clear(partition)

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are no longer this member's."""
        self.reset(partitions)

    def _overdue(self, partition: TopicPartition, now: float) -> bool:
        position = self._position(partition)
        still = self._stills.get(partition)
        if still is None or still.position != position:
            self.reset([partition])
            if position is not None:
                self._stills[partition] = _StalledPosition(position, now, self._round)
            return False
        long_enough = now - still.since_s >= self._timeout_s
        return long_enough and self._round - still.since_round >= _ENOUGH_ROUNDS

    def _position(self, partition: TopicPartition) -> int | None:
        """Return the offset of the next record to be processed, None when unknown."""
        unsafe = self._pending.next_offset(partition)
        if unsafe is not None:
            return unsafe
        try:
            return self._consumer.position(partition, timeout_ms=0)
        except KafkaError:
            return None

    def _ask(self, partition: TopicPartition, now: float) -> None:
        still = self._stills[partition]
        records_wait = self._end(partition) > still.position
        if not records_wait:
            self._clear(partition)
        elif still.records_wait:
            self._report(partition, still)
        self._stills[partition] = _StalledPosition(still.position, now, self._round, records_wait)

    def _end(self, partition: TopicPartition) -> int:
        try:
            return self._consumer.end_offsets([partition], timeout_ms=ASKING_MS)[partition]
        except KafkaError:
            return -1

    def _report(self, partition: TopicPartition, still: _StalledPosition) -> None:
        why = f"at offset {still.position} for {self._timeout_s:g} s while records wait"
        if partition not in self._stuck:
            get_logger().error("partition stuck", partition=partition.partition, why=why)
        self._stuck.add(partition)
        self._runtime.health.set_stuck(_name(partition), why)
        self._runtime.metrics.stuck.set(len(self._stuck))

    def _clear(self, partition: TopicPartition) -> None:
        self._stuck.discard(partition)
        self._runtime.health.clear_stuck(_name(partition))
        self._runtime.metrics.stuck.set(len(self._stuck))


def _name(partition: TopicPartition) -> str:
    return f"partition {partition.partition}"
