"""Producers for the many records of one poll, and what kafka-python's transactions lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from kafka.errors import KafkaTimeoutError
from kafka.partitioner import murmur2
from kafka.structs import OffsetAndMetadata, TopicPartition

from common import kafka_clients

_POSITIVE = 0x7FFF_FFFF
_SMALL = 100_000  # bytes: no limit of a client is near
_MS = 1000


class Producer(kafka_clients.Producer, Protocol):
    """The part of BatchingProducer that is used here."""

    def hurrying(self) -> AbstractContextManager[None]:
        """Return a context in which what is buffered is sent at once."""


class BatchingProducer(kafka_clients.DroppableProducer):
    """Collects records for `linger_ms`, or until somebody waits for them."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Do what kafka.KafkaProducer.send does, which checks types and limits all anew.

        A record with a key goes to the partition that it goes to there: the hash of the key.
        """
        partitions = self._metadata.partitions_for_topic(topic)
        usual = key is not None and value is not None and len(key) + len(value) < _SMALL
        if not usual or not partitions or self._closed or self._transactional:
            return super().send(topic, key=key, value=value, headers=headers)
        at = TopicPartition(topic, (murmur2(key) & _POSITIVE) % len(partitions))
        future, full, new, _ = self._accumulator.append(at, None, key, value, headers)
        if full or new:
            self._sender.wakeup()
        return future

    @contextmanager
    def hurrying(self) -> Iterator[None]:
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
