"""What happens in one round to the records that wait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from kafka.structs import TopicPartition

from consumer.errors import SinkUnavailableError, UnavailableAtOnceError
from consumer.kafka.record import Polled, Record
from consumer.processing.processor import RecordHandler, Underway
from consumer.runtime import Clock, Stop


@dataclass
class Progress:
    """How far a round has come, by partition; of those in none of the three, no record was begun.

    `done` is the last record whose effect, and that of all before it, is durable; `held` says what
    stands in the way of the first of which that cannot be said. `broken`: an effect has begun of
    which nobody knows whether it ends, so that a transaction around it must be given up.
    """

    begun: Collection[TopicPartition] = ()
    done: dict[TopicPartition, Record] = field(default_factory=dict)
    held: dict[TopicPartition, str] = field(default_factory=dict)
    broken: bool = False


@dataclass(frozen=True)
class BatchProcessor:
    """Begins the effects of many records before it waits for any of them, and ends in time.

    New records are begun for `interval_s` and, whatever the strategy does with the last one, not
    after it; the partitions share that time. A stop begins no more of them. Their acknowledgements
    have `timeout_s` seconds, all together.
    """

    handler: RecordHandler
    clock: Clock
    stop: Stop
    interval_s: float
    timeout_s: float

    def process(self, polled: Polled, note: Callable[[Underway], None]) -> Progress:
        """Process each partition in order, as far as the time and the sinks let it.

        `note` is given each record whose effect is acknowledged, in order.
        """
        progress = Progress()
        begun = self._begin(polled, progress)
        progress.begun = begun.keys()
        end = self.clock.monotonic() + self.timeout_s

        def left_s() -> float:
            return max(end - self.clock.monotonic(), 0)

        for partition, underways in begun.items():
            try:
                for underway in underways:
                    note(self.handler.finish(underway, left_s))
                    progress.done[partition] = underway.record
            except SinkUnavailableError as error:
                progress.held[partition] = str(error)
                progress.broken = True
        return progress

    def _begin(
        self, polled: Polled, progress: Progress
    ) -> Mapping[TopicPartition, Sequence[Underway]]:
        begun: dict[TopicPartition, list[Underway]] = {}
        end = self.clock.monotonic() + self.interval_s
        try:
            for partition, records in polled.items():
                left_s = end - self.clock.monotonic()
                if self.stop.requested or left_s <= 0:
                    break
                share_s = left_s / (len(polled) - len(begun))
                begun[partition] = []
                try:
                    self._begin_some(records, begun[partition], share_s)
                except UnavailableAtOnceError as error:
                    progress.held[partition] = str(error)
        except SinkUnavailableError as error:
            # each further attempt could block as long as this one did
            progress.held[partition] = str(error)
            progress.broken = True
        return begun

    def _begin_some(self, records: Sequence[Record], begun: list[Underway], seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        for record in records:
            begun.append(self.handler.begin(record))
            if self.clock.monotonic() >= end or self.stop.requested:
                return
