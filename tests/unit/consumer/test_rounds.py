"""A round ends, beats and commits in a bounded time, whatever is in it."""

from __future__ import annotations

from typing import NoReturn

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.errors import SinkBackpressureError
from consumer.kafka.producer import TopicAwayError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, REQUEST, Wiring
from tests.support.fakes.kubelet import GRACE_S, FakeKubelet

pytestmark = [pytest.mark.timing, pytest.mark.promise("record-isolation")]

INTERVAL_S = 5  # by default
RECORDS = 5_000
GUARANTEES = pytest.mark.parametrize("exactly_once", [False, True])


class Slow:
    """A bidding logic whose strategy takes its time, watched by a kubelet."""

    def __init__(self, seconds: float, partitions: int = 4, *, exactly_once: bool = False) -> None:
        self.consumer = FakeKafkaConsumer(partitions, max_poll_records=1_000)
        for number in range(RECORDS):
            self.consumer.add(REQUEST, number % partitions)
        strategy = FakeStrategy(self.decide)
        self.service = Wiring(self.consumer, strategy=strategy, exactly_once=exactly_once)
        self.kubelet = FakeKubelet(self.service.health, self.service.time)
        self.seconds = seconds

    def decide(self, _request: BidRequest) -> Decision:
        """Decide after the time that this strategy takes."""
        self.kubelet.spend(self.seconds)
        return NoBid()

    def lag(self) -> int:
        """Return how many records are not committed."""
        return RECORDS - sum(self.service.committed.values())

    def go_round(self) -> None:
        """Go round as `run` does."""
        self.service.health.beat()
        self.service.go_round()


@GUARANTEES
@pytest.mark.parametrize("seconds", [0.005, 0.15, 1.0])
def test_a_slow_strategy_is_never_killed_and_every_round_commits(
    seconds: float, *, exactly_once: bool
) -> None:
    """Probed every 10 s over a backlog of 5,000, it stays alive, and its lag falls to nothing."""
    it = Slow(seconds, exactly_once=exactly_once)
    lag = it.lag()
    while lag:
        began_s = it.service.time.now_s
        it.go_round()
        assert it.lag() < lag
        assert it.service.time.now_s - began_s <= INTERVAL_S + seconds
        lag = it.lag()
    assert it.kubelet.kills == 0
    assert it.kubelet.probes > RECORDS * seconds / 10 - 1


@pytest.mark.promise("drains")
@pytest.mark.parametrize("seconds", [0.005, 0.15, 1.0])
def test_a_stop_is_over_in_time(seconds: float) -> None:
    """SIGTERM in the middle of a round ends after the record in hand, within the grace period."""
    it = Slow(seconds)
    it.consumer.on_commit = it.service.stop.request
    began_s = it.service.time.now_s
    it.service.loop.run()
    assert it.service.time.now_s - began_s < GRACE_S
    assert 0 < it.lag() < RECORDS


def test_no_partition_waits_for_the_slow_records_of_another() -> None:
    """Each gets its share of a round's time, and who had none is first in the next."""
    it = Slow(1.0, partitions=8)
    for _ in range(6):  # a poll brings the records of two of them
        it.go_round()
    assert it.service.committed.keys() == {*range(8)}


@pytest.mark.promise("bounded")
def test_what_waits_is_neither_fetched_again_nor_committed_past() -> None:
    """A partition is paused while records of it wait here, and read on afterwards."""
    it = Slow(1.0, partitions=1)
    it.go_round()
    assert it.consumer.paused == {partition()}
    assert it.service.loop.backlog.next_offset(partition()) == 5
    it.go_round()  # the client has read on, and nobody has decided on that
    assert it.service.committed == {0: 10}
    it.seconds = 0
    it.go_round()
    assert it.service.committed == {0: 1_000}
    assert it.consumer.paused == set()


def test_a_partition_that_goes_takes_its_backlog_along() -> None:
    """Its records are decided on where it is read from now on."""
    it = Slow(1.0, partitions=2)
    it.go_round()
    assert it.service.loop.backlog.next_offset(partition(1)) == 5
    it.consumer.rebalance(0)
    it.seconds = 0
    it.go_round()
    assert it.service.loop.backlog.next_offset(partition(1)) is None
    assert it.service.committed == {0: 1_000, 1: 5}


