"""The poll loop: at least once, in order, nothing skipped, nothing committed too early."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
)
from kafka.structs import OffsetAndMetadata

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

pytestmark = pytest.mark.timing

REQUEST = b'{"id":"r-1"}'


def filled(records: int, partitions: int = 1, max_poll_records: int = 500) -> FakeKafkaConsumer:
    """Return a consumer with that many requests on each of its partitions."""
    source = FakeKafkaConsumer(partitions, max_poll_records)
    for number in range(partitions):
        for _ in range(records):
            source.add(REQUEST, number)
    return source


class Outage:
    """Makes a sink unavailable for offsets from `start`, until it is over."""

    def __init__(self, start: int = 0, number: int = 0) -> None:
        self.start = start
        self.number = number
        self.over = False

    def __call__(self, decided: DecisionRecord) -> Exception | None:
        """Say what is raised for a decision."""
        record = decided.record
        hit = record.partition == self.number and record.offset >= self.start
        return SinkBackpressureError("sink away") if hit and not self.over else None


def stop_at(service: Wiring, offset: int) -> Callable[[DecisionRecord], None]:
    """Return what a sink does for it to be stopped while this offset is submitted."""

    def stop(decided: DecisionRecord) -> None:
        if decided.record.offset == offset:
            service.stop.request()

    return stop


class TestCommits:
    """Offsets are committed after the effects, and only those of finished records."""

    def test_a_batch_is_committed_once_with_the_offsets_to_go_on_from(self) -> None:
        """Each partition's offset is that of its last record plus one."""
        source = filled(3, partitions=2)
        Wiring(source).go_round()
        expected = OffsetAndMetadata(3, "", 3)
        assert source.commits == [{partition(0): expected, partition(1): expected}]

    def test_nothing_polled_is_nothing_committed(self) -> None:
        """Empty rounds make no requests."""
        source = filled(0)
        Wiring(source).go_round(3)
        assert source.commits == []

    def test_acknowledgements_come_before_the_commit(self) -> None:
        """At the time of the commit every decision was acknowledged."""
        source, sink = filled(5), FakeSink()
        seen: list[int] = []
        source.on_commit = lambda: seen.append(len(sink.acknowledged))
        Wiring(source, sinks=[sink]).go_round()
        assert seen == [5]

    def test_dead_letters_are_committed_like_decisions(self) -> None:
        """A poisonous record between two good ones holds up nothing."""
        source = FakeKafkaConsumer()
        for value in (REQUEST, b"poison", REQUEST):
            source.add(value)
        service = Wiring(source)
        service.go_round()
        assert source.committed == {partition(): 3}
        assert len(service.producer.to(DECISIONS)) == 2
        assert [sent.value for sent in service.producer.to(DEAD_LETTERS)] == [b"poison"]

    def test_a_batch_is_submitted_before_it_is_waited_for(self) -> None:
        """Waiting for each record alone would cost a round trip each."""
        sink = FakeSink()
        waits_at: list[int] = []
        sink.at_wait = lambda _decided: waits_at.append(len(sink.submitted))
        Wiring(filled(4), sinks=[sink]).go_round()
        assert waits_at == [4, 4, 4, 4]

    def test_all_acknowledgements_share_one_deadline(self) -> None:
        """The time that one takes is missing for the next, and none waits for less than 0 s."""
        sink = FakeSink()
        service = Wiring(filled(4), sinks=[sink])

        def take_four_seconds(_decided: DecisionRecord) -> None:
            service.time.now_s += 4

        sink.at_wait = take_four_seconds
        service.go_round()
        assert sink.waited_s == [10, 6, 2, 0]

    def test_a_member_whose_name_is_taken_stops(self) -> None:
        """No later commit can succeed, and the other process goes on with the work."""
        source = filled(1)
        source.commit_errors = [FencedInstanceIdError()]
        with pytest.raises(FencedInstanceIdError):
            Wiring(source).go_round()


