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

from app.kafka.in_flight import Admission, Ticket
from app.kafka.producer_supervisor import Connection, Producer
from app.kafka.publisher import Acknowledged, Record
from app.metrics import ACKNOWLEDGED, FAILED, NEVER_SENT
from app.problems import Indeterminate, Refusal, TooLarge, TopicUnavailable, Unavailable
from app.settings import SERVICE, IngestSettings
from common.kafka_clients import DroppableProducer, NeverSentError, opened
from common.kafka_reasons import BrokerTroubles
from common.logs import get_logger
from common.topic_limits import producer_sizes, record_limits

_BOOTSTRAP_MS = 5_000
_LATE = 4  # deadlines: the wait itself, the grace of a producer in retirement, and its end

# Told what became of a record, and how many seconds after it was handed to Kafka's client.
NoteEnd = Callable[[str, float], None]


# Returns a future's value or raises its error; KafkaTimeoutError after that many seconds.
Wait = Callable[[Any, float], Any]


def block(future: Any, seconds: float) -> Any:  # noqa: ANN401  no types there
    """Wait with the whole thread."""
    return future.get(timeout=seconds)


def _unnoted(_outcome: str, _seconds: float) -> None:
    pass


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
        admission: Admission,
        connection: Connection,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        note_end: NoteEnd = _unnoted,
        wait: Wait = block,
    ) -> None:
        """Prepare; nothing is connected before `start`."""
        self._topic = topic
        self._deadline_s = deadline_s
        self._admission = admission
        self.connection = connection
        self._monotonic = monotonic
        self._note_end = note_end
        self._wait_for = wait

    def start(self, patience_s: float) -> None:
        """Begin to connect; return once connected, or after `patience_s` seconds."""
        self.connection.start(patience_s)

    def not_ready(self) -> tuple[str, ...]:
        """Return why records cannot be taken just now; empty when they can."""
        waited = self._admission.oldest_s()
        stuck = waited > self._deadline_s * _LATE
        why = (f"records: one has waited {waited:.0f} s for its acknowledgement",) if stuck else ()
        return self.connection.not_ready() + why

    def stuck_s(self) -> float:
        """Return how many seconds this process has failed to come to terms with a record.

        Every record ends within a few deadlines, whatever Kafka does: its producer fails it. Only
        a producer that is itself broken, which cannot be dropped either, lets one wait longer.
        """
        return max(self._admission.oldest_s() - self._deadline_s * _LATE, 0)

    def oldest_s(self) -> float:
        """Return how many seconds the oldest record has waited, 0 when none waits."""
        return self._admission.oldest_s()

    def pending(self) -> tuple[int, int]:
        """Return how many records, and bytes of them, wait for their acknowledgement."""
        return self._admission.pending_records, self._admission.pending_bytes

    def publish(self, record: Record) -> Acknowledged:
        """Return once all in-sync replicas have the record, within the publish deadline."""
        deadline = self._monotonic() + self._deadline_s
        producer = self._sending_producer()
        future = self._send(producer, record, self._admission.enter(record.size))
        try:
            metadata = self._wait(producer, future, deadline)
        except KafkaError as error:
            raise self._disposition(producer, refusal(error), error) from _let_go(error)
        return Acknowledged(metadata.topic, metadata.partition, metadata.offset)

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight, then stop the producer; within `timeout_s` seconds."""
        deadline = self._monotonic() + timeout_s
        drained = self._admission.wait_until_empty(timeout_s)
        self.connection.close(max(deadline - self._monotonic(), 0))
        get_logger().info("publisher closed", drained=drained)

    def _sending_producer(self) -> Producer:
        producer = self.connection.producer
        if producer is not None and not producer.sends:
            self.connection.distrust(producer, "the sender thread has ended")
            producer = None
        if producer is None:
            raise TopicUnavailable("Kafka cannot be written to at present.")
        return producer

    def _wait(self, producer: Producer, future: Any, deadline: float) -> Any:  # noqa: ANN401  no types there
        """Return the metadata; what was not sent by the deadline never will be."""
        try:
            return self._wait_for(future, max(deadline - self._monotonic(), 0))
        except KafkaTimeoutError:
            producer.take_back()
            return future.get(timeout=0)

    def _send(self, producer: Producer, record: Record, ticket: Ticket) -> Any:  # noqa: ANN401  no types there
        try:
            future = producer.send(
                self._topic, value=record.value, key=record.key, headers=list(record.headers)
            )
        except BaseException as error:
            self._admission.leave(ticket)
            if isinstance(error, (KafkaError, ValueError)):
                raise self._disposition(producer, unsent(error), error) from error
            raise
        # the record keeps its place also after its request has given up: it is still in memory
        return future.add_both(
            lambda end: self._note_end(_outcome(end), self._admission.leave(ticket))
        )

    def _disposition(self, producer: Producer, outcome: Refusal, error: Exception) -> Refusal:
        if isinstance(outcome, Unavailable):
            self.connection.distrust(producer, error)
        return outcome


def _let_go(error: Exception) -> Exception:
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


def unsent(error: Exception) -> Refusal:
    """Return the refusal for an error of `send` itself: nothing left this process."""
    if isinstance(error, MessageSizeTooLargeError):
        return TooLarge("The record is larger than the topic takes.")
    return TopicUnavailable(f"Kafka cannot be written to: {type(error).__name__}.")


def refusal(error: KafkaError) -> Refusal:
    """Return the refusal for an error of a record that was handed to the sender.

    An error of one record becomes the error of all that kafka-python's idempotent producer has in
    hand, delivered or not, and of all that come later: it does not say which record it is about.
    """
    if isinstance(error, TopicAuthorizationFailedError):
        return TopicUnavailable("The topic may not be written to.")
    if isinstance(error, NeverSentError):
        return Unavailable("The record could not be sent to Kafka in time.", "none")
    if isinstance(error, KafkaTimeoutError):
        return Indeterminate("Kafka did not acknowledge the record in time.")
    return Indeterminate(f"Kafka failed: {type(error).__name__}.")


def open_producer(settings: IngestSettings, troubles: BrokerTroubles) -> Producer:
    """Connect a producer that knows the topic's limit; raise KafkaError that says why not.

    What the broker itself refuses as too large is the end of an idempotent producer: kafka-python
    takes it for fatal. A record over the limit must not get that far.
    """
    asking = {**settings.kafka.client_options(), "bootstrap_timeout_ms": _BOOTSTRAP_MS}
    limits = record_limits([settings.kafka.topic_bid_requests], asking, troubles)
    options = {**producer_options(settings), **producer_sizes(limits.values())}
    producer: Producer = opened(DroppableProducer, options, troubles)
    return producer


def connect(
    settings: IngestSettings, gate: Admission, wait: Wait = block, note_end: NoteEnd = _unnoted
) -> KafkaPublisher:
    """Build the publisher of this service; nothing is connected before `start`."""
    topic, deadline_s = settings.kafka.topic_bid_requests, settings.publish_timeout_ms / 1000
    troubles = BrokerTroubles()
    return KafkaPublisher(
        topic,
        deadline_s,
        gate,
        Connection(lambda: open_producer(settings, troubles), topic, deadline_s, troubles),
        note_end=note_end,
        wait=wait,
    )
