"""The poll loop: at least once, in order, nothing skipped, nothing committed too early."""

from __future__ import annotations

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
from structlog.testing import capture_logs

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError
from consumer.kafka.rebalance import WAITING
from tests.support.fakes.consumer_records import TRACE, partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, REQUEST, Wiring
from tests.support.fakes.tracer import FakeTracer

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]


HEADERS = (("traceparent", TRACE),)
POSITION = {"messaging.destination.partition.id": "0", "messaging.kafka.offset": 0}


class Outage:
    """Keeps a sink from decisions on one partition, from an offset on, until it is over."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.over = False

    def __call__(self, decided: DecisionRecord) -> Exception | None:
        """Say what is raised for a decision."""
        hit = decided.record.partition == 0 and decided.record.offset >= self.start
        return SinkBackpressureError("sink away") if hit and not self.over else None


class TestCommits:
    """Offsets are committed after the effects, and only those of finished records."""

    def test_a_batch_is_submitted_then_waited_for_and_then_committed_once(self) -> None:
        """Each partition's offset is that of its last record plus one, known to be safe then."""
        steps: list[str] = []
        sink = FakeSink(lambda _decided: steps.append("s"), lambda _decided: steps.append("w"))
        service = Wiring.over([REQUEST] * 3, [REQUEST] * 3, sinks=[sink])
        service.consumer.on_commit = lambda: steps.append("c")
        service.go_round()
        assert "".join(steps) == "sssssswwwwwwc"
        expected = OffsetAndMetadata(3, "", 3)
        assert service.consumer.commits == [{partition(0): expected, partition(1): expected}]

    def test_all_acknowledgements_share_one_deadline(self) -> None:
        """The time that one takes is missing for the next, and none waits for less than 0 s."""
        sink = FakeSink(at_wait=lambda _decided: service.time.sleep(4))
        service = Wiring.over([REQUEST] * 4, sinks=[sink])
        service.go_round()
        assert sink.waited_s == [10, 6, 2, 0]

    @pytest.mark.parametrize(
        "error", [CommitFailedError("moved on"), RebalanceInProgressError(), KafkaTimeoutError()]
    )
    def test_offsets_that_could_not_be_committed_go_with_their_partition(
        self, error: KafkaError
    ) -> None:
        """Committing them could move another member's partition; of those that stay it goes on."""
        service = Wiring.over([REQUEST], [REQUEST])
        service.consumer.commit_errors = [error, error]
        service.go_round()
        service.consumer.rebalance(1)
        service.go_round(2)
        assert service.committed == {1: 1}
        assert service.value("consumer_commits_total", outcome="failed") == 2
        assert service.health.not_ready() == []

    def test_a_commit_that_timed_out_is_tried_again_without_new_records(self) -> None:
        """The next round commits first; the records are not processed again."""
        sink = FakeSink()
        service = Wiring.over([REQUEST] * 2, sinks=[sink])
        service.consumer.commit_errors = [KafkaTimeoutError("slow")]
        service.go_round()
        assert [reason.split(":")[0] for reason in service.health.not_ready()] == ["commit"]
        service.go_round()
        assert (service.committed, sink.offsets()) == ({0: 2}, [0, 1])
        assert service.health.not_ready() == []
        assert service.value("consumer_commits_total", outcome="failed") == 1
        assert service.value("consumer_commits_total", outcome="committed") == 1

    @pytest.mark.parametrize("exactly_once", [False, True])
    def test_a_member_whose_name_is_taken_stops(self, *, exactly_once: bool) -> None:
        """No later commit can succeed, and the other process goes on with the work."""
        service = Wiring.over([REQUEST], exactly_once=exactly_once)
        errors = service.broker.offset_errors if service.broker else service.consumer.commit_errors
        errors.append(FencedInstanceIdError())
        with pytest.raises(FencedInstanceIdError):
            service.go_round()
        assert service.committed == {}