class TestUnavailableSinks:
    """While sinks cannot take decisions nothing is committed past the last safe record."""

    def test_nothing_is_skipped_and_order_is_kept(self) -> None:
        """After the outage every decision is there, in the order of the requests."""
        source, outage = filled(5), Outage(start=2)
        sink = FakeSink(at_wait=outage)
        service = Wiring(source, sinks=[sink])
        service.go_round(3)
        assert source.committed == {partition(): 2}
        outage.over = True
        service.go_round()
        assert source.committed == {partition(): 5}
        assert sink.offsets() == [0, 1, 2, 3, 4]

    def test_a_sink_that_takes_nothing_is_asked_once_a_round(self) -> None:
        """Each further attempt could block as long as the first."""
        asked: list[int] = []

        def away(decided: DecisionRecord) -> Exception:
            asked.append(decided.record.offset)
            return SinkBackpressureError("sink away")

        source = filled(5, partitions=2)
        Wiring(source, sinks=[FakeSink(at_submit=away)]).go_round()
        assert asked == [0]
        assert source.commits == []

    def test_what_was_submitted_before_the_outage_is_not_lost_sight_of(self) -> None:
        """Records submitted in the same batch are finished and committed."""
        source = filled(3)
        Wiring(source, sinks=[FakeSink(at_submit=Outage(start=2))]).go_round()
        assert source.committed == {partition(): 2}

    def test_other_partitions_go_on(self) -> None:
        """An outage that hits one partition's records holds that partition alone."""
        source = filled(2, partitions=2)
        Wiring(source, sinks=[FakeSink(at_wait=Outage(number=0))]).go_round()
        assert source.committed == {partition(1): 2}

    def test_pauses_grow_and_end_with_the_outage(self) -> None:
        """Retries back off; the first success resets the pause."""
        source, outage = filled(2), Outage(start=1)
        service = Wiring(source, sinks=[FakeSink(at_wait=outage)])
        service.go_round(3)
        outage.over = True
        service.go_round()
        source.add(REQUEST)
        outage.start, outage.over = 2, False
        service.go_round(3)
        assert service.time.slept_s == pytest.approx([0.1, 0.2, 0.4, 0.1, 0.2], abs=0.002)

    def test_it_is_said_why(self) -> None:
        """Readiness names the sink's trouble, until it is over; retries are counted."""
        source, outage = filled(1), Outage()
        service = Wiring(source, sinks=[FakeSink(at_wait=outage)])
        service.go_round()
        assert service.health.not_ready() == ["sinks: sink away"]
        assert service.value("consumer_retries_total", unavailable="sinks") == 1
        outage.over = True
        service.go_round()
        assert service.health.not_ready() == []

    def test_the_loop_goes_on_polling(self) -> None:
        """Every retry polls, so the member stays in the group however long the outage."""
        source = filled(1)
        Wiring(source, sinks=[FakeSink(at_wait=Outage())]).go_round(7)
        assert source.polls == 7

    def test_a_broken_producer_is_replaced_and_delivers(self) -> None:
        """A producer that timed out is given up; the next one gets the decision."""
        source = filled(2)
        service = Wiring(source)
        service.producer.failing = lambda _sent: KafkaTimeoutError("late")
        service.go_round(2)
        assert [producer.ended for producer in service.producers] == [["dropped"], []]
        assert len(service.producer.to(DECISIONS)) == 2
        assert source.committed == {partition(): 2}


