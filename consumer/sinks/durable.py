"""A sink that is waited for: what it does not take holds its partition."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError
from consumer.kafka.record import Place, place
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.sinks import PATIENCE
from consumer.sinks.delivery import Delivery
from consumer.sinks.sink import Acknowledgement, Sink
from consumer.sinks.threaded import Bounds, Threaded


class DurableSink:
    """Runs a sink in its own thread, and waits for it no longer than for Kafka.

    A full queue makes the decisions of a batch wait, all of them together PATIENCE. What was not
    delivered in the time of a batch stays in the queue: when it is submitted again, the same
    delivery is waited for, or a slow sink would never get to the end of its own past.
    """

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        self.name = sink.name
        self.thread = Threaded(sink, bounds, metrics, clock, lambda _error: None)
        self._clock = clock
        self._longest_s = bounds.timeout_s * PATIENCE
        self._wait_s = self._longest_s
        self._most_remembered = 2 * bounds.decisions
        self._underway: dict[Place, Delivery] = {}

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Put the decision into the queue, or raise SinkBackpressureError when that stays full."""
        delivery = self._underway.get(place(decided.record))
        if delivery is None or not _is_about(delivery, decided):
            delivery = self._put(decided)
        return _Awaited(self, delivery)

    def close(self) -> None:
        """Deliver what is there, then end."""
        self.thread.close()

    @property
    def remembered(self) -> int:
        """How many deliveries it knows that nobody has seen the end of."""
        return len(self._underway)

    def forget(self, delivery: Delivery) -> None:
        """Deliver anew what is submitted after this delivery has ended."""
        self._underway.pop(place(delivery.decided.record), None)

    def reset_wait(self) -> None:
        """Begin a new batch: the last one has come to the wait for its acknowledgements."""
        self._wait_s = self._longest_s

    def _put(self, decided: DecisionRecord) -> Delivery:
        begun = self._clock.monotonic()
        delivery = self.thread.put(decided, self._wait_s)
        self._wait_s = max(self._wait_s - (self._clock.monotonic() - begun), 0)
        if delivery is None:
            raise SinkBackpressureError(f"{self.name}: the queue is full")
        self._underway[place(decided.record)] = delivery
        if len(self._underway) > self._most_remembered:  # of partitions that have gone, mostly
            self._underway = {at: it for at, it in self._underway.items() if not it.over.is_set()}
        return delivery


def _is_about(delivery: Delivery, decided: DecisionRecord) -> bool:
    """Whether request and decision are the same: a topic made anew has another request there."""
    known = delivery.decided
    return (known.request, known.decision) == (decided.request, decided.decision)


@dataclass(frozen=True)
class _Awaited:
    sink: DurableSink
    delivery: Delivery

    def wait(self, seconds: float) -> None:
        self.sink.reset_wait()
        try:
            self.delivery.wait(seconds)
        finally:
            if self.delivery.over.is_set():
                self.sink.forget(self.delivery)