@pytest.mark.promise("record-isolation")
class TestUnavailableSinks:
    """While sinks cannot take decisions nothing is committed past the last safe record."""

    def test_a_sink_that_takes_nothing_is_asked_once_a_round(self) -> None:
        """Each further attempt could block as long; what was submitted before it is committed."""
        asked: list[int] = []

        def away(decided: DecisionRecord) -> Exception | None:
            asked.append(decided.record.offset)
            return SinkBackpressureError("sink away") if len(asked) > 2 else None

        service = Wiring.over([REQUEST] * 5, [REQUEST] * 5, sinks=[FakeSink(at_submit=away)])
        service.go_round()
        assert asked == [0, 1, 2]
        assert [*service.committed.values()] == [2]

    def test_an_outage_holds_its_partition_alone_and_says_why(self) -> None:
        """Readiness names the sink's trouble until it is over, and each retry is a poll."""
        outage = Outage(start=1)
        service = Wiring.over([REQUEST] * 3, [REQUEST], sinks=[FakeSink(at_wait=outage)])
        service.go_round(3)
        assert (service.committed, service.consumer.polls) == ({0: 1, 1: 1}, 3)
        assert service.health.not_ready() == ["sinks: sink away"]
        assert service.value("consumer_retries_total", unavailable="sinks") == 3
        service.consumer.rebalance(0, eager=False)
        service.go_round()
        assert service.health.not_ready() == ["sinks: sink away"]
        outage.over = True
        service.go_round(2)
        assert service.health.not_ready() == []
        assert service.committed == {0: 3, 1: 1}

    def test_pauses_grow_and_end_with_the_outage(self) -> None:
        """Retries back off; the first success resets the pause."""
        outage = Outage(start=1)
        service = Wiring.over([REQUEST] * 2, sinks=[FakeSink(at_wait=outage)])
        service.go_round(3)
        outage.over = True
        service.go_round()
        service.consumer.add(REQUEST)
        outage.start, outage.over = 2, False
        service.go_round(3)
        assert service.time.slept_s == pytest.approx([0.1, 0.2, 0.4, 0.1, 0.2], abs=0.002)


@pytest.mark.promise("recovers")
def test_an_error_of_a_poll_is_named_until_one_succeeds() -> None:
    """Missing rights show in the readiness, and going on is tried, after pauses that grow."""
    service = Wiring.over([REQUEST])
    service.consumer.poll_errors = [GroupAuthorizationFailedError("bidding-logic")] * 2
    service.go_round(2)
    reasons = " ".join(service.health.not_ready())
    assert "kafka: " in reasons
    assert "GroupAuthorizationFailedError" in reasons
    assert service.value("consumer_retries_total", unavailable="kafka") == 2
    assert sum(service.time.slept_s) == pytest.approx(0.3)
    service.go_round()
    assert service.health.not_ready() == []
    assert service.committed == {0: 1}
    service.consumer.poll_errors = [KafkaTimeoutError()]
    service.go_round()
    assert sum(service.time.slept_s) == pytest.approx(0.4)


@pytest.mark.promise("drains")
class TestRun:
    """run() beats, ends with a stop, and leaves nothing half done."""

    def test_every_round_beats_also_an_empty_one(self) -> None:
        """Liveness needs no records."""
        service = Wiring.over([])

        def let_time_pass(number: int) -> None:
            service.time.now_s += 50
            if number == 3:
                service.stop.request()

        service.consumer.on_poll = let_time_pass
        service.loop.run()
        assert service.health.silent_s() == 50
        assert service.health.alive()

    @pytest.mark.parametrize("errors", [[], [KafkaTimeoutError("slow")]])
    def test_a_stop_finishes_and_commits_what_has_begun(self, errors: list[KafkaError]) -> None:
        """One that comes while records are decided on begins no more; a commit is tried twice."""
        sink = FakeSink()
        service = Wiring.over([REQUEST] * 3, sinks=[sink])
        service.consumer.commit_errors = errors
        sink.at_submit = lambda decided: (
            service.stop.request() if decided.record.offset == 1 else None
        )
        service.loop.run()
        assert service.consumer.polls == 1
        assert service.committed == {0: 2}

    def test_after_a_stop_nothing_begins(self) -> None:
        """What was polled when it came is left to whoever comes next."""
        service = Wiring.over([REQUEST] * 3)
        service.consumer.on_poll = lambda _number: service.stop.request()
        service.loop.run()
        assert (service.consumer.polls, service.consumer.commits) == (1, [])


