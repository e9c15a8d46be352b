"""The publisher's promise: a record is acknowledged once all in-sync replicas have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Record:
    """A record as it is put on the topic: `value` is the received bytes, `key` the bid id."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes that the record keeps in memory while it waits."""
        return len(self.key) + len(self.value) + sum(len(k) + len(v) for k, v in self.headers)


@dataclass(frozen=True)
class Acknowledged:
    """The place at which all in-sync replicas hold the record."""

    topic: str
    partition: int
    offset: int


class Publisher(Protocol):
    """Puts records on the topic of bid requests.

    Callers may not assume that a refused record is absent: the problem's `delivery` says so.
    """

    def publish(self, record: Record) -> Acknowledged:
        """Return once all in-sync replicas have the record, within the publish deadline.

        Raises Overloaded, KafkaUnavailable, TooLarge, Unavailable or DeliveryUnknown; nothing else.
        """

    def not_ready(self) -> tuple[str, ...]:
        """Return why records cannot be taken just now; empty when they can."""

    def pending(self) -> tuple[int, int]:
        """Return how many records, and bytes of them, wait for their acknowledgement."""

    def oldest_s(self) -> float:
        """Return how many seconds the oldest record has waited, 0 when none waits."""

    def stuck_s(self) -> float:
        """Return how many seconds a record has been without an end that none should be."""

    def start(self, patience_s: float) -> None:
        """Begin to connect, and go on trying until `close`.

        Returns once records can be taken, or after `patience_s` seconds.
        """

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight, then let go of Kafka; returns within `timeout_s` seconds."""
