"""The producer of a worker: connected in the background, replaced when it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from common import kafka_clients
from common.changes import Changes
from common.kafka_reasons import BrokerTroubles
from common.logs import get_logger
from common.threads import GuardedThread

_RETRY_S = 0.5


class Producer(kafka_clients.Producer, Protocol):
    """The part of AbortableProducer that is used here."""

    @property
    def is_alive(self) -> bool:
        """Whether its sender thread lives."""

    def partitions_for(self, topic: str) -> set[int]:
        """Return the topic's partitions; raise KafkaTimeoutError when there are none."""

    def never_block(self) -> None:
        """Have `send` raise KafkaTimeoutError at once where it would wait for a topic."""

    def abort_unsent(self) -> None:
        """Fail what was never sent with NeverSentError."""


class ProducerSupervisor:
    """Keeps one working producer, or the reason why there is none.

    A producer that did not deliver is not used again: kafka-python's may never deliver again, and
    without it requests are refused at once instead of each waiting for its deadline. What it still
    has in flight gets `grace_s` seconds to come through.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        topic: str,
        grace_s: float,
        troubles: BrokerTroubles | None = None,
        changes: Changes | None = None,
    ) -> None:
        """Prepare; `connect` is called by `start`, after the fork, and may block and raise.

        What it connects tells `troubles`.
        """
        self._connect = connect
        self._topic = topic
        self._grace_s = grace_s
        self._troubles = troubles or BrokerTroubles()
        self._changes = changes or Changes()
        self._changed = threading.Condition()
        self._closing = False
        self._producer: Producer | None = None
        self._why_not = "kafka: not connected yet"
        self._log = get_logger(topic=topic)

    @property
    def producer(self) -> Producer | None:
        """The producer to use, None while there is none."""
        return self._producer

    def not_ready(self) -> tuple[str, ...]:
        """Return why there is no producer; empty when there is one."""
        return () if self._producer is not None else (self._why_not,)

    def start(self, patience_s: float) -> None:
        """Begin to connect; return once connected, or after `patience_s` seconds."""
        GuardedThread("kafka-connect", self._keep_connected).start()
        with self._changed:
            self._changed.wait_for(lambda: self._producer is not None, patience_s)

    def replace(self, producer: Producer, why: str | Exception) -> None:
        """Replace `producer`, unless another caller has had it replaced already.

        `why` may be the error that a record was not acknowledged for.
        """
        if isinstance(why, Exception):
            why = f"not acknowledged: {self._troubles.explain(why)}"
        with self._changed:
            if self._producer is not producer:
                return
            self._producer, self._why_not = None, f"kafka: {why}"
            self._changed.notify_all()
        self._changes.begin("kafka", f"producer replaced: {why}")
        GuardedThread("kafka-retire", lambda: self._retire(producer), once=True).start()

    def close(self, timeout_s: float) -> None:
        """Stop connecting and close the producer, within about `timeout_s` seconds."""
        with self._changed:
            self._closing, self._why_not = True, "shutting down"
            producer, self._producer = self._producer, None
            self._changed.notify_all()
        if producer is None:
            return
        try:
            producer.close(timeout=timeout_s)
        except KafkaError as error:
            self._log.warning("producer dropped", reason=str(error))
            producer.force_close()

    def _retire(self, producer: Producer) -> None:
        time.sleep(self._grace_s)
        producer.force_close()

    def _keep_connected(self) -> None:
        while self._is_needed():
            self._connect_once()

    def _connect_once(self) -> None:
        try:
            self._put_to_use(self._open())
        except Exception as error:
            self._note(self._troubles.explain(error))
            if not isinstance(error, (KafkaError, OSError)):
                raise

    def _is_needed(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._producer is None)
            return not self._closing

    def _open(self) -> Producer:
        producer = self._connect()
        try:
            while not self._closing and not self._knows_topic(producer):
                pass  # it has waited
        except BaseException:
            producer.force_close()
            raise
        producer.never_block()  # who sends may be the thread that everybody else waits for
        return producer

    def _knows_topic(self, producer: Producer) -> bool:
        try:
            producer.partitions_for(self._topic)
        except (KafkaTimeoutError, UnknownTopicOrPartitionError):
            away = "; ".join(self._troubles.reasons())
            self._note(away or f"topic {self._topic}: it does not exist, or has no leader")
        except KafkaError as error:
            self._note(f"topic {self._topic}: {self._troubles.explain(error)}")
        else:
            return True
        return False

    def _put_to_use(self, producer: Producer) -> None:
        with self._changed:
            if not self._closing:
                self._producer = producer
                self._changed.notify_all()
                self._changes.end("kafka")
                self._log.info("connected")
                return
        producer.force_close()

    def _note(self, why: str) -> None:
        with self._changed:
            if not self._closing:
                self._why_not = f"kafka: {why}"
                self._changes.begin("kafka", why)
                self._changed.wait(_RETRY_S)
