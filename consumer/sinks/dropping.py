"""A sink that nothing waits for: what it does not take is dropped, and counted."""

from __future__ import annotations

from common.logs import get_logger
from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.sinks.sink import Sink
from consumer.sinks.threaded import Bounds, Threaded

_COMPLAINS_EVERY_S = 10.0


class DroppingSink:
    """Runs a sink in its own thread; `offer` neither waits nor raises, whatever the sink does."""

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        self.thread = Threaded(sink, bounds, metrics, clock, self._drop)
        self._drops = metrics.sink_drops
        self._clock = clock
        self._quiet_until: dict[str, float] = {}

    def try_put(self, decided: DecisionRecord) -> None:
        """Put the decision into the queue, or drop it when that is full."""
        if self.thread.put(decided) is None:
            self._count("full", "the queue is full")

    def note_left(self, count: int) -> None:
        """Count what the end of the service has left undelivered."""
        if count:
            self._drops.labels(self.thread.name, "stopped").inc(count)
            get_logger().warning("sink left behind", sink=self.thread.name, decisions=count)

    def _drop(self, error: BaseException) -> None:
        # not the error's words, which may quote the decision
        self._count(_reason(error), type(error).__name__)

    def _count(self, reason: str, why: str) -> None:
        self._drops.labels(self.thread.name, reason).inc()
        now = self._clock.monotonic()
        if now >= self._quiet_until.get(reason, now):
            self._quiet_until[reason] = now + _COMPLAINS_EVERY_S
            name = self.thread.name
            get_logger().warning("sink drops decisions", sink=name, reason=reason, why=why)


def _reason(error: BaseException) -> str:
    if isinstance(error, MessageRejected):
        return "refused"
    return "unavailable" if isinstance(error, SinkBackpressureError) else "failed"
