"""What kafka-python's consumer lacks: it goes on joining its group until it has joined."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer


class GroupMember(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaConsumer whose polls may be shorter than a rebalance.

    In kafka-python 3.0.12 a leader that joins anew because it has heard of partitions takes itself
    for done once it has assigned them. A poll that ends before Kafka has confirmed them leaves it
    for ever without partitions and without heartbeats, while the group counts on it.
    """

    def poll(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  kafka-python's own
        """Poll; a rebalance that is not over is what the next poll goes on with."""
        try:
            return super().poll(*args, **kwargs)
        finally:
            if self._coordinator.rejoining:
                self._coordinator.request_rejoin()
