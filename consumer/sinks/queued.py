"""Sinks behind a queue, each in a thread of its own, so that its slowness is its own.

What happens to a decision that finds the queue full, or that the sink does not take, is the
policy: a durable sink is waited for and holds the partition, a dropping one loses the decision and
counts it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.logs import get_logger
from common.threads import GuardedThread
from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.kafka.record import Place, place
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.sinks import PATIENCE
from consumer.sinks.queue import BoundedQueue, Delivery
from consumer.sinks.sink import Acknowledgement, Sink

_AT_ONCE = 100
_BEGINNING = 0.1  # of the timeout
_COMPLAINS_EVERY_S = 10.0


@dataclass(frozen=True)
class Bounds:
    """The decisions, and bytes, that may wait for a sink, and the seconds it may keep silent."""

    decisions: int
    size_bytes: int
    timeout_s: float


class QueuedSink:
    """Takes a sink over and passes decisions on to it, in their order."""

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        self.name = sink.name
        self._sink = sink
        self._timeout_s = bounds.timeout_s
        self._clock = clock
        self._queue = BoundedQueue(bounds.decisions, bounds.size_bytes)
        self._delivered = metrics.sink_delivered.labels(self.name)
        metrics.sink_queue.labels(self.name).set_function(lambda: len(self._queue))
        self._thread = GuardedThread(f"sink-{self.name}", self._run)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def close(self) -> None:
        """Take nothing more in and, once all is delivered, end."""
        self._queue.close()

    def stop(self, seconds: float) -> int:
        """Wait up to `seconds` for the end, give up what is left, and return how many that are."""
        self.close()
        self._thread.join(seconds)
        return self._queue.clear()

    def _put(self, decided: DecisionRecord, seconds: float = 0) -> Delivery | None:
        """Return the decision's delivery, None when there is no room for it within `seconds`."""
        delivery = Delivery(decided)
        return delivery if self._queue.put(delivery, seconds) else None

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
            self._await([*self._submit_some(waiting)])

    def _submit_some(self, waiting: deque[Delivery]) -> Iterator[tuple[Delivery, Acknowledgement]]:
        """Begin to deliver; a sink that takes its time hears of acknowledgements in between."""
        end = self._clock.monotonic() + self._timeout_s * _BEGINNING
        while waiting:
            delivery = waiting.popleft()
            try:
                acknowledgement = self._sink.submit(delivery.decided)
            except BaseException as error:  # noqa: BLE001  a sink may raise anything: it is told
                self._fail(delivery, error)
            else:
                yield delivery, acknowledgement
            if self._clock.monotonic() >= end:
                return

    def _await(self, submitted: Sequence[tuple[Delivery, Acknowledgement]]) -> None:
        end = self._clock.monotonic() + self._timeout_s
        for delivery, acknowledgement in submitted:
            try:
                acknowledgement.wait(max(end - self._clock.monotonic(), 0))
            except BaseException as error:  # noqa: BLE001  the same
                self._fail(delivery, error)
            else:
                if self._queue.end(delivery, None):
                    self._delivered.inc()

    def _fail(self, delivery: Delivery, error: BaseException) -> bool:
        """End it with an error; return False where it had ended before."""
        return self._queue.end(delivery, _classify(self.name, error))


class DurableSink(QueuedSink):
    """Is waited for, no longer than Kafka; what it does not take holds its partition.

    A full queue makes the decisions of a batch wait, all of them together PATIENCE. What was not
    delivered in the time of a batch stays in the queue: when it is submitted again, the same
    delivery is waited for, or a slow sink would never get to the end of its own past.
    """

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        super().__init__(sink, bounds, metrics, clock)
        self._longest_wait_s = self._wait_s = bounds.timeout_s * PATIENCE
        self._most_awaited = 2 * bounds.decisions
        self._awaited: dict[Place, Delivery] = {}

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Put the decision into the queue, or raise SinkBackpressureError when that stays full."""
        delivery = self._awaited.get(place(decided.record))
        if delivery is None or not _is_about(delivery, decided):
            delivery = self._put_or_raise(decided)
        return _Awaited(self, delivery)

    def wait_for(self, delivery: Delivery, seconds: float) -> None:
        """Wait as `Acknowledgement.wait` does; the next batch has all the time for a full queue."""
        self._wait_s = self._longest_wait_s
        try:
            delivery.wait(seconds)
        finally:
            if delivery.over.is_set():  # what is submitted from now on is delivered anew
                self._awaited.pop(place(delivery.decided.record), None)

    def _put_or_raise(self, decided: DecisionRecord) -> Delivery:
        began = self._clock.monotonic()
        delivery = self._put(decided, self._wait_s)
        self._wait_s = max(self._wait_s - (self._clock.monotonic() - began), 0)
        if delivery is None:
            raise SinkBackpressureError(f"{self.name}: the queue is full")
        self._awaited[place(decided.record)] = delivery
        if len(self._awaited) > self._most_awaited:  # of partitions that have gone, mostly
            self._awaited = {at: it for at, it in self._awaited.items() if not it.over.is_set()}
        return delivery


class DroppingSink(QueuedSink):
    """Is waited for by nobody: what it does not take is dropped, and counted."""

    def __init__(self, sink: Sink, bounds: Bounds, metrics: ConsumerMetrics, clock: Clock) -> None:
        super().__init__(sink, bounds, metrics, clock)
        self._drops = metrics.sink_drops
        self._quiet_until: dict[str, float] = {}

    def try_put(self, decided: DecisionRecord) -> None:
        """Put the decision into the queue, or drop it when that is full; neither wait nor raise."""
        if self._put(decided) is None:
            self._count("full", "the queue is full")

    def stop(self, seconds: float) -> int:
        """Do the same, and count what is left as dropped."""
        left = super().stop(seconds)
        if left:
            self._drops.labels(self.name, "stopped").inc(left)
            get_logger().warning("sink left behind", sink=self.name, decisions=left)
        return left

    def _fail(self, delivery: Delivery, error: BaseException) -> bool:
        was_open = super()._fail(delivery, error)
        if was_open:  # not the error's words, which may quote the decision
            self._count(_reason(error), type(error).__name__)
        return was_open

    def _count(self, reason: str, why: str) -> None:
        self._drops.labels(self.name, reason).inc()
        now = self._clock.monotonic()
        if now >= self._quiet_until.get(reason, now):
            self._quiet_until[reason] = now + _COMPLAINS_EVERY_S
            get_logger().warning("sink drops decisions", sink=self.name, reason=reason, why=why)


@dataclass(frozen=True)
class _Awaited:
    sink: DurableSink
    delivery: Delivery

    def wait(self, seconds: float) -> None:
        self.sink.wait_for(self.delivery, seconds)


def _is_about(delivery: Delivery, decided: DecisionRecord) -> bool:
    """Whether request and decision are the same: a topic made anew has another request there."""
    known = delivery.decided
    return (known.request, known.decision) == (decided.request, decided.decision)


def _classify(name: str, error: BaseException) -> Exception:
    """Return an error that says what it means: what nobody knows may go better the next time."""
    if isinstance(error, MessageRejected):
        return MessageRejected(f"{name}: {error}")
    why = error if isinstance(error, SinkBackpressureError) else type(error).__name__
    return SinkBackpressureError(f"{name}: {why}")


def _reason(error: BaseException) -> str:
    if isinstance(error, MessageRejected):
        return "refused"
    return "unavailable" if isinstance(error, SinkBackpressureError) else "failed"
