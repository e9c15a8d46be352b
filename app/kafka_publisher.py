"""The publisher on kafka-python: one producer, acknowledged by all in-sync replicas."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from app.admission import Admission
from app.publisher import Acknowledged, Record
from app.refusals import Refusal, TooLarge, TopicUnavailable, Unavailable
from app.settings import IngestSettings
from common.logs import get_logger

_RETRY_S = 0.5
_BOOTSTRAP_MS = 5_000


class Producer(Protocol):
    """The part of kafka.KafkaProducer that is used here."""

    def send(
        self, topic: str, *, value: bytes, key: bytes, headers: list[tuple[str, bytes]]
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Buffer a record and return the future of its metadata."""

    def partitions_for(self, topic: str) -> set[int]:
        """Return the topic's partitions; raise KafkaTimeoutError when there are none."""

    def close(self, timeout: float | None = None) -> None:
        """Flush and stop the sender thread."""


def producer_options(settings: IngestSettings) -> dict[str, Any]:
    """Keyword arguments of kafka.KafkaProducer that the promises of this service rest on."""
    deadline_ms = settings.publish_timeout_ms
    return {
        **settings.kafka.client_options(),
        "client_id": "bid-request-handler",
        "acks": "all",
        "enable_idempotence": True,
        "max_block_ms": deadline_ms,
        "delivery_timeout_ms": deadline_ms,
        "request_timeout_ms": deadline_ms * 9 // 10,
        "bootstrap_timeout_ms": _BOOTSTRAP_MS,
        "reconnect_backoff_max_ms": 1_000,
        "retry_backoff_ms": 50,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


class KafkaPublisher:
    """Publishes through one producer, which a thread of its own connects."""

    def __init__(
        self,
        topic: str,
        deadline_s: float,
        admission: Admission,
        connect: Callable[[], Producer],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `connect` is called by `start`, after the fork, and may block and raise."""
        self._topic = topic
        self._deadline_s = deadline_s
        self._admission = admission
        self._connect = connect
        self._monotonic = monotonic
        self._producer: Producer | None = None
        self._why_not = "kafka: not connected yet"
        self._connected = threading.Event()
        self._closing = threading.Event()
        self._log = get_logger(topic=topic)

    def start(self, patience_s: float) -> None:
        """Begin to connect, in a thread; return once connected, or after `patience_s` seconds."""
        threading.Thread(target=self._keep_connecting, name="kafka-connect", daemon=True).start()
        self._connected.wait(patience_s)

    def not_ready(self) -> tuple[str, ...]:
        """Return why records cannot be taken just now; empty when they can."""
        if self._closing.is_set():
            return ("shutting down",)
        return () if self._producer else (self._why_not,)

    def publish(self, record: Record) -> Acknowledged:
        """Return once all in-sync replicas have the record, within the publish deadline."""
        if self._producer is None:
            raise TopicUnavailable(f"Kafka is not there: {self._why_not}.")
        deadline = self._monotonic() + self._deadline_s
        self._admission.enter(record.size)
        future = self._send(self._producer, record)
        future.add_both(lambda _outcome: self._admission.leave(record.size))
        try:
            metadata = future.get(timeout=max(deadline - self._monotonic(), 0))
        except KafkaError as error:
            raise refusal(error) from error
        return Acknowledged(metadata.topic, metadata.partition, metadata.offset)

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight, then stop the producer; within `timeout_s` seconds."""
        deadline = self._monotonic() + timeout_s
        self._closing.set()
        drained = self._admission.wait_until_empty(timeout_s)
        producer, self._producer = self._producer, None
        try:
            if producer is not None:
                producer.close(timeout=max(deadline - self._monotonic(), 0))
        except KafkaError as error:
            self._log.warning("producer not closed in order", error=str(error))
        self._log.info("publisher closed", drained=drained)

    def _send(self, producer: Producer, record: Record) -> Any:  # noqa: ANN401  no types there
        try:
            return producer.send(
                self._topic, value=record.value, key=record.key, headers=list(record.headers)
            )
        except BaseException as error:
            self._admission.leave(record.size)
            if isinstance(error, (KafkaError, ValueError)):
                raise unsent(error) from error
            raise

    def _keep_connecting(self) -> None:
        producer: Producer | None = None
        while not self._closing.is_set():
            try:
                producer = producer or self._connect()
                producer.partitions_for(self._topic)
            except (KafkaError, OSError) as error:
                what = f"topic {self._topic}" if producer else "kafka"
                self._why_not = f"{what}: {error}"
                self._log.warning("not connected", reason=self._why_not)
                self._closing.wait(_RETRY_S)
            else:
                self._producer = producer
                self._connected.set()
                self._log.info("connected")
                return


def unsent(error: Exception) -> Refusal:
    """Return the refusal for an error of `send` itself: nothing left this process."""
    if isinstance(error, MessageSizeTooLargeError):
        return TooLarge("The record is larger than the producer may send.")
    return TopicUnavailable(f"Kafka cannot be written to: {type(error).__name__}.")


def refusal(error: KafkaError) -> Refusal:
    """Return the refusal for an error of a record that was handed to the sender."""
    if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
        return TooLarge("The record is larger than the topic takes.")
    if isinstance(error, TopicAuthorizationFailedError):
        return TopicUnavailable("The topic may not be written to.")
    if isinstance(error, KafkaTimeoutError):
        return Unavailable("Kafka did not acknowledge the record in time.", "unknown")
    return Unavailable(f"Kafka failed: {type(error).__name__}.", "unknown")


def connect(settings: IngestSettings) -> KafkaPublisher:
    """Build the publisher of this service; nothing is connected before `start`."""
    options = producer_options(settings)
    return KafkaPublisher(
        topic=settings.kafka.topic_bid_requests,
        deadline_s=settings.publish_timeout_ms / 1000,
        admission=Admission(settings.max_pending_records, settings.max_pending_bytes),
        connect=lambda: KafkaProducer(**options),
    )
