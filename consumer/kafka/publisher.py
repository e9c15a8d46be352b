"""Writing records to Kafka, acknowledged by all in-sync replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from kafka.errors import (
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from common.logs import get_logger
from consumer.errors import MessageRejected, PartitionBackpressureError, SinkBackpressureError
from consumer.kafka.producer import Beside, Producer, TopicAwayError

Headers = list[tuple[str, bytes]]
_LOOK_S = 0.25  # between two looks at whether the topic is still there
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError)


class Publisher:
    """Publishes through one producer at a time, whose acks and idempotence its maker has set.

    A producer that did not deliver is replaced before the next record: it may never deliver again,
    and what it still holds is going to be published anew.
    """

    def __init__(self, connect: Callable[[], Producer]) -> None:
        """Connect; raise KafkaError when that fails."""
        self._connect = connect
        self._producer: Producer | None = connect()
        self._trusted = True

    def publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        beside: Beside | None = None,
    ) -> Pending:
        """Buffer a record; raise SinkBackpressureError or MessageRejected when it cannot be.

        `beside` is what `Producer.send` takes.
        """
        message = _Message(topic, key, value, headers, beside)
        producer, future = self._send(message)
        return Pending(self, producer, message, future)

    def settle(self, message: _Message, refused_by: Producer, seconds: float) -> None:
        """Find out whether a refusal is about this record, by sending it with no other.

        kafka-python's idempotent producer takes a refused record for fatal and fails all others
        that it has in hand with the same error. Raise what `Pending.wait` does, at once where there
        is no time left: another producer may take a while.
        """
        if seconds <= 0:
            raise SinkBackpressureError(f"topic {message.topic}: no time left to ask once more")
        if self._producer is refused_by:
            self._trusted = False
        producer, future = self._send(message)
        try:
            with producer.expedited():
                future.get(timeout=seconds)
        except KafkaError as error:
            self._trusted = False
            raise self.disposition(message.topic, error) from error

    def close(self, seconds: float) -> None:
        """Wait up to `seconds` for what is pending, then stop."""
        if self._producer is None:
            return
        try:
            self._producer.close(timeout=seconds)
        except KafkaError as error:
            get_logger().warning("producer dropped", why=str(error))
            self._producer.force_close()

    def disposition(self, topic: str, error: KafkaError) -> Exception:
        """Return what a failed record means to its sink, and draw the conclusions for the next."""
        why = f"topic {topic}: {error}"
        if isinstance(error, _REFUSALS):
            return MessageRejected(why)
        self._trusted = False
        return SinkBackpressureError(why)

    def _send(self, message: _Message) -> tuple[Producer, Any]:
        """Buffer a record, and return what with, and its future.

        A producer that says why it buffers nothing is as good as before.
        """
        try:
            producer = self.current_producer()
            return producer, message.send(producer)
        except TopicAwayError as error:
            raise PartitionBackpressureError(f"topic {message.topic}: {error}") from error
        except KafkaError as error:
            raise self.disposition(message.topic, error) from error

    def uses(self, producer: Producer) -> bool:
        """Whether this producer is in use and has delivered all that it was given."""
        return self._trusted and self._producer is producer

    def replace(self) -> None:
        """Replace the producer before the next record."""
        self._trusted = False

    def current_producer(self) -> Producer:
        """Return the producer in use, a new one if need be; raise KafkaError."""
        if self._producer is not None and not self._trusted:
            self._producer.force_close()
            self._producer = None
            get_logger().warning("producer replaced")
        if self._producer is None:
            self._producer = self._connect()
            self._trusted = True
        return self._producer


class _Message(msgspec.Struct, frozen=True, gc=False):
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    beside: Beside | None

    def send(self, producer: Producer) -> Any:  # noqa: ANN401  kafka-python ships no types
        return producer.send(
            self.topic, key=self.key, value=self.value, headers=self.headers, beside=self.beside
        )


class Pending:
    """A record whose acknowledgement is awaited."""

    def __init__(
        self,
        publisher: Publisher,
        producer: Producer,
        message: _Message,
        future: Any,  # noqa: ANN401  kafka-python ships no types
    ) -> None:
        self._publisher = publisher
        self._producer = producer
        self._message = message
        self._future = future
        self._settled = False

    def wait(self, seconds: float) -> None:
        """Return once all in-sync replicas have the record, however often it is called.

        A topic that has gone meanwhile is not waited for: those behind it wait for this one.
        Raise SinkBackpressureError when the record is not acknowledged within `seconds`,
        MessageRejected when it never will be.
        """
        if self._settled:
            return
        try:
            self._acknowledge(seconds)
        except _REFUSALS:
            self._publisher.settle(self._message, self._producer, seconds)
            self._settled = True
        except KafkaError as error:
            raise self._publisher.disposition(self._message.topic, error) from error

    def _acknowledge(self, seconds: float) -> None:
        if self._future.succeeded():
            return
        with self._producer.expedited():
            while not self._is_acknowledged_within(min(seconds, _LOOK_S)):
                seconds -= _LOOK_S
                if seconds <= 0 or self._producer.is_away(self._message.topic):
                    raise KafkaTimeoutError("not acknowledged")

    def _is_acknowledged_within(self, seconds: float) -> bool:
        try:
            self._future.get(timeout=seconds)
        except KafkaTimeoutError:
            if self._future.is_done:
                raise
            return False
        return True
