"""The connection: one working producer, or the reason why there is none."""

from __future__ import annotations

import threading

import pytest
from kafka.errors import KafkaTimeoutError

from tests.support.connections import Connections, away
from tests.support.fakes.producer import FakeProducer
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing


class TestConnecting:
    """Kafka may come later than this service."""

    def test_nothing_happens_before_start(self, connections: Connections) -> None:
        """The composition root may build it before the fork."""
        connection = connections.make(FakeProducer)
        assert connection.producer is None
        assert connection.not_ready() == ("kafka: not connected yet",)

    def test_starting_waits_for_the_connection(self, connections: Connections) -> None:
        """A worker that has started can take its first request."""
        assert connections.connected(FakeProducer()).not_ready() == ()

    def test_starting_waits_no_longer_than_its_patience(self, connections: Connections) -> None:
        """With Kafka away a worker starts all the same."""
        connection = connections.make(away)
        connection.start(patience_s=0.01)
        eventually(lambda: connection.not_ready() != ("kafka: not connected yet",), "a reason")
        assert connection.not_ready() == ("kafka: KafkaTimeoutError: away",)

    def test_a_missing_topic_is_named_until_it_is_there(self, connections: Connections) -> None:
        """Readiness says that it is the topic, and goes on when somebody makes it."""
        producer = FakeProducer()
        producer.topic_missing = KafkaTimeoutError("no metadata")
        connection = connections.make(lambda: producer)
        connection.start(patience_s=0)
        eventually(lambda: "topic bid_requests: " in connection.not_ready()[0], "the topic's name")
        producer.topic_missing = None
        eventually(lambda: connection.producer is producer, "the producer")

    def test_it_goes_on_trying(self, connections: Connections) -> None:
        """A first failure to connect is not the last attempt."""
        failures = [KafkaTimeoutError("nobody there")]

        def connect_at_second_attempt() -> FakeProducer:
            if failures:
                raise failures.pop()
            return FakeProducer()

        connection = connections.make(connect_at_second_attempt)
        connection.start(patience_s=5)
        assert connection.not_ready() == ()


class TestDistrust:
    """A producer that did not deliver is replaced."""

    def test_another_takes_its_place(self, connections: Connections) -> None:
        """The next one is connected in the background and the old one dropped."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second)
        connection.distrust(first, "silence")
        eventually(lambda: connection.producer is second, "the second producer")
        eventually(lambda: first.dropped, "the first producer to be dropped")

    def test_what_it_has_in_flight_gets_its_grace(self, connections: Connections) -> None:
        """Records that were sent just before may still be acknowledged."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second, grace_s=60)
        connection.distrust(first, "silence")
        eventually(lambda: connection.producer is second, "the second producer")
        assert not first.dropped

    def test_many_complaints_about_one_producer_replace_one(self, connections: Connections) -> None:
        """A burst of time-outs costs a single reconnection."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second)
        threads = [
            threading.Thread(target=connection.distrust, args=(first, "silence")) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually(lambda: connection.producer is second, "the second producer")
        connection.distrust(first, "late")
        assert connection.producer is second


class TestClose:
    """The end."""

    def test_the_producer_is_closed_within_the_time(self, connections: Connections) -> None:
        """The time goes on to the producer; afterwards there is none."""
        producer = FakeProducer()
        connection = connections.connected(producer)
        connection.close(2.0)
        assert producer.closed_within_s == 2.0
        assert connection.not_ready() == ("shutting down",)

    def test_a_producer_that_will_not_close_is_dropped(self, connections: Connections) -> None:
        """kafka-python raises when brokers are away; closing ends all the same."""
        producer = FakeProducer()
        producer.close_raises = KafkaTimeoutError("flush")
        connections.connected(producer).close(0.05)
        assert producer.dropped

    def test_closing_ends_the_attempts(self, connections: Connections) -> None:
        """After closing nothing connects any more, and the reason stays."""
        connection = connections.make(away)
        connection.start(patience_s=0)
        connection.close(1.0)
        eventually(
            lambda: "kafka-connect" not in {t.name for t in threading.enumerate()}, "the thread"
        )
        assert connection.not_ready() == ("shutting down",)

    def test_a_producer_that_comes_too_late_is_dropped(self, connections: Connections) -> None:
        """Closing while an attempt is under way leaves no producer behind."""
        entered, leave = threading.Event(), threading.Event()
        late = FakeProducer()

        def slow() -> FakeProducer:
            entered.set()
            leave.wait(5)
            return late

        connection = connections.make(slow)
        connection.start(patience_s=0)
        entered.wait(5)
        connection.close(1.0)
        leave.set()
        eventually(lambda: late.dropped, "the late producer to be dropped")
        assert connection.producer is None
