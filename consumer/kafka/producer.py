"""Producers for the many records of one poll, and what kafka-python's transactions lack."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError
from kafka.partitioner import murmur2
from kafka.structs import OffsetAndMetadata, TopicPartition

from common import kafka_clients
from consumer.kafka.limits import TopicLimits, batch_bytes

_POSITIVE = 0x7FFF_FFFF
_NO_LEADER = -1
_HEADER_BYTES = 10  # at most, of the lengths of a header's name and value
_MS = 1000


Beside = tuple[str, int]  # a topic, and the number of one of its partitions


class TopicAwayError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """The topic is missing, closed to this service or without a leader: nothing was buffered.

    Nothing is wrong with the producer, which has asked for news of the topic.
    """


class Producer(kafka_clients.Producer, Protocol):
    """The part of BatchingProducer that is used here."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        beside: Beside | None = None,
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Buffer a record and return its future; raise KafkaError when that is not possible.

        It goes beside that partition of another topic, where both have as many partitions.
        """

    def expedited(self) -> AbstractContextManager[None]:
        """Return a context in which what is buffered is sent at once."""

    def is_away(self, topic: str) -> bool:
        """Whether no leader of the topic is known at present."""


class BatchingProducer(kafka_clients.AbortableProducer):
    """Collects records for `linger_ms`, or until somebody waits for them.

    It waits for no topic: kafka-python's `send` would do so for `max_block_ms`, in front of the
    records of all others.
    """

    def __init__(self, limits: TopicLimits, **configs: Any) -> None:  # noqa: ANN401  kafka-python's own
        self._limits = limits
        super().__init__(**configs)
        # its sender keeps what fits into one request; for single records `limits` are exact
        self.config["max_request_size"] = sys.maxsize

    def learn(self, topics: Sequence[str], seconds: float) -> None:
        """Ask for the topics' partitions and wait for the answer, `seconds` at most."""
        self._metadata.set_topics(topics)
        for _ in range(2):  # the first answer can be one to an earlier question
            if all(self._metadata.partitions_for_topic(topic) for topic in topics):
                return
            answered = threading.Event()
            self._metadata.request_update().add_both(lambda *_, event=answered: event.set())
            self._sender.wakeup()
            answered.wait(seconds / 2)

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        beside: Beside | None = None,
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Do what kafka.KafkaProducer.send does, which checks types and limits all anew.

        The record goes to the partition with the number of that of another topic, `beside`, where
        both have as many: what belongs together lies together, and no key is hashed for it, which
        takes kafka-python longer than all else here. Otherwise the key's hash says where to.
        Raise TopicAwayError, or MessageSizeTooLargeError, where nothing can be buffered at present.
        """
        if self._closed:
            raise IllegalStateError("the producer is closed")
        at = self._place(topic, key, beside)
        size = len(key or b"") + len(value or b"")
        for name, content in headers:
            size += len(name) + len(content) + _HEADER_BYTES
        small = size < self._limits.small
        if not small:
            self._limits.check(topic, batch_bytes(key, value, headers))
        if at is None or value is None or not small or self._transactional:
            number = None if at is None else at.partition
            return self._send_as_kafka_does(
                topic, key=key, value=value, headers=headers, partition=number
            )
        future, full, new, _ = self._accumulator.append(at, None, key, value, headers)
        if full or new:
            self._sender.wakeup()
        return future

    def _place(self, topic: str, key: bytes | None, beside: Beside | None) -> TopicPartition | None:
        """Return the partition of a record, None when any will do; raise TopicAwayError."""
        partitions = self._metadata.partitions_for_topic(topic)
        if not partitions:
            raise self._ask_for(topic)
        if beside is not None and partitions == self._metadata.partitions_for_topic(beside[0]):
            number = beside[1]
        elif key is not None:
            number = (murmur2(key) & _POSITIVE) % len(partitions)
        else:
            if not self._metadata.available_partitions_for_topic(topic):
                raise self._ask_for(topic)
            return None
        at = TopicPartition(topic, number)
        if self._metadata.leader_for_partition(at) in (None, _NO_LEADER):
            raise self._ask_for(topic)
        return at

    def _send_as_kafka_does(self, topic: str, **content: Any) -> Any:  # noqa: ANN401  as above
        try:
            return super().send(topic, **content)
        except ValueError as error:
            if self._metadata.partitions_for_topic(topic):
                raise
            raise self._ask_for(topic) from error  # gone since it was looked up

    def _wait_on_metadata(self, topic: str, _max_wait_ms: float) -> set[int]:
        """Take the place of kafka-python's own, which `send` calls where a topic is not known."""
        raise self._ask_for(topic)

    def _ask_for(self, topic: str) -> TopicAwayError:
        self._sender.add_topic(topic)
        self._metadata.request_update()
        self._sender.wakeup()
        if topic in self._metadata.unauthorized_topics:
            return TopicAwayError("it is closed to this service")
        known = self._metadata.partitions_for_topic(topic)
        return TopicAwayError("a partition has no leader" if known else "Kafka does not know it")

    def is_away(self, topic: str) -> bool:
        """Whether no leader of the topic is known at present."""
        return not self._metadata.available_partitions_for_topic(topic)

    @contextmanager
    def expedited(self) -> Iterator[None]:
        """Let no record wait for others to share its batch with as long as this block lasts."""
        self._accumulator.begin_flush()
        try:
            self._sender.wakeup()
            yield
        finally:
            self._accumulator._flushes_in_progress.decrement()  # noqa: SLF001  only a flush that waits for all does it

    @property
    def _transactional(self) -> bool:
        manager = self._transaction_manager
        return manager is not None and manager.is_transactional()


class TransactionalProducer(BatchingProducer):
    """A producer that is always within a transaction, and waits for nothing without a limit.

    The methods of kafka-python 3.0.12 wait for the coordinator for as long as it takes. After any
    error this producer is of no more use: the one that replaces it makes Kafka decide what became
    of the transaction.
    """

    def start(self, seconds: float) -> None:
        """Fence off whoever had this transactional id before, end their transaction, begin one.

        Raise KafkaError when that is not done within `seconds`.
        """
        self._finish(self._transaction_manager.initialize_transactions(), seconds)
        self._transaction_manager.begin_transaction()

    def add_offsets(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        member: Any,  # noqa: ANN401  kafka-python's ConsumerGroupMetadata
        seconds: float,
    ) -> None:
        """Add the offsets of a member of a group to the transaction; raise KafkaError."""
        manager = self._transaction_manager
        self._finish(manager.send_offsets_to_transaction(dict(offsets), member), seconds)

    def commit(self, seconds: float) -> None:
        """Commit and begin the next; after KafkaError it may be committed all the same."""
        self._finish(self._transaction_manager.begin_commit(), seconds)
        self._transaction_manager.begin_transaction()

    def close(self, timeout: float | None = None, **kwargs: Any) -> None:  # noqa: ANN401  kafka-python's own
        """Abort, so that no reader waits for what is not coming, then stop; raise KafkaError."""
        if timeout and not getattr(self, "_closed", True):
            self._finish(self._transaction_manager.begin_abort(), timeout)
        super().close(timeout=timeout, **kwargs)

    def _finish(self, result: Any, seconds: float) -> None:  # noqa: ANN401  kafka-python ships no types
        self._sender.wakeup()
        if not result.wait(timeout_ms=seconds * _MS):
            raise KafkaTimeoutError(f"no answer to a transaction's request in {seconds} s")
