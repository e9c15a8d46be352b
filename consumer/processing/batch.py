"""One round over the records that wait: submitted together, then waited for together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kafka.structs import TopicPartition

from consumer.errors import PartitionBackpressureError, SinkBackpressureError
from consumer.kafka.record import Polled, Record
from consumer.processing.processor import InFlight, RecordProcessor
from consumer.runtime import Clock, Stop


@dataclass
class Progress:
    """The progress of a round by partition; of those in none of the three, no record was begun.

    `finished` are the records whose effect is durable, from the first one on; `paused` says what
    stands in the way of the next. `broken`: an effect has begun of which nobody knows whether it
    ends, so that a transaction around it must be given up.
    """

    submitted: Collection[TopicPartition] = ()
    finished: dict[TopicPartition, list[InFlight]] = field(default_factory=dict)
    paused: dict[TopicPartition, str] = field(default_factory=dict)
    broken: bool = False

    @property
    def durable(self) -> dict[TopicPartition, Record]:
        """The last record of each partition whose effect, and that of all before, is durable."""
        return {tp: finished[-1].record for tp, finished in self.finished.items()}


class Checkpointer(Protocol):
    """Processes batches, and keeps what it must for those that are not yet durable."""

    def process(self, polled: Polled) -> Progress:
        """Bring about the effects of a batch and store its offsets; tell how far that came.

        Raise FencedInstanceIdError when another process has taken this member's place.
        """

    def pass_over(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Store positions before which there is no record that waits; say whether that is done.

        Raise as `process` does.
        """

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is kept for partitions that are no longer this member's."""


@dataclass(frozen=True)
class BatchProcessor:
    """Begins the effects of many records before it waits for any of them, and ends in time.

    New records are submitted for `interval_s` and, whatever the strategy does with the last one,
    not after it; the partitions share that time. A stop submits no more of them. Their
    acknowledgements have `timeout_s` seconds, all together. What is finished counts at once, unless
    a transaction around it is still to be committed: `transactional`.
    """

    processor: RecordProcessor
    clock: Clock
    stop: Stop
    interval_s: float
    timeout_s: float
    transactional: bool = False

    def process(self, polled: Polled) -> Progress:
        """Process each partition in order, as far as the time and the sinks let it."""
        progress = Progress()
        submitted = self._submit(polled, progress)
        progress.submitted = submitted.keys()
        end = self.clock.monotonic() + self.timeout_s

        def left_s() -> float:
            return max(end - self.clock.monotonic(), 0)

        for partition, in_flight in submitted.items():
            try:
                for each in in_flight:
                    finished = self.processor.join(each, left_s)
                    progress.finished.setdefault(partition, []).append(finished)
                    if not self.transactional:
                        self.processor.record(finished)
            except SinkBackpressureError as error:
                progress.paused[partition] = str(error)
                progress.broken = True
        return progress

    def record(self, progress: Progress) -> None:
        """Count and log what is finished, in order: its transaction is committed."""
        for finished in progress.finished.values():
            for each in finished:
                self.processor.record(each)

    def _submit(
        self, polled: Polled, progress: Progress
    ) -> Mapping[TopicPartition, Sequence[InFlight]]:
        submitted: dict[TopicPartition, list[InFlight]] = {}
        end = self.clock.monotonic() + self.interval_s
        try:
            for partition, records in polled.items():
                left_s = end - self.clock.monotonic()
                if self.stop.requested or left_s <= 0:
                    break
                share_s = left_s / (len(polled) - len(submitted))
                submitted[partition] = []
                try:
                    self._submit_some(records, submitted[partition], share_s)
                except PartitionBackpressureError as error:
                    progress.paused[partition] = str(error)
        except SinkBackpressureError as error:
            # each further attempt could block as long as this one did
            progress.paused[partition] = str(error)
            progress.broken = True
        return submitted

    def _submit_some(
        self, records: Sequence[Record], submitted: list[InFlight], seconds: float
    ) -> None:
        end = self.clock.monotonic() + seconds
        for record in records:
            submitted.append(self.processor.submit(record))
            if self.clock.monotonic() >= end or self.stop.requested:
                return
