"""Poll, decide, deliver, commit: again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka.errors import (
    FencedInstanceIdError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.kafka.consumer import Source
from consumer.kafka.lag import Lag
from consumer.kafka.offset_reset import Positions
from consumer.kafka.reading import UnreadableError
from consumer.kafka.record import Polled, Record, position_of
from consumer.kafka.stall_detector import Watchdog
from consumer.kafka.unreadable import Unreadable
from consumer.processing.guarantee import Guarantee
from consumer.runtime import Backoff, Runtime


@dataclass(frozen=True)
class PollLoop:
    """Processes every record, in the order of its partition, and skips none.

    The guarantee stores offsets once all sinks, or the dead letter topic, have what they are
    about. What cannot be delivered is polled again after a pause: positions go back to the first
    record that is not safe, so the member stays in the group and no memory fills up.
    `poll_timeout_ms` bounds how late a stop is noticed.
    """

    source: Source
    positions: Positions
    guarantee: Guarantee
    lag: Lag
    watchdog: Watchdog
    unreadable: Unreadable
    kafka_backoff: Backoff
    sinks_backoff: Backoff
    runtime: Runtime
    poll_timeout_ms: int

    def run(self) -> None:
        """Go round until a stop is requested, with the last batch finished and committed."""
        while not self.runtime.stop.requested:
            self.runtime.health.beat()
            self.go_round()
        self.guarantee.flush()

    def go_round(self) -> None:
        """Poll once and process what came."""
        self.guarantee.flush()
        polled = self._poll()
        if polled:
            self._process(polled)
        self.lag.report()
        self.watchdog.look(empty=not polled)

    def _poll(self) -> Polled:
        try:
            polled = self._records()
        except FencedInstanceIdError:
            raise
        except KafkaError as error:
            self._try_again("kafka", str(error), self.kafka_backoff)
            return {}
        self.runtime.health.clear("kafka")
        self.kafka_backoff.reset()
        return polled

    def _records(self) -> Polled:
        self.unreadable.try_again()
        self.watchdog.forget(self.unreadable.held)
        try:
            polled = self.source.poll(timeout_ms=self.poll_timeout_ms)
        except NoOffsetForPartitionError as error:
            self.positions.begin(error.args[0])
        except OffsetOutOfRangeError as error:
            self.positions.out_of_range(error.args[0])
            self.unreadable.forget(error.args[0])
        except LogTruncationError as error:
            self.positions.diverged(error.divergent_offsets)
            self.unreadable.forget(error.divergent_offsets)
        except UnreadableError as error:
            return self.unreadable.meet(error)
        else:
            self.unreadable.forget(polled)
            return polled
        return {}

    def _process(self, polled: Polled) -> None:
        progress = self.guarantee.process(polled)
        self.lag.note(progress.done)
        if progress.held:
            self._go_back(progress.held)
            self._try_again("sinks", progress.why, self.sinks_backoff)
        else:
            self.runtime.health.clear("sinks")
            self.sinks_backoff.reset()

    def _go_back(self, held: Mapping[TopicPartition, Record]) -> None:
        self.lag.note(held)
        for partition, record in held.items():
            self.source.seek(partition, position_of(record))

    def _try_again(self, unavailable: str, why: str, backoff: Backoff) -> None:
        self.watchdog.excuse()
        pause_s = backoff.next_s()
        self.runtime.metrics.retries.labels(unavailable).inc()
        self.runtime.health.hinder(unavailable, why)
        get_logger().warning("trying again", unavailable=unavailable, why=why, pause_s=pause_s)
        self.runtime.stop.wait(pause_s)
