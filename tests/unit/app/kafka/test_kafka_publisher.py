"""The publisher: acknowledged by all in-sync replicas, or explicitly not."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from kafka import KafkaProducer
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from app.kafka.in_flight import InFlight
from app.kafka.kafka_publisher import KafkaPublisher, connect, producer_options
from app.kafka.publisher import Acknowledged, Record
from app.problems import DeliveryUnknown, KafkaUnavailable, Overloaded, TooLarge, Unavailable
from app.settings import load_settings
from tests.support.connections import Connections
from tests.support.fakes.producer import FakeProducer
from tests.support.garbage import kept_by_cycles

pytestmark = pytest.mark.timing

RECORD = Record(b"1", b'{"id":"1"}', (("received-at", b"0"),))


Start = Callable[..., KafkaPublisher]


@pytest.fixture
def started(connections: Connections) -> Start:
    """Return what connects a publisher to a producer, and would not do so a second time."""

    def start(
        producer: FakeProducer,
        admission: InFlight | None = None,
        grace_s: float = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> KafkaPublisher:
        connection = connections.connected(producer, grace_s=grace_s)
        held = admission or InFlight(10, 1000)
        return KafkaPublisher("bid_requests", 1.0, held, connection, monotonic)

    return start


class TestOptions:
    """What the promises rest on."""

    def test_all_replicas_and_no_duplicates_of_its_own(self) -> None:
        """Acks and idempotence are explicit, so that a conflict is an error and not a warning."""
        options = producer_options(load_settings({}))
        assert (options["acks"], options["enable_idempotence"]) == ("all", True)

    def test_every_wait_ends_at_the_publish_deadline(self) -> None:
        """Metadata and each request fit into INGEST_PUBLISH_TIMEOUT_MS; delivery ends soon after.

        The caller gives up before the producer does: it can then still take back what is queued.
        """
        options = producer_options(load_settings({"INGEST_PUBLISH_TIMEOUT_MS": "500"}))
        assert options["max_block_ms"] == 500
        assert options["request_timeout_ms"] < 500 < options["delivery_timeout_ms"] <= 600

    def test_no_topic_is_made_by_accident(self) -> None:
        """A misspelt topic is an error, not a new topic with one replica."""
        assert producer_options(load_settings({}))["allow_auto_create_topics"] is False

    def test_every_option_is_known_to_kafka_python(self) -> None:
        """No option is a name that kafka-python would reject."""
        assert set(producer_options(load_settings({}))) <= set(KafkaProducer.DEFAULT_CONFIG)


class TestPublish:
    """The outcomes, a closed set."""

    def test_an_acknowledged_record_has_a_place(self, started: Start) -> None:
        """The answer says topic, partition and offset; key, value and headers went unchanged."""
        producer = FakeProducer()
        assert started(producer).publish(RECORD) == Acknowledged("bid_requests", 0, 0)
        assert producer.sent == [(RECORD.key, RECORD.value, list(RECORD.headers))]

    def test_waits_no_longer_than_the_deadline(self, started: Start) -> None:
        """The wait for the acknowledgement is what is left of the publish deadline."""
        producer = FakeProducer()
        started(producer, monotonic=iter([5.0, 5.25]).__next__).publish(RECORD)
        assert producer.futures[0].waited_s == 0.75

    def test_what_was_not_sent_by_the_deadline_never_is(self, started: Start) -> None:
        """A record still in the queue is taken back, so that a client knows that it is nowhere."""
        producer = FakeProducer(outcome=None)
        producer.queued = True
        with pytest.raises(Unavailable) as refused:
            started(producer).publish(RECORD)
        assert (refused.value.delivery, refused.value.code) == ("none", "not-acknowledged")

    def test_a_dead_sender_thread_is_noticed_before_anything_is_sent(self, started: Start) -> None:
        """The producer is replaced at once, instead of costing a request its deadline."""
        producer = FakeProducer()
        publisher = started(producer)
        producer.is_alive = False
        with pytest.raises(KafkaUnavailable):
            publisher.publish(RECORD)
        assert producer.sent == []
        assert publisher.not_ready()[0].startswith("kafka: ")

    def test_silence_is_an_unknown_delivery(self, started: Start) -> None:
        """A record that was handed over and not acknowledged may still turn up."""
        with pytest.raises(Unavailable) as refused:
            started(FakeProducer(outcome=None)).publish(RECORD)
        assert refused.value.delivery == "unknown"

    @pytest.mark.parametrize(
        "error",
        [KafkaTimeoutError(), KafkaConnectionError(), NotEnoughReplicasAfterAppendError()],
    )
    def test_a_failure_that_may_hide_a_delivery_says_unknown(
        self, started: Start, error: KafkaError
    ) -> None:
        """Time-outs, lost connections and too few replicas leave the delivery unknown."""
        with pytest.raises(Unavailable) as refused:
            started(FakeProducer(outcome=error)).publish(RECORD)
        assert refused.value.delivery == "unknown"

    @pytest.mark.parametrize("error", [MessageSizeTooLargeError(), RecordListTooLargeError()])
    def test_what_the_broker_refuses_for_its_size_ends_the_producer(
        self, started: Start, error: KafkaError
    ) -> None:
        """kafka-python fails all records with one's error: whose it is stays open."""
        publisher = started(FakeProducer(outcome=error))
        with pytest.raises(DeliveryUnknown):
            publisher.publish(RECORD)
        assert publisher.not_ready()

    def test_a_forbidden_topic_is_unavailable(self, started: Start) -> None:
        """Without the right to write, nothing was delivered."""
        with pytest.raises(KafkaUnavailable) as refused:
            started(FakeProducer(outcome=TopicAuthorizationFailedError())).publish(RECORD)
        assert refused.value.delivery == "none"

    @pytest.mark.parametrize("error", [KafkaTimeoutError("no metadata"), ValueError("no topic")])
    def test_what_was_never_sent_says_none(self, started: Start, error: Exception) -> None:
        """An error before the record is buffered means that nothing was delivered."""
        producer = FakeProducer()
        producer.raises = error
        with pytest.raises(KafkaUnavailable) as refused:
            started(producer).publish(RECORD)
        assert refused.value.delivery == "none"

    def test_what_the_producer_refuses_for_its_size_is_too_large(self, started: Start) -> None:
        """A record over the producer's own limit is 413."""
        producer = FakeProducer()
        producer.raises = MessageSizeTooLargeError()
        with pytest.raises(TooLarge):
            started(producer).publish(RECORD)

    def test_before_it_is_connected_nothing_is_sent(self, connections: Connections) -> None:
        """Without a connection the refusal comes at once."""
        connection = connections.make(FakeProducer)
        with pytest.raises(KafkaUnavailable) as refused:
            KafkaPublisher("t", 1.0, InFlight(1, 1), connection).publish(RECORD)
        assert refused.value.delivery == "none"


