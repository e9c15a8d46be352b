"""Records that were polled and are not safe yet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import ceil

from kafka.structs import TopicPartition

from consumer.kafka.consumer import Consumer
from consumer.kafka.record import Polled, Record
from consumer.processing.batch import Progress
from consumer.runtime import Backoff, Runtime


@dataclass
class _PendingPartition:
    records: list[Record]
    backoff: Backoff
    paused_until_s: float | None = None
    paused: bool = False


class Backlog:
    """Keeps records by partition, in their order, until their effects and offsets are safe.

    What a round has no time for waits here for the next one; no more of its partition is fetched
    meanwhile, so it holds one poll of each partition at most. A partition whose record could not
    be delivered is paused for a while, alone. Those that have waited longest come first.
    """

    def __init__(
        self, consumer: Consumer, new_backoff: Callable[[], Backoff], runtime: Runtime
    ) -> None:
        """Begin empty; each partition that is paused backs off by itself."""
        self._consumer = consumer
        self._new_backoff = new_backoff
        self._runtime = runtime
        self._pending: dict[TopicPartition, _PendingPartition] = {}

    def add(self, polled: Polled) -> None:
        """Keep what was polled; of a partition that is read anew it replaces what waited."""
        for partition, records in polled.items():
            waiting = self._pending.get(partition)
            if waiting is not None and waiting.records[-1].offset < records[0].offset:
                waiting.records.extend(records)
            else:
                self._pending[partition] = _PendingPartition([*records], self._new_backoff())

    def due(self) -> Polled:
        """Return the records of the partitions that are not paused at present."""
        now = self._runtime.clock.monotonic()
        return {
            partition: waiting.records
            for partition, waiting in self._pending.items()
            if waiting.paused_until_s is None or waiting.paused_until_s <= now
        }

    def due_in_ms(self, most_ms: int) -> int:
        """Return how many milliseconds, 1 to `most_ms`, there is nothing to do but to poll."""
        now = self._runtime.clock.monotonic()
        waits = [(it.paused_until_s or now) - now for it in self._pending.values()]
        return max(min([most_ms, *(ceil(wait_s * 1000) for wait_s in waits)]), 1)

    def settle(self, progress: Progress) -> None:
        """Let go of what is safe, hold what could not be delivered, and keep the rest."""
        durable = progress.durable
        for partition in durable.keys() & self._pending.keys():
            self._drop(partition, durable[partition].offset)
        for partition in progress.paused.keys() & self._pending.keys():
            self._pause(partition)
        for partition in progress.submitted & self._pending.keys():
            self._pending[partition] = self._pending.pop(partition)  # the others have their turn
        self._report(progress)
        for partition, waiting in self._pending.items():
            if not waiting.paused:
                self._consumer.pause(partition)
                waiting.paused = True

    def next_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset of the first record that waits, None when there is none."""
        waiting = self._pending.get(partition)
        return waiting.records[0].offset if waiting else None

    def paused(self) -> Collection[TopicPartition]:
        """Return the partitions whose records could not be delivered when last tried."""
        return {tp for tp, waiting in self._pending.items() if waiting.paused_until_s is not None}

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the records of partitions that are no longer this member's."""
        for partition in partitions:
            self._pending.pop(partition, None)
        self._report(Progress())

    def _drop(self, partition: TopicPartition, offset: int) -> None:
        waiting = self._pending[partition]
        del waiting.records[: bisect_right(waiting.records, offset, key=lambda it: it.offset)]
        waiting.paused_until_s = None
        waiting.backoff.reset()
        if not waiting.records:
            del self._pending[partition]
            if waiting.paused:
                self._consumer.resume(partition)

    def _pause(self, partition: TopicPartition) -> None:
        waiting = self._pending[partition]
        waiting.paused_until_s = self._runtime.clock.monotonic() + waiting.backoff.next_s()

    def _report(self, progress: Progress) -> None:
        if progress.paused:
            self._runtime.metrics.retries.labels("sinks").inc()
            self._runtime.health.set_not_ready("sinks", next(iter(progress.paused.values())))
        elif not self.paused():
            self._runtime.health.set_ready("sinks")
