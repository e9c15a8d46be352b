"""What kafka-python's transactions lack: an end when their coordinator is away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.kafka.batching_producer import BatchingProducer

_MS = 1000


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
