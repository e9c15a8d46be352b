"""The other Kafka client, confluent-kafka on librdkafka, in the shape that the publisher uses."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaError as Code
from confluent_kafka import KafkaException, Message, Producer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from app.record_limit import record_limit
from app.settings import IngestSettings
from common.kafka import KafkaSettings

_POLL_S = 0.1
_FRAMING_BYTES = 100  # around a record that is a batch of its own; a little more than it takes
_LEAST_LIMIT_BYTES = 1_000  # librdkafka knows no lower one
# What the publisher tells apart. That a record timed out, or was purged, does not say whether it
# had been sent before: this client does not tell.
_ERRORS: dict[int, type[KafkaError]] = {
    Code.MSG_SIZE_TOO_LARGE: MessageSizeTooLargeError,
    Code.TOPIC_AUTHORIZATION_FAILED: TopicAuthorizationFailedError,
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
        value: bytes,
        key: bytes,
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


class ConfluentProducer:
    """confluent_kafka.Producer as an app.connection.Producer."""

    def __init__(self, producer: Librdkafka, limit: int, timeout_s: float) -> None:
        """Begin to listen for acknowledgements.

        A record may take `limit` bytes, metadata `timeout_s` seconds.
        """
        self._producer = producer
        self._limit = limit
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="librdkafka-poll", daemon=True)
        self._poller.start()

    @property
    def sends(self) -> bool:
        """Whether acknowledgements are listened for; librdkafka sends from a thread of its own."""
        return self._poller.is_alive()

    def send(
        self, topic: str, *, value: bytes, key: bytes, headers: list[tuple[str, bytes]]
    ) -> Delivery:
        """Queue a record and return its end to come; raise KafkaError."""
        size = len(value) + len(key) + sum(len(name) + len(held) for name, held in headers)
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
        """Return the topic's partitions; raise KafkaError when there are none."""
        try:
            found = self._producer.list_topics(topic, timeout=self._timeout_s).topics[topic]
        except KafkaException as error:
            raise _translated(error.args[0]) from error
        if found.error is not None:
            raise _translated(found.error)
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
            self._producer.poll(_POLL_S)


def _translated(error: Code) -> KafkaError:
    return _ERRORS.get(error.code(), KafkaError)(error.str())


def connection_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what librdkafka needs to reach the cluster; what is not set is left out."""
    given = {
        "bootstrap.servers": kafka.brokers,
        "security.protocol": kafka.security_protocol,
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": kafka.sasl_password,
        "ssl.ca.location": kafka.ssl_cafile,
        "ssl.certificate.location": kafka.ssl_certfile,
        "ssl.key.location": kafka.ssl_keyfile,
        "ssl.key.password": kafka.ssl_password,
        "ssl.endpoint.identification.algorithm": "https" if kafka.ssl_check_hostname else "none",
    }
    return {name: value for name, value in given.items() if value}


def producer_options(settings: IngestSettings, limit: int) -> dict[str, Any]:
    """Return librdkafka's settings that the promises of this service rest on.

    `limit` is the bytes of the largest record. Times are as app.kafka_publisher has them.
    """
    deadline_ms = settings.publish_timeout_ms
    return {
        **connection_options(settings.kafka),
        "client.id": "bid-request-handler",
        "acks": "all",
        "enable.idempotence": True,
        "delivery.timeout.ms": deadline_ms * 6 // 5,
        "request.timeout.ms": deadline_ms * 9 // 10,
        "retry.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "linger.ms": 1,
        "partitioner": "murmur2_random",  # a key's partition is the one that kafka-python takes
        "allow.auto.create.topics": False,
        "message.max.bytes": max(limit, _LEAST_LIMIT_BYTES),
    }


def open_producer(settings: IngestSettings, options: dict[str, Any]) -> ConfluentProducer:
    """Connect a producer that knows the topic's limit; raise KafkaError.

    `options` are of the kafka-python client that asks for the limit.
    """
    limit = record_limit(settings.kafka.topic_bid_requests, options)
    made = partial(Producer, logger=logging.getLogger("librdkafka"))
    try:
        producer = made(producer_options(settings, limit))
    except KafkaException as error:
        raise _translated(error.args[0]) from error
    return ConfluentProducer(producer, limit, settings.publish_timeout_ms / 1000)
