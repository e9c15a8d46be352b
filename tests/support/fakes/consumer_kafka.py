"""A stand-in for kafka.KafkaConsumer: one member of a group, on partitions in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from kafka.errors import IllegalStateError, KafkaError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from consumer.kafka.batches import BatchFacts
from consumer.kafka.reading import UnreadableError
from tests.support.fakes.consumer_records import TOPIC, make_record, partition


class FakeKafkaConsumer:
    """Polls its partitions in turn, and fails when it is told to.

    `poll_errors`, `commit_errors` and `committed_errors` are raised one per call, first come first
    served; `on_poll` is called with the number of the poll before it, `on_commit` before a commit.
    A None in a log is an offset without a record, `unreadable` says what is known of the batch at
    an offset, `not_fetched` are partitions that it has stopped to read, `oldest` is what retention
    has left, `leader_error` what a question for an end raises. `sleep` lets the time of a poll
    pass that brings nothing while something is paused.
    """

    def __init__(self, partitions: int = 1, max_poll_records: int = 500) -> None:
        self.log: list[list[Any]] = [[] for _ in range(partitions)]
        self.committed_offsets: dict[TopicPartition, int] = {}
        self.commits: list[Mapping[TopicPartition, OffsetAndMetadata]] = []
        self.poll_errors: list[Any] = []
        self.commit_errors: list[Any] = []
        self.committed_errors: list[Any] = []
        self.leader_error: KafkaError | None = None
        self.close_error: KafkaError | None = None
        self.closed_with: Mapping[str, Any] | None = None
        self.on_poll: Callable[[int], None] = lambda _number: None
        self.on_commit: Callable[[], None] = lambda: None
        self.sleep: Callable[[float], None] = lambda _seconds: None
        self.polls = self.asked_ends = 0
        self.generation = 1
        self.max_poll_records = max_poll_records
        self.paused: set[TopicPartition] = set()
        self.not_fetched: set[TopicPartition] = set()
        self.unreadable: dict[tuple[TopicPartition, int], BatchFacts] = {}
        self.oldest: dict[TopicPartition, int] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.listener: Any = None
        self._next_assignment: set[TopicPartition] | None = None
        self._eager, self._lost = True, False

    def add(self, value: bytes | None, number: int = 0, **fields: Any) -> None:  # noqa: ANN401  make_record has them typed
        """Append a record to a partition."""
        log = self.log[number]
        log.append(make_record(value, offset=len(log), on=partition(number), **fields))

    def offsets(self, tp: TopicPartition, begin: int, end: int) -> set[int]:
        """Return the offsets from `begin` to before `end` that hold a record."""
        return {at for at in range(begin, end) if self.log[tp.partition][at] is not None}

    def rebalance(self, *numbers: int, eager: bool = True, lost: bool = False) -> None:
        """Let the next poll hear what is this member's.

        One that is not `eager` takes what goes and leaves the rest as it is; `lost` says that the
        group gave away beforehand what goes.
        """
        self._next_assignment = {partition(number) for number in numbers}
        self._eager, self._lost = eager, lost

    def leave(self) -> None:
        """Forget all that a process forgets when it ends."""
        self.paused.clear()
        self.positions.clear()

    def subscribe(self, topics: Sequence[str], listener: object) -> None:
        assert topics == [TOPIC]
        self.listener = listener
        self.rebalance(*range(len(self.log)))

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Any]]:
        assert timeout_ms > 0
        self.polls += 1
        self.on_poll(self.polls)
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        self._join()
        polled: dict[TopicPartition, Sequence[Any]] = {}
        left = self.max_poll_records
        for tp in self._in_turn():
            if records := self._read(tp, left, alone=not polled):
                polled[tp] = records
                left -= len(records)
        if not polled and self.paused:
            self.sleep(timeout_ms / 1000)
        return polled

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout_ms: int) -> None:
        assert timeout_ms > 0
        self.on_commit()
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.commits.append(offsets)
        self.committed_offsets |= {tp: stored.offset for tp, stored in offsets.items()}

    def committed(self, tp: TopicPartition, timeout_ms: int) -> int | None:
        assert timeout_ms > 0
        if self.committed_errors:
            raise self.committed_errors.pop(0)
        return self.committed_offsets.get(tp)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[self._assigned(tp)] = offset

    def pause(self, tp: TopicPartition) -> None:
        self.paused.add(self._assigned(tp))

    def resume(self, tp: TopicPartition) -> None:
        self.paused.discard(self._assigned(tp))

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        for tp in partitions:
            self.seek(tp, self.oldest.get(tp, 0))

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def position(self, tp: TopicPartition, timeout_ms: int) -> int | None:
        assert timeout_ms == 0
        return self.positions[self._assigned(tp)]

    def beginning_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        assert timeout_ms > 0
        return {tp: self.oldest.get(tp, 0) for tp in partitions}

    def end_offsets(
        self, partitions: Collection[TopicPartition], timeout_ms: int
    ) -> Mapping[TopicPartition, int]:
        assert timeout_ms > 0
        self.asked_ends += 1
        if self.leader_error is not None:
            raise self.leader_error
        return {tp: len(self.log[tp.partition]) for tp in partitions}

    def group_metadata(self) -> ConsumerGroupMetadata:
        return ConsumerGroupMetadata("group", generation_id=self.generation, member_id="member")

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        self.closed_with = {"autocommit": autocommit, "timeout_ms": timeout_ms}
        if self.close_error is not None:
            raise self.close_error

    def _assigned(self, tp: TopicPartition) -> TopicPartition:
        if tp not in self.positions:
            raise IllegalStateError(f"{tp} is not assigned")
        return tp

    def _in_turn(self) -> Sequence[TopicPartition]:
        mine = [tp for tp in sorted(self.positions) if tp not in self.paused | self.not_fetched]
        first = self.polls % max(len(mine), 1)
        return mine[first:] + mine[:first]

    def _read(self, tp: TopicPartition, most: int, *, alone: bool) -> Sequence[Any]:
        records: list[Any] = []
        log, position = self.log[tp.partition], self.positions[tp]
        while position < len(log) and len(records) < most:
            if facts := self.unreadable.get((tp, position)):
                if alone and not records:
                    self.positions[tp] = position
                    raise UnreadableError(tp, position, ValueError("made up"), facts)
                break
            if log[position] is not None:
                records.append(log[position])
            position += 1
        self.positions[tp] = position
        return records

    def _join(self) -> None:
        if self._next_assignment is None:
            return
        to_be, self._next_assignment = self._next_assignment, None
        gone = {tp for tp in self.positions if self._eager or tp not in to_be}
        listener = self.listener
        (listener.on_partitions_lost if self._lost else listener.on_partitions_revoked)(gone)
        self.paused -= gone
        kept = {tp: at for tp, at in self.positions.items() if tp not in gone}
        new = to_be - kept.keys()
        self.positions = kept | {tp: self.committed_offsets.get(tp, 0) for tp in new}
        listener.on_partitions_assigned(new)