@pytest.mark.promise("observable")
class TestRebalances:
    """The group gives partitions and takes them."""

    @pytest.mark.parametrize("numbers", [(0, 1, 2), ()])
    def test_ready_with_the_first_assignment(self, numbers: tuple[int, ...]) -> None:
        """The first poll joins; a spare member, too: a rollout must not wait for partitions."""
        service = Wiring.over([], [], [])
        service.consumer.rebalance(*numbers)
        assert service.health.not_ready() == [f"partitions: {WAITING}"]
        service.go_round()
        assert service.health.not_ready() == []
        assert service.value("consumer_assigned_partitions") == len(numbers)

    def test_partitions_that_go_take_their_trouble_along(self) -> None:
        """An outage that held a partition is not this member's any more."""
        service = Wiring.over([REQUEST], [], sinks=[FakeSink(at_wait=Outage())])
        service.go_round()
        service.consumer.rebalance(1)
        service.go_round()
        assert service.health.not_ready() == []
        assert service.value("consumer_assigned_partitions") == 1

    @pytest.mark.parametrize("lost", [False, True])
    def test_both_are_logged_but_not_the_revocation_of_nothing(self, *, lost: bool) -> None:
        """The first rebalance takes nothing away; lost ones are treated as those that are taken."""
        service = Wiring.over([], [])
        change = "lost" if lost else "revoked"
        with capture_logs() as logged:
            service.go_round()
            service.consumer.rebalance(1, lost=lost)
            service.go_round()
        assert [(line["event"], line["partitions"]) for line in logged] == [
            ("partitions assigned", [0, 1]),
            (f"partitions {change}", [0, 1]),
            ("partitions assigned", [1]),
        ]
        assert service.value("consumer_rebalances_total", change="assigned") == 2
        assert service.value("consumer_rebalances_total", change=change) == 1

    def test_a_member_without_partitions_waits_for_the_next_assignment(self) -> None:
        """One that was thrown out of the group commits nothing, and is not ready."""
        service = Wiring.over([REQUEST])
        service.consumer.commit_errors = [KafkaTimeoutError()]
        service.go_round()
        service.consumer.listener.on_partitions_lost([partition()])
        service.loop.commits.flush()
        assert service.consumer.commits == []
        assert service.value("consumer_assigned_partitions") == 0
        assert service.health.not_ready() == [f"partitions: {WAITING}"]


@pytest.mark.promise("observable")
class TestSpans:
    """From the record to its acknowledged effect."""

    def setup_method(self) -> None:
        """Trace a service."""
        self.tracer = FakeTracer()
        self.service = Wiring.over([], tracer=self.tracer)

    def test_the_decision_is_a_child_of_the_request(self) -> None:
        """Its header names the span of the attempt that came to its end, and no other ended."""
        self.service.consumer.add(REQUEST, headers=HEADERS)
        self.service.producer.failing = lambda _sent: KafkaTimeoutError("away")
        self.service.go_round(2)
        given_up, span = self.tracer.spans
        assert given_up.ended is None
        assert span.started == ("process", "bid_requests", TRACE.decode())
        outcome = {"rtb.outcome": "no_bid", "rtb.strategy": "fake"}
        assert span.ended == ({**POSITION, **outcome}, "")
        assert self.service.producer.to(DECISIONS)[0].header("traceparent") == span.traceparent

    def test_a_dead_letter_ends_it_with_its_reason(self) -> None:
        """The letter keeps the headers of the request."""
        self.service.consumer.add(b"{", headers=HEADERS)
        self.service.go_round()
        assert self.tracer.spans[0].ended == (POSITION, "not-json")
        letter = self.service.producer.to(DEAD_LETTERS)[0]
        assert letter.header("traceparent") == TRACE.decode()
