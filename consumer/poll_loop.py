"""Poll, decide, deliver, commit: again and again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kafka.errors import (
    FencedInstanceIdError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import TopicPartition

from common.kafka_reasons import explain_answer
from consumer.kafka.commits import Commits
from consumer.kafka.consumer import Consumer
from consumer.kafka.control_records import ControlRecords
from consumer.kafka.offset_reset import OffsetReset
from consumer.kafka.reading import UnreadableError
from consumer.kafka.rebalance import PartitionState
from consumer.kafka.record import Polled
from consumer.kafka.stall_detector import StallDetector
from consumer.kafka.unreadable import Unreadable
from consumer.processing.backlog import Backlog
from consumer.processing.batch import Checkpointer
from consumer.processing.buffered_metrics import BufferedMetrics
from consumer.runtime import Backoff, Runtime


@dataclass(frozen=True)
class PollLoop:
    """Processes every record, in the order of its partition, and skips none.

    A round polls, begins what its time allows of all that waits, waits for the acknowledgements
    and stores offsets: it ends in a bounded time whatever the records are, and each one gets
    further. What cannot be delivered waits in the backlog, its partition alone, while the loop
    goes on polling, so the member stays in the group and no memory fills up. `poll_timeout_ms`
    bounds how late a stop is noticed.
    """

    consumer: Consumer
    offset_reset: OffsetReset
    backlog: Backlog
    commits: Commits
    checkpointer: Checkpointer
    metrics: BufferedMetrics
    control_records: ControlRecords
    stall_detector: StallDetector
    unreadable: Unreadable
    states: PartitionState
    kafka_backoff: Backoff
    runtime: Runtime
    poll_timeout_ms: int

    def run(self) -> None:
        """Go round until a stop is requested, with what has begun finished and committed."""
        while not self.runtime.stop.requested:
            self.runtime.health.beat()
            self.run_round()
        self.commits.flush()

    def run_round(self) -> None:
        """Poll once and process what waits."""
        self.commits.flush()
        self.backlog.add(self._poll())
        due = self.backlog.due()
        if due:
            self._process(due)
        self.control_records.check()
        self.stall_detector.check(empty=not due)

    def _poll(self) -> Polled:
        try:
            polled = self._records()
        except FencedInstanceIdError:
            raise
        except KafkaError as error:
            self._retry(explain_answer(error))
            return {}
        self.runtime.health.set_ready("kafka")
        self.kafka_backoff.reset()
        return polled

    def _records(self) -> Polled:
        self.unreadable.resume_due()
        self.stall_detector.reset(self.unreadable.paused)
        try:
            polled = self.consumer.poll(timeout_ms=self.backlog.due_in_ms(self.poll_timeout_ms))
        except NoOffsetForPartitionError as error:
            self.offset_reset.begin(error.args[0])
            self._reread(error.args[0])
        except OffsetOutOfRangeError as error:
            self.offset_reset.out_of_range(error.args[0])
            self._reread(error.args[0])
        except LogTruncationError as error:
            self.offset_reset.diverged(error.divergent_offsets)
            self._reread(error.divergent_offsets)
        except UnreadableError as error:
            return self.unreadable.handle(error)
        else:
            self.unreadable.clear(polled)
            return polled
        return {}

    def _reread(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget all that is known by the offsets of a log that is another one now."""
        again = self.consumer.assignment() & {*partitions}
        self.states.on_revoked(again)
        for partition in again:
            self.consumer.resume(partition)

    def _process(self, due: Polled) -> None:
        try:
            progress = self.checkpointer.process(due)
        finally:
            self.metrics.flush()
        self.control_records.note(progress.durable)
        self.backlog.settle(progress)

    def _retry(self, why: str) -> None:
        self.stall_detector.reset()
        self.runtime.metrics.retries.labels("kafka").inc()
        self.runtime.health.set_not_ready("kafka", why)
        self.runtime.stop.wait(self.kafka_backoff.next_s())
