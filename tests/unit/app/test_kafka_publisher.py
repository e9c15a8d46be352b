"""The publisher: acknowledged by all in-sync replicas, or explicitly not."""

from __future__ import annotations

import time

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

from app.admission import Admission
from app.kafka_publisher import KafkaPublisher, connect, producer_options
from app.publisher import Acknowledged, Record
from app.refusals import Overloaded, TooLarge, TopicUnavailable, Unavailable
from app.settings import load_settings
from tests.fakes.producer import FakeProducer
from tests.support.waiting import eventually

RECORD = Record(b"1", b'{"id":"1"}', (("received-at", b"0"),))


def started(producer: FakeProducer, admission: Admission | None = None) -> KafkaPublisher:
    """Return a publisher that is connected to the producer."""
    publisher = KafkaPublisher(
        "bid_requests", 1.0, admission or Admission(10, 1000), connect=lambda: producer
    )
    publisher.start(patience_s=0)
    eventually(lambda: publisher.not_ready() == (), "a connection")
    return publisher


class TestOptions:
    """What the promises rest on."""

    def test_all_replicas_and_no_duplicates_of_its_own(self) -> None:
        """Acks and idempotence are explicit, so that a conflict is an error and not a warning."""
        options = producer_options(load_settings({}))
        assert (options["acks"], options["enable_idempotence"]) == ("all", True)

    def test_every_wait_ends_at_the_publish_deadline(self) -> None:
        """Metadata, delivery and each request fit into INGEST_PUBLISH_TIMEOUT_MS."""
        options = producer_options(load_settings({"INGEST_PUBLISH_TIMEOUT_MS": "500"}))
        assert options["max_block_ms"] == options["delivery_timeout_ms"] == 500
        assert options["request_timeout_ms"] < 500

    def test_no_topic_is_made_by_accident(self) -> None:
        """A misspelt topic is an error, not a new topic with one replica."""
        assert producer_options(load_settings({}))["allow_auto_create_topics"] is False

    def test_every_option_is_known_to_kafka_python(self) -> None:
        """No option is a name that kafka-python would reject."""
        assert set(producer_options(load_settings({}))) <= set(KafkaProducer.DEFAULT_CONFIG)


class TestPublish:
    """The outcomes, a closed set."""

    def test_an_acknowledged_record_has_a_place(self) -> None:
        """The answer says topic, partition and offset; key, value and headers went unchanged."""
        producer = FakeProducer()
        assert started(producer).publish(RECORD) == Acknowledged("bid_requests", 0, 0)
        assert producer.sent == [(RECORD.key, RECORD.value, list(RECORD.headers))]

    def test_waits_no_longer_than_the_deadline(self) -> None:
        """The wait for the acknowledgement is what is left of the publish deadline."""
        producer = FakeProducer()
        started(producer).publish(RECORD)
        assert 0 < producer.futures[0].waited_s <= 1.0

    def test_silence_is_an_unknown_delivery(self) -> None:
        """A record that was handed over and not acknowledged may still turn up."""
        with pytest.raises(Unavailable) as refused:
            started(FakeProducer(outcome=None)).publish(RECORD)
        assert refused.value.delivery == "unknown"

    @pytest.mark.parametrize(
        "error",
        [KafkaTimeoutError(), KafkaConnectionError(), NotEnoughReplicasAfterAppendError()],
    )
    def test_a_failure_that_may_hide_a_delivery_says_unknown(self, error: KafkaError) -> None:
        """Time-outs, lost connections and too few replicas leave the delivery unknown."""
        with pytest.raises(Unavailable) as refused:
            started(FakeProducer(outcome=error)).publish(RECORD)
        assert refused.value.delivery == "unknown"

    @pytest.mark.parametrize("error", [MessageSizeTooLargeError(), RecordListTooLargeError()])
    def test_what_the_topic_does_not_take_is_too_large(self, error: KafkaError) -> None:
        """A record over the broker's limit is 413, not a failure to try again."""
        with pytest.raises(TooLarge):
            started(FakeProducer(outcome=error)).publish(RECORD)

    def test_a_forbidden_topic_is_unavailable(self) -> None:
        """Without the right to write, nothing was delivered."""
        with pytest.raises(TopicUnavailable) as refused:
            started(FakeProducer(outcome=TopicAuthorizationFailedError())).publish(RECORD)
        assert refused.value.delivery == "none"

    @pytest.mark.parametrize("error", [KafkaTimeoutError("no metadata"), ValueError("no topic")])
    def test_what_was_never_sent_says_none(self, error: Exception) -> None:
        """An error before the record is buffered means that nothing was delivered."""
        producer = FakeProducer()
        producer.raises = error
        with pytest.raises(TopicUnavailable) as refused:
            started(producer).publish(RECORD)
        assert refused.value.delivery == "none"

    def test_what_the_producer_refuses_for_its_size_is_too_large(self) -> None:
        """A record over the producer's own limit is 413."""
        producer = FakeProducer()
        producer.raises = MessageSizeTooLargeError()
        with pytest.raises(TooLarge):
            started(producer).publish(RECORD)

    def test_before_it_is_connected_nothing_is_sent(self) -> None:
        """Without a connection the refusal comes at once."""
        publisher = KafkaPublisher("t", 1.0, Admission(1, 1), connect=FakeProducer)
        with pytest.raises(TopicUnavailable) as refused:
            publisher.publish(RECORD)
        assert refused.value.delivery == "none"


