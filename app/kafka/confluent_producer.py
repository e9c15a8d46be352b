"""The other Kafka client, confluent-kafka on librdkafka, in the shape that the publisher uses."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaError as Code
from confluent_kafka import KafkaException, Message, Producer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from app.kafka.confluent_options import producer_options
from app.settings import IngestSettings
from common.threads import GuardedThread
from common.topic_limits import record_limits

_POLL_S = 0.1
_FRAMING_BYTES = 100  # around a record that is a batch of its own; a little more than it takes
# What the publisher tells apart. That a record timed out, or was purged, does not say whether it
# had been sent before: this client does not tell.
_ERRORS: dict[int, type[KafkaError]] = {
    Code.MSG_SIZE_TOO_LARGE: MessageSizeTooLargeError,
    Code.TOPIC_AUTHORIZATION_FAILED: TopicAuthorizationFailedError,
    Code.UNKNOWN_TOPIC_OR_PART: UnknownTopicOrPartitionError,
    Code._MSG_TIMED_OUT: KafkaTimeoutError,  # noqa: SLF001  librdkafka's own codes are named so
    Code._PURGE_QUEUE: KafkaTimeoutError,  # noqa: SLF001  the same
    Code._PURGE_INFLIGHT: KafkaTimeoutError,  # noqa: SLF001  the same
}


class Librdkafka(Protocol):
    """The part of confluent_kafka.Producer that is used here."""

    def produce(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes | None,
        headers: Any,  # noqa: ANN401  pairs of a name and bytes, in a wider type there
        on_delivery: Callable[[Code | None, Message], None],
    ) -> None:
        """Queue a record; raise BufferError or KafkaException."""

    def poll(self, timeout: float) -> int:
        """Call back for what was delivered or failed, waiting for `timeout` seconds at most."""

    def flush(self, timeout: float) -> int:
        """Wait for what is queued; return how many records are left."""

    def purge(self, *, in_queue: bool, in_flight: bool) -> None:
        """Fail what is queued, or what was sent and not acknowledged."""

    def list_topics(self, topic: str, timeout: float) -> Any:  # noqa: ANN401  as it is declared there
        """Ask for a topic's metadata; raise KafkaException."""


@dataclass(frozen=True)
class Place:
    """Where a record was put."""

    topic: str
    partition: int
    offset: int


class Delivery(Future[Place]):
    """The end of a record to come, with the methods that kafka-python's future has."""

    def get(self, timeout: float) -> Place:
        """Return the place or raise KafkaError, KafkaTimeoutError after `timeout` seconds."""
        try:
            return self.result(timeout)
        except TimeoutError as error:
            raise KafkaTimeoutError("no acknowledgement yet") from error

    def add_both(self, told: Callable[[object], object]) -> Delivery:
        """Call `told` once, with the place or the error."""
        self.add_done_callback(lambda end: told(end.exception() or end.result()))
        return self

    def ended(self, error: Code | None, message: Message) -> None:
        """Take what librdkafka reports."""
        if error is not None:
            self.set_exception(_translated(error))
        else:
            place = Place(message.topic() or "", message.partition() or 0, message.offset() or 0)
            self.set_result(place)


class Identity(threading.Event):
    """Set once the brokers have given the producer the id that idempotence needs.

    A broker that has just started takes a while; what is sent before waits for it. Nothing but
    librdkafka's statistics tell.
    """

    def told(self, statistics: str) -> None:
        """Take librdkafka's statistics, as JSON."""
        if not self.is_set() and json.loads(statistics)["eos"]["idemp_state"] == "Assigned":
            self.set()


class ConfluentProducer:
    """confluent_kafka.Producer as an app.kafka.producer_supervisor.Producer."""

    def __init__(
        self, producer: Librdkafka, limit: int, timeout_s: float, identity: threading.Event
    ) -> None:
        """Begin to listen for acknowledgements.

        A record may take `limit` bytes, metadata `timeout_s` seconds.
        """
        self._producer = producer
        self._identity = identity
        self._limit = limit
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._poller = GuardedThread("librdkafka-poll", self._poll)
        self._poller.start()

    @property
    def sends(self) -> bool:
        """Whether acknowledgements are listened for; librdkafka sends from a thread of its own."""
        return self._poller.is_alive()

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> Delivery:
        """Queue a record and return its end to come; raise KafkaError."""
        size = sum(len(name) + len(held) for name, held in headers)
        size += len(key or b"") + len(value or b"")
        if size + _FRAMING_BYTES > self._limit:
            raise MessageSizeTooLargeError(f"{size} bytes, {self._limit} with framing at most")
        end = Delivery()
        try:
            self._producer.produce(
                topic, value=value, key=key, headers=headers, on_delivery=end.ended
            )
        except BufferError as error:
            raise KafkaError("librdkafka's queue is full") from error
        except KafkaException as error:
            raise _translated(error.args[0]) from error
        return end

    def partitions_for(self, topic: str) -> set[int]:
        """Return the topic's partitions; raise KafkaError when it cannot be sent to yet."""
        try:
            found = self._producer.list_topics(topic, timeout=self._timeout_s).topics[topic]
        except KafkaException as error:
            raise _translated(error.args[0]) from error
        if found.error is not None:
            raise _translated(found.error)
        if not self._identity.wait(self._timeout_s):
            raise KafkaTimeoutError("the brokers have given no producer id yet")
        return set(found.partitions)

    def take_back(self) -> None:
        """Fail every record that waits in the queue."""
        self._producer.purge(in_queue=True, in_flight=False)
        self._producer.poll(0)

    def close(self, timeout: float | None = None) -> None:
        """Flush and stop; raise KafkaTimeoutError when records stay pending."""
        left = self._producer.flush(self._timeout_s if timeout is None else timeout)
        if left:
            raise KafkaTimeoutError(f"{left} records are not acknowledged")
        self._stop()

    def drop(self) -> None:
        """Stop without waiting for what is pending: it fails."""
        self._producer.purge(in_queue=True, in_flight=True)
        self._producer.flush(_POLL_S)
        self._stop()

    def _stop(self) -> None:
        self._closing.set()
        self._poller.join(_POLL_S * 5)

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_S)  # it calls back, too


def _translated(error: Code) -> KafkaError:
    return _ERRORS.get(error.code(), KafkaError)(error.str())


def open_producer(settings: IngestSettings, asking: dict[str, Any]) -> ConfluentProducer:
    """Connect a producer that knows the topic's limit; raise KafkaError.

    `asking` is the options of the kafka-python client that asks for the limit.
    """
    topic = settings.kafka.topic_bid_requests
    limit = record_limits([topic], asking)[topic]
    identity = Identity()
    options = {**producer_options(settings, limit), "stats_cb": identity.told}
    try:
        producer = Producer(options, logger=logging.getLogger("librdkafka"))
    except KafkaException as error:
        raise _translated(error.args[0]) from error
    return ConfluentProducer(producer, limit, settings.publish_timeout_ms / 1000, identity)
