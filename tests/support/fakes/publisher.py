"""A publisher that keeps records in memory and fails on demand."""

from __future__ import annotations

from app.kafka.publisher import Acknowledged, Record
from app.problems import Problem


class FakePublisher:
    """Acknowledges every record at the next offset, unless told to refuse or to be unready."""

    def __init__(self, topic: str = "bid_requests") -> None:
        self.topic = topic
        self.records: list[Record] = []
        self.refuses_with: Problem | None = None
        self.reasons: tuple[str, ...] = ()
        self.closed_within_s: float | None = None
        self.waiting = (0, 0)
        self.oldest = 0.0
        self.stuck = 0.0

    def publish(self, record: Record) -> Acknowledged:
        """Keep the record, or raise what it was told to."""
        if self.refuses_with is not None:
            raise self.refuses_with
        self.records.append(record)
        return Acknowledged(self.topic, 0, len(self.records) - 1)

    def not_ready(self) -> tuple[str, ...]:
        """Return the reasons it was given."""
        return self.reasons

    def pending(self) -> tuple[int, int]:
        """Return what it was given."""
        return self.waiting

    def oldest_s(self) -> float:
        """Return what it was given."""
        return self.oldest

    def stuck_s(self) -> float:
        """Return what it was given."""
        return self.stuck

    def start(self, patience_s: float) -> None:
        """Be ready at once."""

    def close(self, timeout_s: float) -> None:
        """Note the call; nothing is taken any more."""
        self.closed_within_s = timeout_s
        self.reasons = ("shutting down",)
