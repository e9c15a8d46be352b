"""What happens to the records of one poll."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kafka.structs import TopicPartition

from consumer.errors import SinkUnavailableError, UnavailableAtOnceError
from consumer.kafka.record import Polled, Record
from consumer.processing.processor import RecordHandler, Underway
from consumer.runtime import Clock


@dataclass
class Progress:
    """How far a batch has come, by partition.

    `done` is the last record whose effect, and that of all before it, is durable; `held` the first
    of which that cannot be said; `why` tells what stood in the way.
    """

    done: dict[TopicPartition, Record] = field(default_factory=dict)
    held: dict[TopicPartition, Record] = field(default_factory=dict)
    why: str = ""


class BatchProcessor:
    """Begins the effects of all records before it waits for any of them."""

    def __init__(self, handler: RecordHandler, clock: Clock, timeout_s: float) -> None:
        """Give all acknowledgements of a batch together `timeout_s` seconds."""
        self._handler = handler
        self._clock = clock
        self._timeout_s = timeout_s

    def process(self, polled: Polled, note: Callable[[Underway], None]) -> Progress:
        """Process each partition in order, as far as the sinks let it.

        `note` is given each record whose effect is acknowledged, in order.
        """
        progress = Progress()
        begun = self._begin(polled, progress)
        end = self._clock.monotonic() + self._timeout_s
        for partition, records in polled.items():
            finished = self._finish(begun[partition], end, progress, note)
            if finished > 0:
                progress.done[partition] = records[finished - 1]
            if finished < len(records):
                progress.held[partition] = records[finished]
        return progress

    def _begin(
        self, polled: Polled, progress: Progress
    ) -> Mapping[TopicPartition, Sequence[Underway]]:
        begun: dict[TopicPartition, list[Underway]] = {partition: [] for partition in polled}
        try:
            for partition, records in polled.items():
                self._begin_partition(records, begun[partition], progress)
        except SinkUnavailableError as error:
            # each further attempt could block as long as this one did
            progress.why = str(error)
        return begun

    def _begin_partition(
        self, records: Sequence[Record], begun: list[Underway], progress: Progress
    ) -> None:
        try:
            for record in records:
                begun.append(self._handler.begin(record))  # noqa: PERF401  kept where the next one raises
        except UnavailableAtOnceError as error:
            progress.why = progress.why or str(error)

    def _finish(
        self,
        begun: Sequence[Underway],
        end: float,
        progress: Progress,
        note: Callable[[Underway], None],
    ) -> int:
        for finished, underway in enumerate(begun):
            try:
                note(self._handler.finish(underway, lambda: max(end - self._clock.monotonic(), 0)))
            except SinkUnavailableError as error:
                progress.why = progress.why or str(error)
                return finished
        return len(begun)
