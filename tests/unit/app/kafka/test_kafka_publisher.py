"""The publisher: acknowledged by all in-sync replicas, or explicitly not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from app.kafka.in_flight import InFlight
from app.kafka.kafka_publisher import KafkaPublisher, connect, producer_options
from app.kafka.publisher import Acknowledged, Record
from app.problems import (
    DeliveryUnknown,
    KafkaUnavailable,
    Overloaded,
    Problem,
    TooLarge,
    Unavailable,
)
from app.settings import load_settings
from tests.support.connections import Connections
from tests.support.fakes.producer import FakeProducer
from tests.support.garbage import kept_by_cycles

pytestmark = [pytest.mark.promise("acknowledged"), pytest.mark.timing]

RECORD = Record(b"1", b'{"id":"1"}', (("received-at", b"0"),))


class Publishing:
    """A publisher that is connected to one producer, and would not be so a second time."""

    def __init__(self, connections: Connections) -> None:
        self.now = 100.0
        self.ends: list[tuple[str, float]] = []
        self.in_flight = InFlight(1, 1000, monotonic=lambda: self.now)
        self._connections = connections

    def on(
        self,
        producer: FakeProducer,
        grace_s: float = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> KafkaPublisher:
        """Return the publisher."""
        supervisor = self._connections.connected(producer, grace_s=grace_s)
        return KafkaPublisher(
            "bid_requests",
            1.0,
            self.in_flight,
            supervisor,
            monotonic,
            on_delivery=lambda *end: self.ends.append(end),
        )


@pytest.fixture
def publishing(connections: Connections) -> Publishing:
    """Return what connects a publisher."""
    return Publishing(connections)


def refused(publisher: KafkaPublisher) -> Problem:
    """Return why a record is not acknowledged."""
    with pytest.raises(Problem) as raised:
        publisher.publish(RECORD)
    return raised.value


class TestOptions:
    """What the promises rest on."""

    def test_acknowledged_by_all_replicas_once_on_the_topic_that_is_there(self) -> None:
        """Each is explicit, so that a conflict is an error, and known to kafka-python."""
        options = producer_options(load_settings({}))
        assert (options["acks"], options["enable_idempotence"]) == ("all", True)
        assert options["allow_auto_create_topics"] is False
        assert set(options) <= set(KafkaProducer.DEFAULT_CONFIG)

    def test_every_wait_ends_at_the_publish_deadline(self) -> None:
        """Metadata and each request fit into INGEST_PUBLISH_TIMEOUT_MS; delivery ends soon after.

        The caller gives up before the producer does: it can then still take back what is queued.
        """
        options = producer_options(load_settings({"INGEST_PUBLISH_TIMEOUT_MS": "500"}))
        assert options["max_block_ms"] == 500
        assert options["request_timeout_ms"] < 500 < options["delivery_timeout_ms"] <= 600


def test_an_acknowledged_record_has_a_place(publishing: Publishing) -> None:
    """The answer says topic, partition and offset; key, value and headers went unchanged."""
    producer = FakeProducer()
    assert publishing.on(producer).publish(RECORD) == Acknowledged("bid_requests", 0, 0)
    assert producer.sent == [(RECORD.key, RECORD.value, list(RECORD.headers))]
    assert publishing.ends == [("acknowledged", 0.0)]
    assert publishing.in_flight.pending_records == 0


UNKNOWN = DeliveryUnknown
# what the producer does, and the problem, with its delivery and what is counted, that comes of it
FAILURES: dict[str, tuple[dict[str, Any], type[Problem], str | None, str | None]] = {
    "not sent in time": ({"outcome": None, "queued": True}, Unavailable, "none", "never-sent"),
    "silence": ({"outcome": None}, UNKNOWN, "unknown", None),
    "time-out": ({"outcome": KafkaTimeoutError()}, UNKNOWN, "unknown", "failed"),
    "lost connection": ({"outcome": KafkaConnectionError()}, UNKNOWN, "unknown", "failed"),
    "replicas": ({"outcome": NotEnoughReplicasAfterAppendError()}, UNKNOWN, "unknown", "failed"),
    # kafka-python fails all records with one's error: whose it is stays open
    "broker's limit": ({"outcome": MessageSizeTooLargeError()}, UNKNOWN, "unknown", "failed"),
    "broker's other": ({"outcome": RecordListTooLargeError()}, UNKNOWN, "unknown", "failed"),
    "right": ({"outcome": TopicAuthorizationFailedError()}, KafkaUnavailable, "none", "failed"),
    "no metadata": ({"raises": KafkaTimeoutError()}, KafkaUnavailable, "none", None),
    "no topic": ({"raises": ValueError("no topic")}, KafkaUnavailable, "none", None),
    "own limit": ({"raises": MessageSizeTooLargeError()}, TooLarge, None, None),
    "dead sender": ({"is_alive": False}, KafkaUnavailable, "none", None),
}


@pytest.mark.parametrize(
    ("does", "problem", "delivery", "counted"), FAILURES.values(), ids=FAILURES
)
def test_what_is_not_acknowledged_says_whether_it_may_turn_up(
    publishing: Publishing,
    does: dict[str, Any],
    problem: type[Problem],
    delivery: str | None,
    counted: str | None,
) -> None:
    """Each end is counted once, and but for its own size a producer that failed is not asked again.

    Only the first request waits; readiness says what happened.
    """
    producer = FakeProducer(**does)
    publisher = publishing.on(producer, grace_s=60)
    first = refused(publisher)
    assert (type(first), getattr(first, "delivery", None)) == (problem, delivery)
    assert publishing.ends == [(counted, 0.0)] * bool(counted)
    is_replaced, handed_over = problem is not TooLarge, len(producer.sent)
    assert [why[:7] for why in publisher.not_ready()] == ["kafka: "] * is_replaced
    assert isinstance(refused(publisher), KafkaUnavailable if is_replaced else TooLarge)
    assert len(producer.sent) == handed_over == ("outcome" in does)
    # silence alone leaves the record where it is
    assert publishing.in_flight.pending_records == (does == {"outcome": None})


def test_waits_no_longer_than_the_deadline(publishing: Publishing) -> None:
    """The wait for the acknowledgement is what is left of the publish deadline."""
    producer = FakeProducer()
    publishing.on(producer, monotonic=iter([5.0, 5.25]).__next__).publish(RECORD)
    assert producer.futures[0].waited_s == 0.75


def test_before_it_is_connected_nothing_is_sent(connections: Connections) -> None:
    """Without a connection the refusal comes at once; the composition root connects nothing."""
    supervisor = connections.make(FakeProducer)
    problem = refused(KafkaPublisher("t", 1.0, InFlight(1, 1), supervisor))
    assert (type(problem), getattr(problem, "delivery", None)) == (KafkaUnavailable, "none")
    assert connect(load_settings({}), InFlight(1, 1)).not_ready() == ("kafka: not connected yet",)


def test_an_error_that_nobody_expected_frees_the_place(publishing: Publishing) -> None:
    """Whatever `send` raises goes on, and the record does not count."""
    with pytest.raises(RuntimeError, match="bug"):
        publishing.on(FakeProducer(raises=RuntimeError("bug"))).publish(RECORD)
    assert publishing.in_flight.pending_records == 0


@pytest.mark.promise("bounded")
def test_a_record_counts_until_kafka_is_done_with_it(publishing: Publishing) -> None:
    """One whose request gave up holds its place, ages, and is counted as what it ends as."""
    producer = FakeProducer(outcome=None)
    publisher = publishing.on(producer, grace_s=60)
    assert isinstance(refused(publisher), DeliveryUnknown)
    assert (publishing.ends, publisher.pending()) == ([], (1, RECORD.size))
    assert isinstance(refused(publishing.on(FakeProducer())), Overloaded)
    publishing.now += 3
    assert publisher.oldest_s() == 3
    producer.acknowledge(producer.futures[0])
    assert publishing.ends == [("acknowledged", 3.0)]
    assert (publisher.oldest_s(), publisher.pending()) == (0, (0, 0))


@pytest.mark.promise("drains")
class TestClose:
    """One deadline for all of it."""

    def test_it_closes_the_producer_within_the_deadline(self, publishing: Publishing) -> None:
        """The producer gets what is left of the time; afterwards nothing is taken."""
        producer, clock = FakeProducer(), iter([5.0, 5.5, 6.0])
        publisher = publishing.on(producer, monotonic=clock.__next__)
        publisher.close(2.0)
        assert producer.closed_within_s == 1.5
        assert isinstance(refused(publisher), KafkaUnavailable)

    def test_records_in_flight_do_not_hold_it_up_for_ever(self, publishing: Publishing) -> None:
        """A record that is never acknowledged costs the deadline and no more."""
        producer = FakeProducer(outcome=None)
        publishing.in_flight.acquire(1)
        publishing.on(producer).close(0.05)
        assert publishing.in_flight.pending_records == 1
        assert producer.closed_within_s == 0


@pytest.mark.promise("bounded")
@pytest.mark.parametrize("queued", [True, False])
@pytest.mark.parametrize("error", [None, NotEnoughReplicasAfterAppendError])
def test_what_failed_is_let_go_of_at_once(
    publishing: Publishing, error: type[Exception] | None, *, queued: bool
) -> None:
    """With Kafka away for long, records wait for their end, and never for the collector."""
    producer = FakeProducer(error() if error else None, queued=queued)
    publisher = publishing.on(producer)
    with kept_by_cycles() as kept:
        try:
            publisher.publish(RECORD)
        except Unavailable as problem:
            problem.__traceback__ = None  # as whoever answers does
        producer.futures.clear()
        producer.outcome = None
    assert kept == []
