"""The publisher on Kafka: one producer, acknowledged by all in-sync replicas."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from app.kafka.in_flight import InFlight, Slot
from app.kafka.producer_supervisor import Producer, ProducerSupervisor
from app.kafka.publisher import Acknowledged, Record
from app.metrics import ACKNOWLEDGED, FAILED, NEVER_SENT
from app.problems import DeliveryUnknown, KafkaUnavailable, Problem, TooLarge, Unavailable
from app.settings import SERVICE, IngestSettings
from common.kafka_clients import AbortableProducer, NeverSentError, create_or_close
from common.kafka_reasons import BrokerTroubles
from common.logs import get_logger
from common.topic_limits import producer_sizes, record_limits

_BOOTSTRAP_MS = 5_000
_LATE = 4  # deadlines: the wait itself, the grace of a producer in retirement, and its end

# Told what became of a record, and how many seconds after it was handed to Kafka's client.
OnDelivery = Callable[[str, float], None]


# Returns a future's value or raises its error; KafkaTimeoutError after that many seconds.
Wait = Callable[[Any, float], Any]


def block(future: Any, seconds: float) -> Any:  # noqa: ANN401  no types there
    """Wait with the whole thread."""
    return future.get(timeout=seconds)


def ignore_delivery(_outcome: str, _seconds: float) -> None:
    """Count nothing."""


def producer_options(settings: IngestSettings) -> dict[str, Any]:
    """Keyword arguments of kafka.KafkaProducer that the promises of this service rest on."""
    deadline_ms = settings.publish_timeout_ms
    # Longer than any caller waits: whoever gives up first can still say whether it was sent.
    delivery_ms = deadline_ms * 6 // 5
    return {
        **settings.kafka.client_options(),
        "client_id": SERVICE,
        "acks": "all",
        "enable_idempotence": True,
        "max_block_ms": deadline_ms,
        "delivery_timeout_ms": delivery_ms,
        "request_timeout_ms": deadline_ms * 9 // 10,
        "bootstrap_timeout_ms": _BOOTSTRAP_MS,
        "reconnect_backoff_max_ms": 1_000,
        "retry_backoff_ms": 50,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


class KafkaPublisher:
    """Publishes through the producer of one connection."""

    def __init__(  # noqa: PLR0913  what it sends with, by which clock, and who is told
        self,
        topic: str,
        deadline_s: float,
        in_flight: InFlight,
        supervisor: ProducerSupervisor,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        on_delivery: OnDelivery = ignore_delivery,
        wait: Wait = block,
    ) -> None:
        """Prepare; nothing is connected before `start`."""
        self._topic = topic
        self._deadline_s = deadline_s
        self._in_flight = in_flight
        self.supervisor = supervisor
        self._monotonic = monotonic
        self._on_delivery = on_delivery
        self._wait_for = wait

    def start(self, patience_s: float) -> None:
        """Begin to connect; return once connected, or after `patience_s` seconds."""
        self.supervisor.start(patience_s)

    def not_ready(self) -> tuple[str, ...]:
        """Return why records cannot be taken just now; empty when they can."""
        waited = self._in_flight.oldest_s()
        stuck = waited > self._deadline_s * _LATE
        why = (f"records: one has waited {waited:.0f} s for its acknowledgement",) if stuck else ()
        return self.supervisor.not_ready() + why

    def stuck_s(self) -> float:
        """Return how many seconds this process has failed to come to terms with a record.

        Every record ends within a few deadlines, whatever Kafka does: its producer fails it. Only
        a producer that is itself broken, which cannot be dropped either, lets one wait longer.
        """
        return max(self._in_flight.oldest_s() - self._deadline_s * _LATE, 0)

    def oldest_s(self) -> float:
        """Return how many seconds the oldest record has waited, 0 when none waits."""
        return self._in_flight.oldest_s()

    def pending(self) -> tuple[int, int]:
        """Return how many records, and bytes of them, wait for their acknowledgement."""
        return self._in_flight.pending_records, self._in_flight.pending_bytes

    def publish(self, record: Record) -> Acknowledged:
        """Return once all in-sync replicas have the record, within the publish deadline."""
        deadline = self._monotonic() + self._deadline_s
        producer = self._current_producer()
        future = self._send(producer, record, self._in_flight.acquire(record.size))
        try:
            metadata = self._wait(producer, future, deadline)
        except KafkaError as error:
            raise self._disposition(producer, problem_of(error), error) from _without_frames(error)
        return Acknowledged(metadata.topic, metadata.partition, metadata.offset)

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight, then stop the producer; within `timeout_s` seconds."""
        deadline = self._monotonic() + timeout_s
        drained = self._in_flight.wait_until_empty(timeout_s)
        self.supervisor.close(max(deadline - self._monotonic(), 0))
        get_logger().info("publisher closed", drained=drained)

    def _current_producer(self) -> Producer:
        producer = self.supervisor.producer
        if producer is not None and not producer.is_alive:
            self.supervisor.replace(producer, "the sender thread has ended")
            producer = None
        if producer is None:
            raise KafkaUnavailable("Kafka cannot be written to at present.")
        return producer

    def _wait(self, producer: Producer, future: Any, deadline: float) -> Any:  # noqa: ANN401  no types there
        """Return the metadata; what was not sent by the deadline never will be."""
        try:
            return self._wait_for(future, max(deadline - self._monotonic(), 0))
        except KafkaTimeoutError:
            producer.abort_unsent()
            return future.get(timeout=0)

    def _send(self, producer: Producer, record: Record, slot: Slot) -> Any:  # noqa: ANN401  no types there
        try:
            future = producer.send(
                self._topic, value=record.value, key=record.key, headers=list(record.headers)
            )
        except BaseException as error:
            self._in_flight.release(slot)
            if isinstance(error, (KafkaError, ValueError)):
                raise self._disposition(producer, problem_of_send(error), error) from error
            raise
        # the record keeps its place also after its request has given up: it is still in memory
        return future.add_both(
            lambda end: self._on_delivery(_outcome(end), self._in_flight.release(slot))
        )

    def _disposition(self, producer: Producer, outcome: Problem, error: Exception) -> Problem:
        if isinstance(outcome, Unavailable):
            self.supervisor.replace(producer, error)
        return outcome


