"""A sink that is waited for: what it does not take holds its partition."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.bidding.decision_record import Decided
from consumer.errors import SinkUnavailableError
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.sinks import PATIENCE
from consumer.sinks.delivery import Delivery
from consumer.sinks.sink import Acknowledgement, Sink
from consumer.sinks.threaded import Bounds, Threaded


class DurableSink:
    """Runs a sink in its own thread, and waits for it no longer than for Kafka.

    A full queue makes the decisions of a batch wait, all of them together PATIENCE.
    """

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        """Take the sink over."""
        self.name = sink.name
        self.thread = Threaded(sink, bounds, metrics, clock, lambda _error: None)
        self._clock = clock
        self._longest_s = bounds.timeout_s * PATIENCE
        self._patience_s = self._longest_s

    def submit(self, decided: Decided) -> Acknowledgement:
        """Put the decision into the queue, or raise SinkUnavailableError when that stays full."""
        begun = self._clock.monotonic()
        delivery = self.thread.put(decided, self._patience_s)
        self._patience_s = max(self._patience_s - (self._clock.monotonic() - begun), 0)
        if delivery is None:
            raise SinkUnavailableError(f"{self.name}: the queue is full")
        return _Awaited(self, delivery)

    def close(self) -> None:
        """Deliver what is there, then end."""
        self.thread.close()

    def be_patient(self) -> None:
        """Begin a new batch: the last one has come to the wait for its acknowledgements."""
        self._patience_s = self._longest_s


@dataclass(frozen=True)
class _Awaited:
    sink: DurableSink
    delivery: Delivery

    def wait(self, seconds: float) -> None:
        self.sink.be_patient()
        self.delivery.wait(seconds)
