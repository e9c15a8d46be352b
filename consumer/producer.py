"""What the bidding logic asks of a Kafka producer."""

from __future__ import annotations

from typing import Any, Protocol


class Producer(Protocol):
    """The part of common.kafka_clients.DroppableProducer that is used."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Buffer a record and return its future; raise KafkaError when that is not possible."""

    def close(self, timeout: float | None = None) -> None:
        """Wait for what is pending, then stop; raise KafkaTimeoutError when it stays pending."""

    def drop(self) -> None:
        """Stop without waiting for what is pending: its futures fail."""
