"""A producer for the many records of one poll: in few batches, and with little work for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.partitioner import murmur2
from kafka.structs import TopicPartition

from common.kafka_clients import DroppableProducer

_POSITIVE = 0x7FFF_FFFF
_SMALL = 100_000  # bytes: no limit of a client is near


class BatchingProducer(DroppableProducer):
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
