"""Where a group begins, and where it goes on when its place, or all of its log, is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from kafka.errors import (
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    MessageSizeTooLargeError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import OffsetAndMetadata, TopicPartition
from structlog.testing import capture_logs

from consumer.errors import SinkBackpressureError
from consumer.kafka.offset_reset import begin_at_end
from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.consumer_records import TOPIC, partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, REQUEST, Wiring

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]

LOST, BEYOND = "consumer_offset_out_of_range_total", "consumer_positions_beyond_end_total"
CUT_SHORT = LogTruncationError({partition(): OffsetAndMetadata(1, "", -1)})


class TestPositions:
    """Never a silent jump."""

    def test_records_lost_to_retention_are_counted_and_the_oldest_is_next(self) -> None:
        """The group goes on with what is there, and the loss is on the record."""
        service = Wiring.over([REQUEST] * 3)
        service.consumer.oldest[partition()] = 2
        service.loop.consumer.poll(timeout_ms=1)  # joins, and is at the end
        service.consumer.poll_errors = [OffsetOutOfRangeError({partition(): 0})]
        with capture_logs() as logged:
            service.go_round(2)
        (line,) = [line for line in logged if "lost to retention" in line["event"]]
        assert (line["partition"], line["records"], line["log_level"]) == (0, 2, "error")
        assert service.value(LOST, partition="0") == 1
        assert service.value(BEYOND, partition="0") is None
        assert len(service.producer.to(DECISIONS)) == 1

    @pytest.mark.parametrize(
        "error",
        [
            OffsetOutOfRangeError({partition(): 10}),
            LogTruncationError({partition(): OffsetAndMetadata(1, "", 3)}),
            LogTruncationError({partition(): None}),
        ],
        ids=["behind the end", "cut short at a known place", "cut short somewhere"],
    )
    def test_a_log_that_ends_before_the_position_is_read_from_its_oldest_record(
        self, error: KafkaError
    ) -> None:
        """That is no loss to retention; of a topic that was made anew nothing is skipped."""
        service = Wiring.over([REQUEST] * 2)
        service.go_round()
        service.consumer.poll_errors = [error]
        with capture_logs() as logged:
            service.go_round(2)
        (line,) = [line for line in logged if "made anew" in line["event"]]
        assert (line["partition"], line["log_level"]) == (0, "warning")
        assert service.value(BEYOND, partition="0") == 1
        assert service.value(LOST, partition="0") is None
        assert len(service.producer.to(DECISIONS)) == 4

    def test_a_truncated_log_of_another_member_is_left_to_it(self) -> None:
        """kafka-python may tell of it after the partition has gone; none would mean all."""
        service = Wiring.over([REQUEST], [])
        service.consumer.rebalance(0)
        service.go_round()
        service.consumer.poll_errors = [LogTruncationError({partition(1): None})]
        service.go_round(2)
        assert len(service.producer.to(DECISIONS)) == 1
        assert service.value(BEYOND, partition="1") is None

    def test_a_partition_without_an_offset_begins_at_its_oldest_record(self) -> None:
        """What was written to it before this member heard of it is decided on; it is no loss."""
        service = Wiring.over([], [REQUEST])
        service.loop.consumer.poll(timeout_ms=1)
        service.consumer.poll_errors = [NoOffsetForPartitionError([partition(1)])]
        service.go_round(2)
        assert len(service.producer.to(DECISIONS)) == 1
        assert service.value(LOST, partition="1") is None


class TestAnotherLog:
    """All that was known by the offsets of the log before is forgotten."""

    @pytest.mark.parametrize("exactly_once", [False, True])
    def test_what_waits_of_the_old_log_is_forgotten(self, *, exactly_once: bool) -> None:
        """Its offsets belong to other records now, and nothing may be committed past those."""
        away = [SinkBackpressureError("away")]
        sink = FakeSink(at_wait=lambda _decided: away[0] if away else None)
        service = Wiring.over([REQUEST] * 4, sinks=[sink], exactly_once=exactly_once)
        service.go_round()
        consumer = service.consumer
        del consumer.log[0][1:]
        new = [f"new-{number}" for number in range(5)]
        for name in new:
            consumer.add(b'{"id":"%s"}' % name.encode())
        consumer.poll_errors = [CUT_SHORT]
        service.go_round()
        away.clear()
        service.go_round(2, after_s=60)
        assert service.committed == {0: 6}
        assert {decided.request.id for decided in sink.acknowledged} >= {*new}

    def test_it_begins_a_new_row_of_dead_letters(self) -> None:
        """Good records end a row, also at offsets where others have been."""
        service = Wiring.over([REQUEST] * 200, CONSUMER_DLQ_MAX_CONSECUTIVE="5")
        service.go_round()
        service.consumer.log[0] = []
        for number in range(100):
            service.consumer.add(b"rubbish" if number % 10 == 0 else REQUEST)
        service.consumer.poll_errors = [OffsetOutOfRangeError({partition(): 200})]
        service.go_round(2)
        assert service.committed == {0: 100}

    def test_its_letters_are_whole(self) -> None:
        """What the broker refused of another record at that place says nothing of this one."""
        service = Wiring.over([b"old rubbish"])
        too_large = MessageSizeTooLargeError("limit")
        service.fail(lambda sent: too_large if sent.value else None, "failing")
        service.go_round()
        service.consumer.log[0] = []
        service.consumer.add(b"new rubbish")
        service.consumer.poll_errors = [OffsetOutOfRangeError({partition(): 1})]
        service.make_producer = FakeProducer
        service.clients.publisher.replace()
        service.go_round(2)
        assert [sent.value for sent in service.producer.to(DEAD_LETTERS)] == [b"new rubbish"]


class Group:
    """What Kafka knows of a group and of the topic, which grows by a record with each question."""

    def __init__(self, ends: dict[int, int]) -> None:
        self.ends = ends
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        self.commit_error: KafkaError | None = None
        self.starts: list[int] = []
        self.calls = 0
        self.on_call: Callable[[int], object] = lambda _number: None

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the numbers."""
        assert topic == TOPIC
        return set(self.ends)

    def fetch_committed(
        self, partitions: list[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return what is committed, of each partition after some time has gone by."""
        found: dict[TopicPartition, OffsetAndMetadata] = {}
        for tp in partitions:
            self._call(timeout_ms)
            found |= {tp: self.offsets[tp]} if tp in self.offsets else {}
        return found

    def end_offsets(
        self, partitions: list[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, int]:
        """Return the ends."""
        self._call(timeout_ms)
        return {tp: self.ends[tp.partition] for tp in partitions}

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], timeout_ms: int) -> None:
        """Keep what was committed last, or raise what was asked for."""
        self._call(timeout_ms)
        if self.commit_error:
            raise self.commit_error
        self.offsets |= offsets
        self.starts += [start.offset for start in offsets.values()]

    def begin(self) -> dict[int, int]:
        """Let a member begin at the end, and return what is committed then."""
        begin_at_end(self, TOPIC, 1_000)
        return {tp.partition: start.offset for tp, start in self.offsets.items()}

    def _call(self, timeout_ms: int) -> None:
        assert timeout_ms > 0
        self.calls += 1
        for number in self.ends:
            self.ends[number] += 1
        self.on_call(self.calls)


class TestStarts:
    """A group that is to begin at the end, from its first member's first moment."""

    def test_the_ends_are_committed_of_every_partition(self) -> None:
        """Also of one that is empty: it would be read from its end at another time."""
        assert Group({0: 7, 1: -3}).begin() == {0: 10, 1: 0}  # it grew by three records meanwhile

    @pytest.mark.parametrize("metadata", ["", "start"])
    def test_a_group_that_has_begun_begins_nowhere_anew(self, metadata: str) -> None:
        """A partition that it does not know was added since: its oldest record is the next."""
        group = Group({0: 7, 1: 5})
        group.offsets[partition(0)] = OffsetAndMetadata(0, metadata, -1)
        assert group.begin() == {0: 0}

    @pytest.mark.parametrize("at", range(1, 6))
    def test_of_two_that_start_at_once_the_earlier_start_counts(self, at: int) -> None:
        """Whatever the one does meanwhile: no record behind a committed start is skipped."""
        group = Group({0: 7})
        group.on_call = lambda number: group.begin() if number == at else None
        assert group.begin() == {0: min(group.starts)}

    def test_a_place_where_another_has_been_at_work_is_not_changed(self) -> None:
        """It is further than this member's start because records were processed."""
        group = Group({0: 7})
        at_work = {partition(0): OffsetAndMetadata(50, "", 1)}
        group.on_call = lambda number: group.offsets.update(at_work) if number == 3 else None
        assert group.begin() == {0: 50}

    def test_a_group_with_members_is_left_alone(self) -> None:
        """Kafka takes no commit from outside; what they have not begun begins at the oldest."""
        group = Group({0: 7})
        group.commit_error = CommitFailedError("unknown member")
        assert group.begin() == {}

    def test_a_commit_that_fails_is_an_attempt_to_connect_that_fails(self) -> None:
        """Nothing is read from a place that a restart would not know of."""
        group = Group({0: 7})
        group.commit_error = KafkaTimeoutError("away")
        with pytest.raises(KafkaTimeoutError):
            group.begin()
