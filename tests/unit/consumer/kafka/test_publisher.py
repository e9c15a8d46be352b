"""Publishing to Kafka, and giving up a producer that does not deliver."""

from __future__ import annotations

import pytest
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
)

from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.kafka.producer import TopicAwayError
from consumer.kafka.publisher import Pending, Publisher
from tests.support.fakes.consumer_producer import FakeProducer, Sent

pytestmark = [pytest.mark.timing, pytest.mark.promise("recovers")]


class TestPublisher:
    """Failures have dispositions, and a producer that failed is not trusted again."""

    def setup_method(self) -> None:
        """Connect to producers that acknowledge, one after the other."""
        self.producers = [FakeProducer() for _ in range(3)]
        self.first, self.second, _ = self.producers
        self.coming = iter(self.producers)
        self.connect_errors: list[KafkaError] = []
        self.publisher = Publisher(self.connect)

    def connect(self) -> FakeProducer:
        """Make the next producer or fail."""
        if self.connect_errors:
            raise self.connect_errors.pop()
        return next(self.coming)

    def publish(self) -> Pending:
        """Publish one record."""
        return self.publisher.publish("t", b"k", b"v", [("h", b"1")])

    def sent(self) -> list[int]:
        """Return how many records each producer was given."""
        return [len(producer.sent) for producer in self.producers]

    def test_a_record_is_sent_as_it_is_and_waited_for(self) -> None:
        """Topic, key, value and headers reach the producer, which is hurried by the wait."""
        self.publish().wait(2)
        assert self.first.acknowledged == [Sent("t", b"k", b"v", [("h", b"1")])]
        assert (self.first.hurried, self.first.futures[0].waited_s) == (1, [0.25])

    def test_what_is_acknowledged_hurries_nobody(self) -> None:
        """Of a batch that came back as a whole only the first wait was one."""
        pending = self.publish()
        self.first.futures[0].done = True
        pending.wait(2)
        assert (self.first.hurried, self.first.futures[0].waited_s) == (0, [])

    @pytest.mark.parametrize(
        ("away", "seconds", "error", "looks"),
        [(set(), 0.6, "not acknowledged", [0.25, 0.25, 0.1]), ({"t"}, 60, "topic t", [0.25])],
    )
    def test_a_wait_takes_the_time_that_it_may(
        self, away: set[str], seconds: float, error: str, looks: list[float]
    ) -> None:
        """And not a look more; a topic that goes is not waited for, others wait behind it."""
        pending = self.publish()
        (future,) = self.first.futures
        future.silent, self.first.away = True, away
        with pytest.raises(SinkBackpressureError, match=error):
            pending.wait(seconds)
        assert [round(waited, 2) for waited in future.waited_s] == looks

    @pytest.mark.parametrize(
        ("where", "error", "disposition", "kept"),
        [
            ("refusing", KafkaTimeoutError("late"), SinkBackpressureError, False),
            ("refusing", NotEnoughReplicasError(), SinkBackpressureError, False),
            ("failing", KafkaTimeoutError("late"), SinkBackpressureError, False),
            ("failing", NotEnoughReplicasError(), SinkBackpressureError, False),
            # what it has in hand for other topics must not be dropped with it
            ("refusing", TopicAwayError("no such topic"), SinkBackpressureError, True),
            # too large to be sent: nothing is wrong with the producer
            ("refusing", MessageSizeTooLargeError("big"), MessageRejected, True),
        ],
    )
    def test_what_fails_has_a_disposition_and_may_cost_the_producer_its_place(
        self, where: str, error: KafkaError, disposition: type[Exception], *, kept: bool
    ) -> None:
        """An outage is unavailability: the next record goes through another producer."""
        setattr(self.first, where, lambda _sent: error)
        with pytest.raises(disposition, match=f"{type(error).__name__}|{error}") as raised:
            self.publish().wait(2)
        assert "topic t" in str(raised.value) or disposition is MessageRejected
        setattr(self.first, where, lambda _sent: None)
        self.publish().wait(2)
        assert self.first.ended == ([] if kept else ["dropped"])
        assert len((self.first if kept else self.second).acknowledged) == 1

    @pytest.mark.parametrize("where", ["refusing", "failing"])
    def test_a_record_that_the_broker_refuses_also_alone_is_refused(self, where: str) -> None:
        """Through another producer it fails again, or is not even sent: it costs no other."""
        self.first.failing = lambda _sent: MessageSizeTooLargeError("limit")
        setattr(self.second, where, lambda _sent: MessageSizeTooLargeError("known"))
        with pytest.raises(MessageRejected, match="known"):
            self.publish().wait(2)
        assert self.sent() == [1, int(where == "failing"), 0]
        if where == "refusing":
            self.second.refusing = lambda _sent: None
            self.publish().wait(2)
            assert self.sent() == [1, 1, 0]

    def test_a_producer_that_cannot_be_replaced_is_unavailability(self) -> None:
        """While Kafka is away each attempt says so; when it is back one succeeds."""
        self.first.failing = lambda _sent: KafkaTimeoutError()
        with pytest.raises(SinkBackpressureError):
            self.publish().wait(2)
        self.connect_errors = [KafkaTimeoutError("no broker")]
        with pytest.raises(SinkBackpressureError, match="no broker"):
            self.publish()
        self.publish().wait(2)
        assert [producer.ended for producer in self.producers] == [["dropped"], [], []]

    @pytest.mark.parametrize(("wedged", "ended"), [(False, "closed"), (True, "dropped")])
    def test_closing_waits_for_what_is_pending_and_not_for_good(
        self, ended: str, *, wedged: bool
    ) -> None:
        """What stays pending does not hold up the end of the process."""
        self.first.wedged = wedged
        self.publisher.close(1)
        assert self.first.ended == [ended]

    def test_closing_without_a_producer_is_nothing(self) -> None:
        """Between two producers there is nothing to close."""
        self.first.failing = lambda _sent: KafkaTimeoutError()
        self.connect_errors = [KafkaTimeoutError()]
        for _ in range(2):
            with pytest.raises(SinkBackpressureError):
                self.publish().wait(2)
        self.publisher.close(1)
        assert self.first.ended == ["dropped"]
