"""Publishing to Kafka, and giving up a producer that does not deliver."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
)

from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.kafka.producer import TopicAwayError
from consumer.kafka.publisher import Publisher
from tests.support.fakes.consumer_producer import FakeProducer, Sent

pytestmark = pytest.mark.timing


class TestPublisher:
    """Failures have dispositions, and a producer that failed is not trusted again."""

    def setup_method(self) -> None:
        """Connect to producers that acknowledge."""
        self.made: list[FakeProducer] = []
        self.connect_errors: list[KafkaError] = []
        self.failing: Callable[[Sent], KafkaError | None] = lambda _sent: None
        self.refusing: Callable[[Sent], KafkaError | None] = lambda _sent: None
        self.publisher = Publisher(self.connect)

    def connect(self) -> FakeProducer:
        """Make the next producer or fail."""
        if self.connect_errors:
            raise self.connect_errors.pop()
        self.made.append(FakeProducer())
        self.made[-1].failing = self.failing
        self.made[-1].refusing = self.refusing
        return self.made[-1]

    def publish(self) -> None:
        """Publish one record and wait for it."""
        self.publisher.publish("t", b"k", b"v", [("h", b"1")]).wait(2)

    def test_a_record_is_sent_as_it_is(self) -> None:
        """Topic, key, value and headers reach the producer, and the wait its future."""
        self.publish()
        (sent,) = self.made[0].acknowledged
        assert (sent.topic, sent.key, sent.value, sent.headers) == ("t", b"k", b"v", [("h", b"1")])
        assert self.made[0].futures[0].waited_s == [0.25]

    def test_what_is_acknowledged_hurries_nobody(self) -> None:
        """Of a batch that came back as a whole only the first wait was one."""
        pending = self.publisher.publish("t", b"k", b"v", [])
        self.made[0].futures[0].done = True
        pending.wait(2)
        assert (self.made[0].hurried, self.made[0].futures[0].waited_s) == (0, [])

    def test_a_wait_takes_the_time_that_it_may(self) -> None:
        """And not a look more."""
        pending = self.publisher.publish("t", b"k", b"v", [])
        (future,) = self.made[0].futures
        future.silent = True
        with pytest.raises(SinkBackpressureError, match="not acknowledged"):
            pending.wait(0.6)
        assert [round(waited, 2) for waited in future.waited_s] == [0.25, 0.25, 0.1]

    def test_a_topic_that_goes_is_not_waited_for(self) -> None:
        """Kafka's client would try until its time is up, and the others wait behind it."""
        pending = self.publisher.publish("t", b"k", b"v", [])
        self.made[0].futures[0].silent = True
        self.made[0].away = {"t"}
        with pytest.raises(SinkBackpressureError, match="topic t"):
            pending.wait(60)
        assert self.made[0].futures[0].waited_s == [0.25]

    def test_a_wait_hurries_the_producer(self) -> None:
        """A record does not wait for others once somebody waits for it."""
        self.publish()
        assert self.made[0].hurried == 1

    @pytest.mark.parametrize("error", [KafkaTimeoutError("late"), NotEnoughReplicasError()])
    @pytest.mark.parametrize("where", ["refusing", "failing"])
    def test_an_outage_is_unavailability_and_costs_the_producer_its_place(
        self, error: KafkaError, where: str
    ) -> None:
        """The next record goes through another producer, and the first is dropped."""
        setattr(self.made[0], where, lambda _sent: error)
        with pytest.raises(SinkBackpressureError, match=f"topic t: .*{type(error).__name__}"):
            self.publish()
        self.publish()
        assert self.made[0].ended == ["dropped"]
        assert len(self.made[1].acknowledged) == 1

    def test_a_topic_that_is_away_is_unavailability_and_the_producer_is_kept(self) -> None:
        """What it has in hand for other topics must not be dropped with it."""
        self.made[0].refusing = lambda _sent: TopicAwayError("no such topic")
        with pytest.raises(SinkBackpressureError, match="topic t: .*no such topic"):
            self.publish()
        self.made[0].refusing = lambda _sent: None
        self.publish()
        assert len(self.made) == 1

    def test_a_refused_record_that_the_next_producer_does_not_even_send_costs_no_other(
        self,
    ) -> None:
        """It has learned the topic's limit meanwhile, and goes on with the others."""
        self.made[0].failing = lambda _sent: MessageSizeTooLargeError("limit")
        pending = self.publisher.publish("t", b"k", b"v", [])
        self.refusing = lambda _sent: MessageSizeTooLargeError("known")
        with pytest.raises(MessageRejected, match="known"):
            pending.wait(2)
        self.made[1].refusing = lambda _sent: None
        self.publish()
        assert [len(producer.sent) for producer in self.made] == [1, 1]

    def test_a_record_too_large_to_be_sent_is_refused_and_the_producer_kept(self) -> None:
        """Nothing is wrong with the producer, so it goes on."""
        self.made[0].refusing = lambda _sent: MessageSizeTooLargeError("big")
        with pytest.raises(MessageRejected, match="big"):
            self.publish()
        self.made[0].refusing = lambda _sent: None
        self.publish()
        assert len(self.made) == 1

    def test_a_record_that_the_broker_refuses_also_alone_is_refused(self) -> None:
        """Sent by itself through another producer it fails again: the refusal is about it."""
        self.failing = lambda sent: MessageSizeTooLargeError("big") if sent.value == b"v" else None
        self.made[0].failing = self.failing
        with pytest.raises(MessageRejected, match="big"):
            self.publish()
        assert [len(producer.sent) for producer in self.made] == [1, 1]

    def test_a_record_that_failed_with_another_is_delivered(self) -> None:
        """kafka-python fails all that it has in hand with one record's error; theirs is another."""
        self.made[0].failing = lambda _sent: MessageSizeTooLargeError("some other record")
        self.publish()
        self.publish()
        assert self.made[0].ended == ["dropped"]
        assert len(self.made[1].acknowledged) == 2

    def test_a_producer_that_cannot_be_replaced_is_unavailability(self) -> None:
        """While Kafka is away each attempt says so; when it is back one succeeds."""
        self.made[0].failing = lambda _sent: KafkaTimeoutError()
        with pytest.raises(SinkBackpressureError):
            self.publish()
        self.connect_errors = [KafkaTimeoutError("no broker")]
        with pytest.raises(SinkBackpressureError, match="no broker"):
            self.publish()
        self.publish()
        assert [producer.ended for producer in self.made] == [["dropped"], []]

    def test_closing_waits_for_what_is_pending(self) -> None:
        """A producer that delivers is closed in order."""
        self.publisher.close(1)
        assert self.made[0].ended == ["closed"]

    def test_closing_drops_a_producer_that_never_ends(self) -> None:
        """What stays pending does not hold up the end of the process."""
        self.made[0].wedged = True
        self.publisher.close(1)
        assert self.made[0].ended == ["dropped"]

    def test_closing_without_a_producer_is_nothing(self) -> None:
        """Between two producers there is nothing to close."""
        self.made[0].failing = lambda _sent: KafkaTimeoutError()
        self.connect_errors = [KafkaTimeoutError()]
        for _ in range(2):
            with pytest.raises(SinkBackpressureError):
                self.publish()
        self.publisher.close(1)
        assert self.made[0].ended == ["dropped"]
