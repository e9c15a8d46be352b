"""The connection: one working producer, or the reason why there is none."""

from __future__ import annotations

import threading

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from common.kafka_reasons import BrokerTroubles
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

    @pytest.mark.parametrize(
        ("error", "away", "why"),
        [
            (KafkaTimeoutError("x"), (), "topic bid_requests: it does not exist, or has no leader"),
            (KafkaTimeoutError("x"), ("a:1",), "a:1: connection refused"),
            (TopicAuthorizationFailedError({"t"}), ("a:1",), "a right is missing on the topic t"),
        ],
    )
    def test_a_topic_that_is_not_seen_has_one_of_three_causes(
        self, connections: Connections, error: Exception, away: tuple[str, ...], why: str
    ) -> None:
        """It is missing, no broker is reached, or a right is missing."""
        troubles = BrokerTroubles()
        for broker in away:
            troubles.note_failed(broker, "connection refused")
        producer = FakeProducer()
        producer.topic_missing = error
        connection = connections.make(lambda: producer, troubles=troubles)
        connection.start(patience_s=0)
        eventually(lambda: why in connection.not_ready()[0], why)

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

    def test_it_goes_on_after_an_error_that_nobody_expected(self, connections: Connections) -> None:
        """It is logged with its traceback: without this thread nothing would connect any more."""
        failures = [ZeroDivisionError("a defect"), KafkaTimeoutError("nobody there")]

        def connect_at_third_attempt() -> FakeProducer:
            if failures:
                raise failures.pop(0)
            return FakeProducer()

        connection = connections.make(connect_at_third_attempt)
        with capture_logs() as logged:
            connection.start(patience_s=5)
        assert connection.not_ready() == ()
        assert [line["event"] for line in logged if line.get("exc_info")] == ["unexpected"]

    def test_a_producer_that_meets_one_is_dropped(self, connections: Connections) -> None:
        """It leaves no thread behind."""
        defect, well = FakeProducer(), FakeProducer()
        defect.topic_missing = ZeroDivisionError("a defect")
        producers = iter([defect, well])
        connection = connections.make(lambda: next(producers))
        connection.start(patience_s=5)
        assert connection.producer is well
        assert defect.dropped

    def test_what_lasts_is_a_line_and_its_end_another(self, connections: Connections) -> None:
        """Twice a second it tries, and says so once."""
        failures = [KafkaTimeoutError("away")] * 3

        def connect_at_fourth_attempt() -> FakeProducer:
            if failures:
                raise failures.pop()
            return FakeProducer()

        with capture_logs() as logged:
            connections.make(connect_at_fourth_attempt).start(patience_s=10)
        told = [(line["event"], line["times"]) for line in logged if "times" in line]
        assert told == [("not ready", 1), ("ready again", 3)]


class TestDistrust:
    """A producer that did not deliver is replaced."""

    def test_another_takes_its_place(self, connections: Connections) -> None:
        """The next one is connected in the background and the old one dropped."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second)
        connection.replace(first, "silence")
        eventually(lambda: connection.producer is second, "the second producer")
        eventually(lambda: first.dropped, "the first producer to be dropped")

    def test_what_it_has_in_flight_gets_its_grace(self, connections: Connections) -> None:
        """Records that were sent just before may still be acknowledged."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second, grace_s=60)
        connection.replace(first, "silence")
        eventually(lambda: connection.producer is second, "the second producer")
        assert not first.dropped

    def test_many_complaints_about_one_producer_replace_one(self, connections: Connections) -> None:
        """A burst of time-outs costs a single reconnection."""
        first, second = FakeProducer(), FakeProducer()
        connection = connections.connected(first, second)
        threads = [
            threading.Thread(target=connection.replace, args=(first, "silence")) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually(lambda: connection.producer is second, "the second producer")
        connection.replace(first, "late")
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
