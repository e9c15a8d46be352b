"""Partitions whose next record cannot be read."""

from __future__ import annotations

import math
from collections.abc import Iterable

from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.kafka.consumer import Source
from consumer.kafka.reading import UnreadableError
from consumer.runtime import Runtime


class Unreadable:
    """Holds each of them alone, and has it tried again after a pause: nothing is skipped."""

    def __init__(self, source: Source, pause_s: float, runtime: Runtime) -> None:
        """Hold none."""
        self._source = source
        self._pause_s = pause_s
        self._runtime = runtime
        self._until: dict[TopicPartition, float] = {}

    def hold(self, error: UnreadableError) -> None:
        """Read no more of a partition for a while, and say where it stands."""
        topic, number = error.partition
        self._source.pause(error.partition)
        self._until[error.partition] = self._runtime.clock.monotonic() + self._pause_s
        self._runtime.metrics.retries.labels("records").inc()
        self._runtime.health.hinder(_name(error.partition), f"at {error.offset}: {error.why}")
        get_logger().error(
            "record cannot be read",
            topic=topic,
            partition=number,
            offset=error.offset,
            error=error.why,
            pause_s=self._pause_s,
        )

    def try_again(self) -> None:
        """Let those be read whose pause is over."""
        now = self._runtime.clock.monotonic()
        for partition in [tp for tp, until in self._until.items() if until <= now]:
            self._until[partition] = math.inf
            self._source.resume(partition)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are read, or no longer this member's."""
        for partition in self._until.keys() & {*partitions}:
            del self._until[partition]
            self._runtime.health.clear(_name(partition))


def _name(partition: TopicPartition) -> str:
    return f"partition {partition.partition}"
