"""Partitions whose next record cannot be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from kafka.structs import TopicPartition

from common.logs import get_logger
from common.seldom import Seldom
from consumer.kafka.consumer import Source
from consumer.kafka.reading import UnreadableError
from consumer.kafka.record import Polled, UnreadableBatch
from consumer.runtime import Backoff, Runtime


@dataclass
class _Held:
    backoff: Backoff
    until_s: float = 0.0
    said: str = ""  # in the log
    seldom: Seldom = field(default_factory=Seldom)  # of what is said


class Unreadable:
    """Holds each of them alone and has it tried again after a pause, or skips what it can name.

    To skip is to read on behind the batch, with a record in its place that becomes a dead letter:
    what is committed is what the dead letter topic has. A batch whose last offset is not certain is
    held in any case, for nobody could say what a skip would leave out.
    """

    def __init__(
        self, source: Source, backoff: Callable[[], Backoff], runtime: Runtime, *, skip: bool
    ) -> None:
        """Hold none; `backoff` makes one for each partition."""
        self._source = source
        self._backoff = backoff
        self._runtime = runtime
        self._skip = skip
        self._held: dict[TopicPartition, _Held] = {}

    @property
    def held(self) -> Collection[TopicPartition]:
        """Partitions that are not read at present, or tried again just now."""
        return self._held.keys()

    def meet(self, error: UnreadableError) -> Polled:
        """Return what stands for the batch when it is skipped; else hold its partition."""
        if self._skip and (last := error.batch.last) is not None:
            self._source.seek(error.partition, last + 1)
            self.forget([error.partition])
            get_logger().error("unreadable batch skipped", **_told(error))
            return {error.partition: [_stand_in(error, last)]}
        self._hold(error)
        return {}

    def try_again(self) -> None:
        """Let those be read whose pause is over."""
        now = self._runtime.clock.monotonic()
        for partition, held in self._held.items():
            if held.until_s <= now:
                held.until_s = math.inf
                self._source.resume(partition)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are read, or no longer this member's."""
        if not self._held:  # as after nearly every poll
            return
        for partition in self._held.keys() & {*partitions}:
            del self._held[partition]
            self._runtime.health.clear(_name(partition))
        self._runtime.metrics.unreadable.set(len(self._held))

    def _hold(self, error: UnreadableError) -> None:
        """Read no more of a partition for a while, and say where it stands."""
        held = self._held.setdefault(error.partition, _Held(self._backoff()))
        pause_s = held.backoff.next_s()
        held.until_s = self._runtime.clock.monotonic() + pause_s
        self._source.pause(error.partition)
        self._runtime.metrics.retries.labels("records").inc()
        self._runtime.metrics.unreadable.set(len(self._held))
        why = f"at {error.offset}: {error.why}"
        self._runtime.health.hinder(_name(error.partition), why, expected=True)  # said below
        self._say(held, error)

    def _say(self, held: _Held, error: UnreadableError) -> None:
        if held.said != str(error):
            held.said, held.seldom = str(error), Seldom(self._runtime.clock.monotonic)
        if held.seldom.admit(held.said) is None:
            return
        goes_on = "once it can be read"
        if self._skip:
            goes_on += "; not skipped, as the last offset of its batch is not certain"
        get_logger().error("record cannot be read", **_told(error), goes_on=goes_on)


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


def _told(error: UnreadableError) -> dict[str, str | int | None]:
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
