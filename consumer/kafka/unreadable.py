"""Partitions whose next record cannot be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from kafka.structs import TopicPartition

from common.logs import get_logger
from common.seldom import Seldom
from consumer.kafka.consumer import Consumer
from consumer.kafka.reading import UnreadableError
from consumer.kafka.record import Polled, UnreadableBatch
from consumer.runtime import Backoff, Runtime


@dataclass
class _PausedPartition:
    backoff: Backoff
    until_s: float = 0.0
    said: str = ""  # in the log
    seldom: Seldom = field(default_factory=Seldom)  # of what is said


class Unreadable:
    """Holds each of them alone and has it tried again after a pause, or skips what it can name.

    To skip is to read on behind the batch, with a record in its place that becomes a dead letter:
    what is committed is what the dead letter topic has. A batch whose last offset is not certain is
    paused in any case, for nobody could say what a skip would leave out.
    """

    def __init__(
        self, consumer: Consumer, backoff: Callable[[], Backoff], runtime: Runtime, *, skip: bool
    ) -> None:
        """Hold none; `backoff` makes one for each partition."""
        self._consumer = consumer
        self._backoff = backoff
        self._runtime = runtime
        self._skip = skip
        self._paused: dict[TopicPartition, _PausedPartition] = {}

    @property
    def paused(self) -> Collection[TopicPartition]:
        """Partitions that are not read at present, or tried again just now."""
        return self._paused.keys()

    def handle(self, error: UnreadableError) -> Polled:
        """Return what stands for the batch when it is skipped; else hold its partition."""
        if self._skip and (last := error.batch.last) is not None:
            self._consumer.seek(error.partition, last + 1)
            self.clear([error.partition])
            get_logger().error("unreadable batch skipped", **_describe(error))
            return {error.partition: [_stand_in(error, last)]}
        self._pause(error)
        return {}

    def resume_due(self) -> None:
        """Let those be read whose pause is over."""
        now = self._runtime.clock.monotonic()
        for partition, paused in self._paused.items():
            if paused.until_s <= now:
                paused.until_s = math.inf
                self._consumer.resume(partition)

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are no longer this member's."""
        self.clear(partitions)

    def clear(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are read again."""
        if not self._paused:  # as after nearly every poll
            return
        for partition in self._paused.keys() & {*partitions}:
            del self._paused[partition]
            self._runtime.health.set_ready(_name(partition))
        self._runtime.metrics.unreadable.set(len(self._paused))

    def _pause(self, error: UnreadableError) -> None:
        """Read no more of a partition for a while, and say where it stands."""
        paused = self._paused.setdefault(error.partition, _PausedPartition(self._backoff()))
        pause_s = paused.backoff.next_s()
        paused.until_s = self._runtime.clock.monotonic() + pause_s
        self._consumer.pause(error.partition)
        self._runtime.metrics.retries.labels("records").inc()
        self._runtime.metrics.unreadable.set(len(self._paused))
        why = f"at {error.offset}: {error.why}"
        self._runtime.health.set_not_ready(_name(error.partition), why, expected=True)  # said below
        self._report(paused, error)

    def _report(self, paused: _PausedPartition, error: UnreadableError) -> None:
        if paused.said != str(error):
            paused.said, paused.seldom = str(error), Seldom(self._runtime.clock.monotonic)
        if paused.seldom.admit(paused.said) is None:
            return
        goes_on = "once it can be read"
        if self._skip:
            goes_on += "; not skipped, as the last offset of its batch is not certain"
        get_logger().error("record cannot be read", **_describe(error), goes_on=goes_on)


def _stand_in(error: UnreadableError, last: int) -> UnreadableBatch:
    batch, (topic, number) = error.batch, error.partition
    said = {
        "dlq-first-offset": batch.first,
        "dlq-last-offset": last,
        "dlq-batch-bytes": batch.size,
        "dlq-batch-sha256": batch.sha256,
    }
    return UnreadableBatch(
        topic,
        number,
        offset=last,
        leader_epoch=batch.leader_epoch,
        timestamp=batch.timestamp_ms,
        headers=[(name, str(value).encode("ascii")) for name, value in said.items()],
        why=error.why,
    )


def _describe(error: UnreadableError) -> dict[str, str | int | None]:
    batch, (topic, number) = error.batch, error.partition
    return {
        "topic": topic,
        "partition": number,
        "offset": error.offset,
        "error": error.why,
        "last_offset": batch.last,
        "batch_bytes": batch.size,
        "batch_sha256": batch.sha256,
    }


def _name(partition: TopicPartition) -> str:
    return f"partition {partition.partition}"
