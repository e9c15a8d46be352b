"""A sink in a thread of its own, so that its slowness is its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from common.logs import get_logger
from common.threads import GuardedThread
from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.sinks.bounded_queue import BoundedQueue
from consumer.sinks.delivery import Delivery
from consumer.sinks.sink import Acknowledgement, Sink

_AT_ONCE = 100
_BEGINNING = 0.1  # of the timeout


@dataclass(frozen=True)
class Bounds:
    """How many decisions, and bytes, may wait for a sink, and for how long it may keep silent."""

    decisions: int
    size_bytes: int
    timeout_s: float


class Threaded:
    """Takes a sink over and passes decisions on to it, in their order."""

    def __init__(
        self,
        sink: Sink,
        bounds: Bounds,
        metrics: ConsumerMetrics,
        clock: Clock,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Prepare; `on_failure` is told, from this thread, of each decision not delivered."""
        self.name = sink.name
        self._sink = sink
        self._timeout_s = bounds.timeout_s
        self._clock = clock
        self._on_failure = on_failure
        self._queue = BoundedQueue(bounds.decisions, bounds.size_bytes)
        self._delivered = metrics.sink_delivered.labels(self.name)
        metrics.sink_queue.labels(self.name).set_function(lambda: len(self._queue))
        self._thread = GuardedThread(f"sink-{self.name}", self._run)

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def put(self, decided: DecisionRecord, seconds: float = 0) -> Delivery | None:
        """Return the decision's delivery, None when there is no room for it within `seconds`."""
        delivery = Delivery(decided)
        return delivery if self._queue.put(delivery, seconds) else None

    def close(self) -> None:
        """Take nothing more in and, once all is delivered, end."""
        self._queue.close()

    def stop(self, seconds: float) -> int:
        """Wait up to `seconds` for the end, give up what is left, and return how many that are."""
        self._thread.join(seconds)
        return self._queue.stop()

    def _run(self) -> None:
        while batch := self._queue.take(_AT_ONCE):
            self._deliver(batch)
        try:
            self._sink.close()
        except BaseException:  # noqa: BLE001  a sink may raise anything, and this is its end
            get_logger().exception("sink not closed in order", sink=self.name)

    def _deliver(self, batch: Sequence[Delivery]) -> None:
        waiting = deque(batch)
        while waiting:
            self._await([*self._begin(waiting)])

    def _await(self, begun: Sequence[tuple[Delivery, Acknowledgement]]) -> None:
        end = self._clock.monotonic() + self._timeout_s
        for delivery, acknowledgement in begun:
            try:
                acknowledgement.wait(max(end - self._clock.monotonic(), 0))
            except BaseException as error:  # noqa: BLE001  a sink may raise anything: it is told
                self._fail(delivery, error)
            else:
                if self._queue.end(delivery, None):
                    self._delivered.inc()

    def _begin(self, waiting: deque[Delivery]) -> Iterator[tuple[Delivery, Acknowledgement]]:
        """Begin to deliver; a sink that takes its time hears of acknowledgements in between."""
        end = self._clock.monotonic() + self._timeout_s * _BEGINNING
        while waiting:
            delivery = waiting.popleft()
            try:
                acknowledgement = self._sink.submit(delivery.decided)
            except BaseException as error:  # noqa: BLE001  the same
                self._fail(delivery, error)
            else:
                yield delivery, acknowledgement
            if self._clock.monotonic() >= end:
                return

    def _fail(self, delivery: Delivery, error: BaseException) -> None:
        if self._queue.end(delivery, _classify(self.name, error)):
            self._on_failure(error)


def _classify(name: str, error: BaseException) -> Exception:
    """Return an error that says what it means: what nobody knows may go better the next time."""
    if isinstance(error, MessageRejected):
        return MessageRejected(f"{name}: {error}")
    why = error if isinstance(error, SinkBackpressureError) else type(error).__name__
    return SinkBackpressureError(f"{name}: {why}")