@GUARANTEES
def test_a_dead_letter_that_is_not_taken_holds_its_partition_alone(*, exactly_once: bool) -> None:
    """What came before it is committed, the others do not wait, and no producer is given up."""
    service = Wiring.over([REQUEST, b"poison", REQUEST], [REQUEST], exactly_once=exactly_once)
    service.producer.refusing = lambda sent: (
        TopicAwayError("no such topic") if sent.topic == DEAD_LETTERS else None
    )
    service.go_round(5)
    assert service.committed == {0: 1, 1: 1}
    assert service.health.not_ready()[0].startswith("sinks: ")
    service.producer.refusing = lambda _sent: None
    service.go_round(2, after_s=5)
    assert service.committed == {0: 3, 1: 1}
    assert service.health.not_ready() == []
    assert len(service.producers) == 1


def test_a_sink_that_takes_a_second_for_each_decision_lets_every_round_commit() -> None:
    """What it has not acknowledged in the time of a round is asked for again in the next."""
    sink = FakeSink()
    service = Wiring.over([REQUEST] * 60, sinks=[sink])
    kubelet = FakeKubelet(service.health, service.time)

    def deliver(_decided: DecisionRecord) -> Exception | None:
        left_s = sink.waited_s[-1]
        kubelet.spend(min(left_s, 1))
        return SinkBackpressureError("late") if left_s < 1 else None

    sink.at_wait = deliver
    committed = 0
    while committed < 60:
        service.health.beat()
        service.go_round()
        assert service.committed[0] > committed
        committed = service.committed[0]
    assert kubelet.kills == 0


def test_what_fails_with_a_refused_record_costs_one_producer_together() -> None:
    """An idempotent producer fails all that it has in hand: each is sent once more, by the next."""
    service = Wiring.over([REQUEST] * 100)
    service.producer.failing = lambda _sent: MessageSizeTooLargeError("one of them")
    service.go_round()
    assert len(service.producers) == 2
    assert service.committed == {0: 100}


def test_a_round_ends_although_each_refusal_costs_a_producer() -> None:
    """Once its time is up it asks no more, however many partitions have something refused."""
    service = Wiring.over(*[[REQUEST]] * 20)
    service.producer.failing = lambda _sent: MessageSizeTooLargeError("each of them")

    def connect_in_vain() -> NoReturn:
        service.time.now_s += 5
        raise KafkaTimeoutError("away")

    service.make_producer = connect_in_vain
    began_s = service.time.now_s
    service.go_round()
    assert service.time.now_s - began_s <= 10 + 5  # the acknowledgements' time, and one more


@pytest.mark.promise("exactly-once")
@GUARANTEES
def test_the_ends_of_transactions_are_committed_past(*, exactly_once: bool) -> None:
    """Nothing waits after the last record; a commit that fails is tried again, once a second.

    Exactly once, it is one in a transaction: beside it, it could come late, and take the group
    back behind a later one.
    """
    service = Wiring.over([REQUEST], exactly_once=exactly_once)
    service.go_round()
    service.consumer.log[0] += [None, None]
    errors = service.broker.offset_errors if service.broker else service.consumer.commit_errors
    errors.append(KafkaTimeoutError("away"))
    service.go_round(3, after_s=1)
    assert service.committed == {0: 3}
    assert len(service.consumer.commits) == (0 if exactly_once else 2)


def test_an_idle_partition_is_not_committed_again_and_again() -> None:
    """A position that has not moved is where the group goes on from anyway."""
    service = Wiring.over([])
    service.go_round(5, after_s=1)
    assert service.consumer.commits == []


def test_what_is_acknowledged_counts_then_whoever_is_waited_for_after_it() -> None:
    """The time to a decision is its own, and not that of a slow partition in the same round."""
    consumer = FakeKafkaConsumer(partitions=2)
    for number in range(2):
        consumer.add(REQUEST, number, headers=[("received-at", b"1700000000000")])

    takes_s = iter([0, 5])

    def wait(_decided: DecisionRecord) -> None:
        service.time.now_s += next(takes_s)

    service = Wiring(consumer, sinks=[FakeSink(at_wait=wait)])
    service.go_round()
    assert service.value("consumer_end_to_end_seconds_sum") == 5