class TestCommitErrors:
    """A commit that fails loses nothing and stops nothing."""

    @pytest.mark.parametrize("error", [CommitFailedError("moved on"), RebalanceInProgressError()])
    def test_a_commit_after_a_rebalance_is_let_go(self, error: KafkaError) -> None:
        """The offsets belong to another member now: the poll that says so drops them."""
        source = filled(2)
        source.commit_errors = [error, error]
        service = Wiring(source)
        service.go_round()
        source.rebalance([])
        service.go_round(2)
        assert source.commits == []
        assert service.value("consumer_commits_total", outcome="failed") == 2
        assert service.health.not_ready() == []

    def test_its_records_are_read_again_after_the_rebalance(self) -> None:
        """The new assignment begins at the committed offsets."""
        source, sink = filled(2), FakeSink()
        source.commit_errors = [CommitFailedError("moved on"), CommitFailedError("moved on")]
        service = Wiring(source, sinks=[sink])
        service.go_round()
        source.rebalance([partition()])
        service.go_round()
        assert sink.offsets() == [0, 1, 0, 1]
        assert source.committed == {partition(): 2}

    def test_a_commit_that_timed_out_is_tried_again_without_new_records(self) -> None:
        """The next round commits first; the records are not processed again."""
        source, sink = filled(2), FakeSink()
        source.commit_errors = [KafkaTimeoutError("slow")]
        service = Wiring(source, sinks=[sink])
        service.go_round()
        assert [reason.split(":")[0] for reason in service.health.not_ready()] == ["commit"]
        service.go_round()
        assert source.committed == {partition(): 2}
        assert (sink.offsets(), service.health.not_ready()) == ([0, 1], [])
        assert service.value("consumer_commits_total", outcome="failed") == 1
        assert service.value("consumer_commits_total", outcome="committed") == 1

    def test_offsets_of_a_partition_that_went_are_not_committed(self) -> None:
        """Committing them could move another member's partition."""
        source = filled(1, partitions=2)
        source.commit_errors = [KafkaTimeoutError("slow"), KafkaTimeoutError("slow")]
        service = Wiring(source)
        service.go_round()
        source.rebalance([partition(1)])
        service.go_round(2)
        assert partition(0) not in source.committed
        assert source.committed == {partition(1): 1}
        assert service.health.not_ready() == []


class TestPollErrors:
    """Kafka's errors are named and outlived."""

    def test_an_error_is_named_until_a_poll_succeeds(self) -> None:
        """Missing rights show in the readiness, and going on is tried."""
        source = filled(1)
        source.poll_errors = [GroupAuthorizationFailedError("bidding-logic")]
        service = Wiring(source)
        service.go_round()
        reasons = " ".join(service.health.not_ready())
        assert "kafka: " in reasons
        assert "GroupAuthorizationFailedError" in reasons
        assert service.value("consumer_retries_total", unavailable="kafka") == 1
        service.go_round()
        assert service.health.not_ready() == []
        assert source.committed == {partition(): 1}


class TestRun:
    """run() beats, ends with a stop, and leaves nothing half done."""

    def test_every_round_beats_also_an_empty_one(self) -> None:
        """Liveness needs no records."""
        source = filled(0)
        service = Wiring(source)

        def let_time_pass(number: int) -> None:
            service.time.now_s += 50
            if number == 3:
                service.stop.request()

        source.on_poll = let_time_pass
        service.loop.run()
        assert service.health.silent_s() == 50
        assert service.health.alive()

    def test_a_stop_finishes_and_commits_what_has_begun(self) -> None:
        """A stop requested while records are decided on comes after their commit; no more begin."""
        source, sink = filled(3), FakeSink()
        service = Wiring(source, sinks=[sink])
        sink.at_submit = stop_at(service, offset=1)
        service.loop.run()
        assert source.polls == 1
        assert source.committed == {partition(): 2}

    def test_after_a_stop_nothing_begins(self) -> None:
        """What was polled when it came is left to whoever comes next."""
        source = filled(3)
        service = Wiring(source)
        source.on_poll = lambda _number: service.stop.request()
        service.loop.run()
        assert (source.polls, source.commits) == (1, [])

    def test_a_stop_gives_a_failed_commit_a_last_chance(self) -> None:
        """What is still to be committed is committed at the end."""
        source, sink = filled(1), FakeSink()
        source.commit_errors = [KafkaTimeoutError("slow")]
        service = Wiring(source, sinks=[sink])
        sink.at_submit = stop_at(service, offset=0)
        service.loop.run()
        assert source.committed == {partition(): 1}

    def test_a_stop_during_an_outage_commits_only_what_is_safe(self) -> None:
        """The rest is read again by whoever comes next."""
        source, sink = filled(3), FakeSink(at_wait=Outage(start=1))
        service = Wiring(source, sinks=[sink])
        sink.at_submit = stop_at(service, offset=2)
        service.loop.run()
        assert source.committed == {partition(): 1}
