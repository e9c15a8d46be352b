"""The connection: one working producer, or the reason why there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from common.kafka_reasons import BrokerTroubles
from tests.support.connections import Connections, away
from tests.support.fakes.producer import FakeProducer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.promise("recovers"), pytest.mark.timing]

AWAY, DEFECT = KafkaTimeoutError("away"), ZeroDivisionError("a defect")


def in_turn(*attempts: FakeProducer | Exception) -> Callable[[], FakeProducer]:
    """Return what connects, or fails to, as these say one after the other."""
    rest = iter(attempts)

    def connect() -> FakeProducer:
        attempt = next(rest)
        if isinstance(attempt, Exception):
            raise attempt
        return attempt

    return connect


class TestConnecting:
    """Kafka may come later than this service."""

    def test_starting_waits_for_the_connection(self, connections: Connections) -> None:
        """Nothing happens before; a worker that has started can take its first request."""
        producer = FakeProducer()
        supervisor = connections.make(lambda: producer)
        assert supervisor.not_ready() == ("kafka: not connected yet",)
        supervisor.start(patience_s=5)
        assert supervisor.producer is producer
        assert supervisor.not_ready() == ()
        assert not producer.blocks

    def test_starting_waits_no_longer_than_its_patience(self, connections: Connections) -> None:
        """With Kafka away a worker starts all the same."""
        supervisor = connections.make(away)
        supervisor.start(patience_s=0.01)
        eventually(lambda: supervisor.not_ready() != ("kafka: not connected yet",), "a reason")
        assert supervisor.not_ready() == ("kafka: KafkaTimeoutError: away",)

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
        """It is missing, no broker is reached, or a right is missing; once it is there, it is used.

        Readiness says which.
        """
        troubles = BrokerTroubles()
        for broker in away:
            troubles.note_failed(broker, "connection refused")
        producer = FakeProducer(topic_missing=error)
        supervisor = connections.make(lambda: producer, troubles=troubles)
        supervisor.start(patience_s=0)
        eventually(lambda: why in supervisor.not_ready()[0], why)
        producer.topic_missing = None
        eventually(lambda: supervisor.producer is producer, "the producer")

    @pytest.mark.parametrize(
        ("failures", "told", "unexpected"),
        [
            ([AWAY] * 3, [("not ready", 1), ("ready again", 3)], 0),
            ([DEFECT, AWAY], [("not ready", 1), ("not ready", 2), ("ready again", 2)], 1),
        ],
        ids=["what lasts is a line, and its end another", "without its thread nothing would come"],
    )
    def test_it_goes_on_trying(
        self,
        connections: Connections,
        failures: list[Exception],
        told: list[tuple[str, int]],
        unexpected: int,
    ) -> None:
        """After errors of Kafka's, said once, and after one that nobody expected, said in full."""
        supervisor = connections.make(in_turn(*failures, FakeProducer()))
        with capture_logs() as logged:
            supervisor.start(patience_s=10)
        assert supervisor.not_ready() == ()
        assert [(line["event"], line["times"]) for line in logged if "times" in line] == told
        found = [line["event"] for line in logged if line.get("exc_info")]
        assert found == ["unexpected"] * unexpected

    def test_a_producer_that_meets_a_defect_is_dropped(self, connections: Connections) -> None:
        """It leaves no thread behind."""
        broken, well = FakeProducer(topic_missing=DEFECT), FakeProducer()
        supervisor = connections.make(in_turn(broken, well))
        supervisor.start(patience_s=5)
        assert supervisor.producer is well
        assert broken.dropped


class TestReplacing:
    """A producer that did not deliver is not used again."""

    @pytest.mark.parametrize("grace_s", [0, 60])
    def test_many_complaints_about_one_producer_replace_one(
        self, connections: Connections, grace_s: float
    ) -> None:
        """A burst of time-outs costs one reconnection, and drops one producer after its grace.

        Records that were sent just before may still be acknowledged.
        """
        first, second = FakeProducer(), FakeProducer()
        supervisor = connections.connected(first, second, grace_s=grace_s)
        complaint = (first, "silence")
        threads = [threading.Thread(target=supervisor.replace, args=complaint) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually(lambda: supervisor.producer is second, "the second producer")
        supervisor.replace(first, "late")
        assert supervisor.producer is second
        if grace_s:
            assert not first.dropped
        else:
            eventually(lambda: first.dropped, "the first producer to be dropped")


@pytest.mark.promise("drains")
class TestClose:
    """The end."""

    def test_the_producer_is_closed_within_the_time(self, connections: Connections) -> None:
        """The time goes on to the producer; afterwards there is none."""
        producer = FakeProducer()
        supervisor = connections.connected(producer)
        supervisor.close(2.0)
        assert producer.closed_within_s == 2.0
        assert supervisor.not_ready() == ("shutting down",)

    def test_a_producer_that_will_not_close_is_dropped(self, connections: Connections) -> None:
        """kafka-python raises when brokers are away; closing ends all the same."""
        producer = FakeProducer(close_raises=KafkaTimeoutError("flush"))
        connections.connected(producer).close(0.05)
        assert producer.dropped

    def test_closing_ends_the_attempts(self, connections: Connections) -> None:
        """After closing nothing connects any more, and the reason stays."""
        supervisor = connections.make(away)
        supervisor.start(patience_s=0)
        supervisor.close(1.0)
        eventually(
            lambda: "kafka-connect" not in {t.name for t in threading.enumerate()}, "the thread"
        )
        assert supervisor.not_ready() == ("shutting down",)

    def test_a_producer_that_comes_too_late_is_dropped(self, connections: Connections) -> None:
        """Closing while an attempt is under way leaves no producer behind."""
        entered, leave = threading.Event(), threading.Event()
        late = FakeProducer()

        def connect_slowly() -> FakeProducer:
            entered.set()
            leave.wait(5)
            return late

        supervisor = connections.make(connect_slowly)
        supervisor.start(patience_s=0)
        entered.wait(5)
        supervisor.close(1.0)
        leave.set()
        eventually(lambda: late.dropped, "the late producer to be dropped")
        assert supervisor.producer is None