class TestAdmission:
    """Memory is bounded, also where requests have long given up."""

    def test_a_record_counts_until_kafka_is_done_with_it(self, started: Start) -> None:
        """A record whose request timed out still holds its place, until its future ends."""
        producer, admission = FakeProducer(outcome=None), InFlight(1, 1000)
        with pytest.raises(Unavailable):
            started(producer, admission, grace_s=60).publish(RECORD)
        with pytest.raises(Overloaded):
            started(FakeProducer(), admission).publish(RECORD)
        producer.force_close()
        assert admission.pending_records == 0

    @pytest.mark.parametrize("error", [KafkaTimeoutError(), RuntimeError("bug")])
    def test_a_record_that_was_not_taken_does_not_count(
        self, started: Start, error: Exception
    ) -> None:
        """Whatever `send` raises, the place is free again."""
        producer, admission = FakeProducer(), InFlight(1, 1000)
        producer.raises = error
        with pytest.raises((KafkaUnavailable, RuntimeError)):
            started(producer, admission).publish(RECORD)
        assert admission.pending_records == 0


class TestDistrust:
    """A producer that did not deliver is not asked again."""

    @pytest.mark.parametrize(
        "outcome", [None, KafkaTimeoutError(), TopicAuthorizationFailedError()]
    )
    def test_after_a_failure_requests_are_refused_at_once(
        self, started: Start, outcome: Exception | None
    ) -> None:
        """Only the first one waits for its deadline; readiness says what happened."""
        producer = FakeProducer(outcome=outcome)
        publisher = started(producer)
        with pytest.raises(Unavailable):
            publisher.publish(RECORD)
        with pytest.raises(KafkaUnavailable):
            publisher.publish(RECORD)
        assert len(producer.sent) == 1
        assert publisher.not_ready()[0].startswith("kafka: ")

    def test_a_record_that_is_too_large_to_be_sent_is_no_failure_of_the_producer(
        self, started: Start
    ) -> None:
        """One client's large record costs the others nothing."""
        producer = FakeProducer()
        publisher = started(producer)
        producer.raises = MessageSizeTooLargeError()
        with pytest.raises(TooLarge):
            publisher.publish(RECORD)
        assert publisher.not_ready() == ()


