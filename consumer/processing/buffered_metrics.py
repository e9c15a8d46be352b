"""The effects of a round, collected for the metrics and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.logs import get_logger
from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import InvalidMessage
from consumer.kafka.record import Record, RecordHeaders, read_headers
from consumer.metrics import ConsumerMetrics
from consumer.processing.decision_log import DecisionLog
from consumer.runtime import Clock
from consumer.sinks.queued import DroppingSink

_MS = 1000


@dataclass
class BufferedMetrics:
    """Collects what is counted of each record, and writes it down once a round.

    To count and to look at a clock costs more than many strategies do.
    """

    metrics: ConsumerMetrics
    clock: Clock
    log: DecisionLog
    dropping: Sequence[DroppingSink] = ()  # every one is offered what is done
    read: int = 0
    duplicates: int = 0
    processing_s: list[float] = field(default_factory=list)
    end_to_end_s: list[float] = field(default_factory=list)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note_decision(self, outcome: DecisionRecord) -> None:
        """Count and log a decision that every sink has acknowledged, and offer it to the others."""
        latency_ms = self._latency_ms(outcome.headers)
        self.decided[outcome.strategy, outcome.outcome] += 1
        for sink in self.dropping:
            sink.try_put(outcome)
        if latency_ms is not None:
            # clocks of two machines differ: a sum must not shrink
            self.end_to_end_s.append(max(latency_ms, 0) / _MS)
        self.log.note(outcome, latency_ms)

    def note_dead_letter(self, record: Record, error: InvalidMessage) -> None:
        """Count and log a record that the topic of dead letters has."""
        self.metrics.dead_letters.labels(error.reason.value).inc()
        # not the error's words, which can quote the request and a person's data with it
        get_logger().warning(
            "bid request dead-lettered",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=error.reason.value,
            stage=error.stage.value,
            error=type(error.__cause__ or error).__name__,
            trace_id=read_headers(record).trace_id,
        )

    def flush(self) -> None:
        """Write down what was collected since the last time."""
        self.log.flush()
        self.metrics.records.inc(self.read)
        self.metrics.duplicates.inc(self.duplicates)
        self.metrics.processing.observe(self.processing_s)
        self.metrics.end_to_end.observe(self.end_to_end_s)
        for labels, count in self.decided.items():
            self.metrics.decisions.labels(*labels).inc(count)
        self.read = self.duplicates = 0
        self.processing_s.clear()
        self.end_to_end_s.clear()
        self.decided.clear()

    def _latency_ms(self, headers: RecordHeaders) -> int | None:
        received = headers.received_at_ms
        return None if received is None else self.clock.epoch_ms() - received
