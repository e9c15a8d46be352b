"""What the bidding logic asks of a Kafka producer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Producer(Protocol):
    """The part of consumer.kafka.batching_producer.BatchingProducer that is used."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Buffer a record and return its future; raise KafkaError when that is not possible."""

    def hurrying(self) -> AbstractContextManager[None]:
        """Return a context in which what is buffered is sent at once."""

    def close(self, timeout: float | None = None) -> None:
        """Wait for what is pending, then stop; raise KafkaTimeoutError when it stays pending."""

    def drop(self) -> None:
        """Stop without waiting for what is pending: its futures fail."""
