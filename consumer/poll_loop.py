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
from consumer.kafka.consumer import Source
from consumer.kafka.control_records import ControlRecords
from consumer.kafka.offset_reset import Positions
from consumer.kafka.reading import UnreadableError
from consumer.kafka.rebalance import Book
from consumer.kafka.record import Polled
from consumer.kafka.stall_detector import Watchdog
from consumer.kafka.unreadable import Unreadable
from consumer.processing.account import Account
from consumer.processing.backlog import Backlog
from consumer.processing.guarantee import Guarantee
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

    source: Source
    positions: Positions
    backlog: Backlog
    commits: Commits
    guarantee: Guarantee
    account: Account
    control_records: ControlRecords
    watchdog: Watchdog
    unreadable: Unreadable
    books: Book
    kafka_backoff: Backoff
    runtime: Runtime
    poll_timeout_ms: int

    def run(self) -> None:
        """Go round until a stop is requested, with what has begun finished and committed."""
        while not self.runtime.stop.requested:
            self.runtime.health.beat()
            self.go_round()
        self.commits.flush()

    def go_round(self) -> None:
        """Poll once and process what waits."""
        self.commits.flush()
        self.backlog.add(self._poll())
        due = self.backlog.due()
        if due:
            self._process(due)
        self.control_records.look()
        self.watchdog.look(empty=not due)

    def _poll(self) -> Polled:
        try:
            polled = self._records()
        except FencedInstanceIdError:
            raise
        except KafkaError as error:
            self._try_again(explain_answer(error))
            return {}
        self.runtime.health.clear("kafka")
        self.kafka_backoff.reset()
        return polled

    def _records(self) -> Polled:
        self.unreadable.try_again()
        self.watchdog.forget(self.unreadable.held)
        try:
            polled = self.source.poll(timeout_ms=self.backlog.due_in_ms(self.poll_timeout_ms))
        except NoOffsetForPartitionError as error:
            self.positions.begin(error.args[0])
            self._read_anew(error.args[0])
        except OffsetOutOfRangeError as error:
            self.positions.out_of_range(error.args[0])
            self._read_anew(error.args[0])
        except LogTruncationError as error:
            self.positions.diverged(error.divergent_offsets)
            self._read_anew(error.divergent_offsets)
        except UnreadableError as error:
            return self.unreadable.meet(error)
        else:
            self.unreadable.forget(polled)
            return polled
        return {}

    def _read_anew(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget all that is known by the offsets of a log that is another one now."""
        again = self.source.assignment() & {*partitions}
        self.books.forget(again)
        for partition in again:
            self.source.resume(partition)

    def _process(self, due: Polled) -> None:
        try:
            progress = self.guarantee.process(due)
        finally:
            self.account.write()
        self.control_records.note(progress.done)
        self.backlog.settle(progress)

    def _try_again(self, why: str) -> None:
        self.watchdog.excuse()
        self.runtime.metrics.retries.labels("kafka").inc()
        self.runtime.health.hinder("kafka", why)
        self.runtime.stop.wait(self.kafka_backoff.next_s())
