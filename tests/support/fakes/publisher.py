"""A publisher that keeps records in memory and fails on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.kafka.publisher import Acknowledged, Record


@dataclass
class FakePublisher:
    """Acknowledges every record at the next offset, unless told to refuse or to be unready."""

    records: list[Record] = field(default_factory=list)
    refuses_with: Exception | None = None
    reasons: tuple[str, ...] = ()
    closed_within_s: float | None = None
    waiting: tuple[int, int] = (0, 0)
    oldest: float = 0
    stuck: float = 0

    def publish(self, record: Record) -> Acknowledged:
        if self.refuses_with is not None:
            raise self.refuses_with
        self.records.append(record)
        return Acknowledged("bid_requests", 0, len(self.records) - 1)

    def not_ready(self) -> tuple[str, ...]:
        return self.reasons

    def pending(self) -> tuple[int, int]:
        return self.waiting

    def oldest_s(self) -> float:
        return self.oldest

    def stuck_s(self) -> float:
        return self.stuck

    def start(self, patience_s: float) -> None:
        pass

    def close(self, timeout_s: float) -> None:
        self.closed_within_s = timeout_s