class TestAdmission:
    """Memory is bounded, also where requests have long given up."""

    def test_a_record_counts_until_kafka_is_done_with_it(self) -> None:
        """A record whose request timed out still holds its place, until its future ends."""
        producer, admission = FakeProducer(outcome=None), Admission(1, 1000)
        publisher = started(producer, admission)
        with pytest.raises(Unavailable):
            publisher.publish(RECORD)
        with pytest.raises(Overloaded):
            publisher.publish(RECORD)
        producer.acknowledge(producer.futures[0])
        assert admission.pending_records == 0

    @pytest.mark.parametrize("error", [KafkaTimeoutError(), RuntimeError("bug")])
    def test_a_record_that_was_not_taken_does_not_count(self, error: Exception) -> None:
        """Whatever `send` raises, the place is free again."""
        producer, admission = FakeProducer(), Admission(1, 1000)
        producer.raises = error
        with pytest.raises((TopicUnavailable, RuntimeError)):
            started(producer, admission).publish(RECORD)
        assert admission.pending_records == 0


class TestConnecting:
    """Kafka may come later than this service."""

    def test_not_ready_names_what_is_missing(self) -> None:
        """Readiness says whether it is Kafka or the topic, and why."""
        producer = FakeProducer()
        producer.topic_missing = KafkaTimeoutError("no metadata")
        publisher = KafkaPublisher("bid_requests", 1.0, Admission(1, 1), connect=lambda: producer)
        assert publisher.not_ready() == ("kafka: not connected yet",)
        publisher.start(patience_s=0)
        eventually(
            lambda: "topic bid_requests: " in publisher.not_ready()[0], "the topic to be named"
        )
        producer.topic_missing = None
        eventually(lambda: publisher.not_ready() == (), "a connection")

    def test_it_goes_on_trying(self) -> None:
        """A first failure to connect is not the last attempt."""
        failures = [KafkaTimeoutError("nobody there")]

        def connect_at_second_attempt() -> FakeProducer:
            if failures:
                raise failures.pop()
            return FakeProducer()

        publisher = KafkaPublisher("t", 1.0, Admission(1, 1), connect=connect_at_second_attempt)
        publisher.start(patience_s=0)
        eventually(lambda: publisher.not_ready() == (), "a connection")

    def test_starting_waits_for_the_connection(self) -> None:
        """A worker that has started can take its first request."""
        publisher = KafkaPublisher("t", 1.0, Admission(1, 1), connect=FakeProducer)
        publisher.start(patience_s=5)
        assert publisher.not_ready() == ()

    def test_building_one_connects_nothing(self) -> None:
        """The composition root may build it before the fork."""
        assert connect(load_settings({})).not_ready() == ("kafka: not connected yet",)


class TestClose:
    """One deadline for all of it."""

    def test_it_closes_the_producer_within_the_deadline(self) -> None:
        """The producer gets what is left of the time; afterwards nothing is taken."""
        producer = FakeProducer()
        publisher = started(producer)
        publisher.close(2.0)
        assert producer.closed_within_s is not None
        assert 0 < producer.closed_within_s <= 2.0
        assert publisher.not_ready() == ("shutting down",)
        with pytest.raises(TopicUnavailable):
            publisher.publish(RECORD)

    def test_records_in_flight_do_not_hold_it_up_for_ever(self) -> None:
        """A record that is never acknowledged costs the deadline and no more."""
        producer = FakeProducer(outcome=None)
        publisher = started(producer)
        with pytest.raises(Unavailable):
            publisher.publish(RECORD)
        before = time.monotonic()
        publisher.close(0.05)
        assert time.monotonic() - before < 1
        assert producer.closed_within_s == 0

    def test_a_producer_that_will_not_close_is_left(self) -> None:
        """kafka-python raises when brokers are away; closing ends all the same."""
        producer = FakeProducer()
        producer.close_raises = KafkaTimeoutError("flush")
        publisher = started(producer)
        publisher.close(0.05)
        assert publisher.not_ready() == ("shutting down",)

    def test_it_may_never_have_connected(self) -> None:
        """Closing before the first connection ends at once."""
        publisher = KafkaPublisher("t", 1.0, Admission(1, 1), connect=FakeProducer)
        publisher.close(1.0)
        assert publisher.not_ready() == ("shutting down",)
