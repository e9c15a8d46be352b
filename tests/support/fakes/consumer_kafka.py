"""A stand-in for kafka.KafkaConsumer: one member of a group, on partitions in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import IllegalStateError, KafkaError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from tests.support.fakes.consumer_records import TOPIC, make_record, partition


class Listener(Protocol):
    """What hears of rebalances."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Hear of partitions that came."""

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Hear of partitions that go."""

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """Hear of partitions that are gone."""


class FakeKafkaConsumer:
    """Polls in order, forgets its positions in a rebalance, and fails when it is told to.

    `commit_errors` and `poll_errors` are raised one per call, first come first served; `on_poll`
    is called with the number of the poll before it, `on_commit` before a commit. `not_fetched` are
    partitions that it has stopped to read, `leader_error` what a question for an end raises,
    `sleep` lets the time of a poll pass when all is paused, `passed_over` says how many offsets
    after the last record of a partition hold no record, and `oldest` what retention has left.
    """

    def __init__(self, partitions: int = 1, max_poll_records: int = 500) -> None:
        self.log: dict[TopicPartition, list[ConsumerRecord]] = {
            partition(number): [] for number in range(partitions)
        }
        self.committed: dict[TopicPartition, int] = {}
        self.commits: list[Mapping[TopicPartition, OffsetAndMetadata]] = []
        self.commit_errors: list[KafkaError] = []
        self.poll_errors: list[KafkaError] = []
        self.close_error: KafkaError | None = None
        self.closed_with: Mapping[str, Any] | None = None
        self.on_poll: Callable[[int], None] = lambda _number: None
        self.on_commit: Callable[[], None] = lambda: None
        self.polls = 0
        self.generation = 1
        self.paused: set[TopicPartition] = set()
        self.not_fetched: set[TopicPartition] = set()
        self.leader_error: KafkaError | None = None
        self.asked_ends = 0
        self.sleep: Callable[[float], None] = lambda _seconds: None
        self.passed_over: dict[TopicPartition, int] = {}
        self.oldest: dict[TopicPartition, int] = {}
        self._max_poll_records = max_poll_records
        self._positions: dict[TopicPartition, int] = {}
        self._listener: Listener | None = None
        self._next_assignment: Collection[TopicPartition] | None = None

    def add(self, value: bytes | None, number: int = 0, **fields: Any) -> ConsumerRecord:  # noqa: ANN401  make_record has them typed
        """Append a record to a partition."""
        log = self.log[partition(number)]
        log.append(make_record(value, offset=len(log), on=partition(number), **fields))
        return log[-1]

    def subscribe(self, topics: Sequence[str], listener: Listener) -> None:
        """Ask for all partitions; the next poll gets them."""
        assert topics == [TOPIC]
        self._listener = listener
        self._next_assignment = tuple(self.log)

    def rebalance(self, assignment: Collection[TopicPartition]) -> None:
        """Let the group decide anew; the next poll hears of it."""
        self._next_assignment = assignment

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """Take part in a rebalance that is due, then return the records after the positions."""
        assert timeout_ms > 0
        self.polls += 1
        self.on_poll(self.polls)
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        self._join()
        left = self._max_poll_records
        polled = {}
        for tp, position in self._positions.items():
            if tp in self.not_fetched | self.paused:
                continue
            if records := self.log[tp][position : position + left]:
                polled[tp] = records
                left -= len(records)
                self._positions[tp] = records[-1].offset + 1
        if not polled and self.paused:
            self.sleep(timeout_ms / 1000)
        return polled

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout_ms: int) -> None:
        """Store the offsets or raise what was asked for."""
        assert timeout_ms > 0
        self.on_commit()
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.commits.append(offsets)
        self.committed |= {tp: stored.offset for tp, stored in offsets.items()}

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on from `offset`."""
        self._positions[self._assigned(tp)] = offset

    def pause(self, tp: TopicPartition) -> None:
        """Poll no more of it."""
        self.paused.add(self._assigned(tp))

    def resume(self, tp: TopicPartition) -> None:
        """Poll it again."""
        self.paused.discard(self._assigned(tp))

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Go on from the first record."""
        for tp in partitions:
            self.seek(tp, self.oldest.get(tp, 0))

    def assignment(self) -> set[TopicPartition]:
        """Return the partitions that it polls."""
        return set(self._positions)

    def position(self, tp: TopicPartition, timeout_ms: int) -> int | None:
        """Return the next offset to be polled."""
        assert timeout_ms == 0
        position = self._positions[self._assigned(tp)]
        at_end = position == len(self.log[tp])
        return position + (self.passed_over.get(tp, 0) if at_end else 0)

    def lose(self) -> None:
        """Throw it out of the group, as after a session that timed out."""
        assert self._listener is not None
        self._listener.on_partitions_lost(set(self._positions))
        self._positions = {}

    def beginning_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        """Return the offsets of the oldest records."""
        assert timeout_ms > 0
        return {tp: self.oldest.get(tp, 0) for tp in partitions}

    def end_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last records, or raise what was asked for."""
        assert timeout_ms > 0
        self.asked_ends += 1
        if self.leader_error is not None:
            raise self.leader_error
        return {tp: len(self.log[tp]) for tp in partitions}

    def group_metadata(self) -> ConsumerGroupMetadata:
        """Return this member in its present generation."""
        return ConsumerGroupMetadata("group", generation_id=self.generation, member_id="member")

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        """Note the call or raise what was asked for."""
        self.closed_with = {"autocommit": autocommit, "timeout_ms": timeout_ms}
        if self.close_error is not None:
            raise self.close_error

    def _assigned(self, tp: TopicPartition) -> TopicPartition:
        if tp not in self._positions:
            message = f"{tp} is not assigned"
            raise IllegalStateError(message)
        return tp

    def _join(self) -> None:
        if self._next_assignment is None or self._listener is None:
            return
        self._listener.on_partitions_revoked(set(self._positions))
        self.paused.clear()
        self._positions = {tp: self.committed.get(tp, 0) for tp in self._next_assignment}
        self._next_assignment = None
        self._listener.on_partitions_assigned(set(self._positions))