class TestClose:
    """One deadline for all of it."""

    def test_it_closes_the_producer_within_the_deadline(self, started: Start) -> None:
        """The producer gets what is left of the time; afterwards nothing is taken."""
        producer = FakeProducer()
        publisher = started(producer, monotonic=iter([5.0, 5.5, 6.0]).__next__)
        publisher.close(2.0)
        assert producer.closed_within_s == 1.5
        with pytest.raises(KafkaUnavailable):
            publisher.publish(RECORD)

    def test_records_in_flight_do_not_hold_it_up_for_ever(self, started: Start) -> None:
        """A record that is never acknowledged costs the deadline and no more."""
        producer, admission = FakeProducer(outcome=None), InFlight(1, 1000)
        admission.acquire(1)
        started(producer, admission).close(0.05)
        assert admission.pending_records == 1
        assert producer.closed_within_s == 0


class TestAccount:
    """What is told of each record that was handed over."""

    @pytest.mark.parametrize(
        ("outcome", "queued", "told"),
        [
            ("acknowledge", False, "acknowledged"),
            (KafkaTimeoutError(), False, "failed"),
            (None, True, "never-sent"),
        ],
    )
    def test_every_end_is_told_once(
        self, connections: Connections, outcome: Exception | str | None, *, queued: bool, told: str
    ) -> None:
        """Acknowledged, failed and never sent are kept apart; the time is from the handing over."""
        now, ends = [100.0], []
        producer = FakeProducer(outcome)
        producer.queued = queued
        publisher = KafkaPublisher(
            "bid_requests",
            1.0,
            InFlight(10, 1000, monotonic=lambda: now[0]),
            connections.connected(producer, grace_s=60),
            on_delivery=lambda *end: ends.append(end),
        )
        with suppress(Unavailable):
            publisher.publish(RECORD)
        assert ends == [(told, 0.0)]

    def test_a_late_acknowledgement_is_one_all_the_same(self, connections: Connections) -> None:
        """A record whose request had given up is told of when its end comes, with its age."""
        now, ends = [100.0], []
        producer = FakeProducer(outcome=None)
        publisher = KafkaPublisher(
            "bid_requests",
            1.0,
            InFlight(10, 1000, monotonic=lambda: now[0]),
            connections.connected(producer, grace_s=60),
            on_delivery=lambda *end: ends.append(end),
        )
        with pytest.raises(DeliveryUnknown):
            publisher.publish(RECORD)
        assert (ends, publisher.pending()) == ([], (1, RECORD.size))
        now[0] += 3
        assert publisher.oldest_s() == 3
        producer.acknowledge(producer.futures[0])
        assert ends == [("acknowledged", 3.0)]
        assert publisher.oldest_s() == 0


def test_building_one_connects_nothing() -> None:
    """The composition root may build it before the fork."""
    assert connect(load_settings({}), InFlight(1, 1)).not_ready() == ("kafka: not connected yet",)


@pytest.mark.parametrize("queued", [True, False])
@pytest.mark.parametrize("error", [None, NotEnoughReplicasAfterAppendError])
def test_what_failed_is_let_go_of_at_once(
    started: Start, error: type[Exception] | None, *, queued: bool
) -> None:
    """With Kafka away for long, records wait for their end, and never for the collector."""
    producer = FakeProducer(error() if error else None)
    producer.queued = queued
    publisher = started(producer)
    with kept_by_cycles() as kept:
        try:
            publisher.publish(RECORD)
        except Unavailable as refusal:
            refusal.__traceback__ = None  # as whoever answers does
        producer.futures.clear()
        producer.outcome = None
    assert kept == []