def _without_frames(error: Exception) -> Exception:
    """Return a future's error without the frames that raised it.

    They hold the future, which holds the error: with them, the record would stay until the garbage
    collector runs, which counts objects and no bytes.
    """
    error.__traceback__ = error.__context__ = None
    return error


def _outcome(end: object) -> str:
    if isinstance(end, NeverSentError):
        return NEVER_SENT
    return FAILED if isinstance(end, Exception) else ACKNOWLEDGED


def problem_of_send(error: Exception) -> Problem:
    """Return the problem for an error of `send` itself: nothing left this process."""
    if isinstance(error, MessageSizeTooLargeError):
        return TooLarge("The record is larger than the topic takes.")
    return KafkaUnavailable(f"Kafka cannot be written to: {type(error).__name__}.")


def problem_of(error: KafkaError) -> Problem:
    """Return the problem for an error of a record that was handed to the sender.

    An error of one record becomes the error of all that kafka-python's idempotent producer has in
    hand, delivered or not, and of all that come later: it does not say which record it is about.
    """
    if isinstance(error, TopicAuthorizationFailedError):
        return KafkaUnavailable("The topic may not be written to.")
    if isinstance(error, NeverSentError):
        return Unavailable("The record could not be sent to Kafka in time.", "none")
    if isinstance(error, KafkaTimeoutError):
        return DeliveryUnknown("Kafka did not acknowledge the record in time.")
    return DeliveryUnknown(f"Kafka failed: {type(error).__name__}.")


def open_producer(settings: IngestSettings, troubles: BrokerTroubles) -> Producer:
    """Connect a producer that knows the topic's limit; raise KafkaError that says why not.

    What the broker itself refuses as too large is the end of an idempotent producer: kafka-python
    takes it for fatal. A record over the limit must not get that far.
    """
    asking = {**settings.kafka.client_options(), "bootstrap_timeout_ms": _BOOTSTRAP_MS}
    limits = record_limits([settings.kafka.topic_bid_requests], asking, troubles)
    options = {**producer_options(settings), **producer_sizes(limits.values())}
    producer: Producer = create_or_close(AbortableProducer, options, troubles)
    return producer


def connect(
    settings: IngestSettings,
    in_flight: InFlight,
    wait: Wait = block,
    on_delivery: OnDelivery = ignore_delivery,
) -> KafkaPublisher:
    """Build the publisher of this service; nothing is connected before `start`."""
    topic, deadline_s = settings.kafka.topic_bid_requests, settings.publish_timeout_ms / 1000
    troubles = BrokerTroubles()
    return KafkaPublisher(
        topic,
        deadline_s,
        in_flight,
        ProducerSupervisor(lambda: open_producer(settings, troubles), topic, deadline_s, troubles),
        on_delivery=on_delivery,
        wait=wait,
    )
