"""The lag of the group, as Kafka has it, whoever reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from common.logs import get_logger
from common.threads import GuardedThread
from consumer.kafka.reading import UnreadableError
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock

_ANSWER_MS = 1_000


@dataclass(frozen=True)
class Offsets:
    """The beginning and the end of a partition's log, and the group's place in it."""

    beginning: int
    end: int
    committed: int = 0  # also when there is none: what there is waits

    @property
    def next(self) -> int:
        """The offset of the oldest record that is not processed."""
        return max(self.committed, self.beginning)

    @property
    def lag(self) -> int:
        """Records that are not processed, those counted that mark the ends of transactions."""
        return max(self.end - self.next, 0)


class GroupOffsets(Protocol):
    """A group's offsets, and those of the topic that it reads."""

    def read(self) -> Mapping[int, Offsets]:
        """Return the offsets of every partition, by number; raise KafkaError."""

    def timestamp_ms(self, partition: int, offset: int) -> int | None:
        """Return when the first record from `offset` on was written; None when that is unknown."""

    def close(self) -> None:
        """Let go of the connections."""


class KafkaGroupOffsets:
    """Questions that end within a second or two each; not safe to use from several threads."""

    def __init__(self, consumer: Any, topic: str) -> None:  # noqa: ANN401  kafka-python ships no types
        self._consumer = consumer
        self._topic = topic

    def read(self) -> Mapping[int, Offsets]:
        """Return the offsets of every partition, by number; raise KafkaError.

        The group's are asked for before the ends: what is done in between shows as lag for a
        moment, and nothing that waits is ever left out.
        """
        numbers = self._consumer.partitions_for_topic(self._topic) or ()
        partitions = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        stored = self._consumer.fetch_committed(partitions, timeout_ms=_ANSWER_MS)
        committed = {tp: place.offset for tp, place in stored.items()}
        ends = self._consumer.end_offsets(partitions, timeout_ms=_ANSWER_MS)
        beginnings = self._consumer.beginning_offsets(partitions, timeout_ms=_ANSWER_MS)
        return {
            tp.partition: Offsets(beginnings[tp], ends[tp], committed.get(tp, 0))
            for tp in partitions
        }

    def timestamp_ms(self, partition: int, offset: int) -> int | None:
        """Return when the first record from `offset` on was written; None when that is unknown."""
        there = TopicPartition(self._topic, partition)
        self._consumer.assign([there])
        self._consumer.seek(there, offset)
        try:
            polled = self._consumer.poll(timeout_ms=_ANSWER_MS, max_records=1)
        except UnreadableError as error:
            return _or_none(error.batch.timestamp_ms)
        finally:
            self._consumer.unsubscribe()
        return next((_or_none(records[0].timestamp) for records in polled.values()), None)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close(autocommit=False, timeout_ms=0)


class Lag:
    """Asks Kafka once a second, in a thread of its own: also while a round of the loop lasts.

    Every member of the group reports all partitions, whoever reads them, or nobody. While Kafka
    does not answer, the messages stay as they were and the seconds go on growing.
    """

    def __init__(
        self,
        connect: Callable[[], GroupOffsets],
        clock: Clock,
        metrics: ConsumerMetrics,
        every_s: float = 1.0,
    ) -> None:
        """Prepare; `connect` raises KafkaError or OSError as long as Kafka is away."""
        self._every_s = every_s
        self._connect = connect
        self._clock = clock
        self._metrics = metrics
        self._kafka: GroupOffsets | None = None
        self._oldest: dict[int, tuple[int, int | None]] = {}  # its offset, and epoch milliseconds
        self._stopped = threading.Event()
        self._thread = GuardedThread("lag", self._run)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End; a question that Kafka does not answer ends by itself."""
        self._stopped.set()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for the thread to end."""
        self._thread.join(seconds)

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def check(self) -> None:
        """Ask once and set the gauges."""
        try:
            self._kafka = self._kafka or self._connect()
            found = self._kafka.read()
            for partition, offsets in found.items():
                self._show(partition, offsets)
            for partition in self._oldest.keys() - found.keys():
                self._take_away(partition)
            self._metrics.lag_readings.inc()
        except (KafkaError, OSError) as error:
            self._let_go()
            get_logger().debug("lag not known", why=str(error))
        except Exception:
            self._let_go()
            raise

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.check()
            self._stopped.wait(self._every_s)
        self._let_go()

    def _show(self, partition: int, offsets: Offsets) -> None:
        self._metrics.lag_messages.labels(str(partition)).set(offsets.lag)
        self._oldest[partition] = (offsets.next, self._timestamp_ms(partition, offsets))
        seconds = self._metrics.lag_seconds.labels(str(partition))
        seconds.set_function(partial(self._seconds, partition))

    def _take_away(self, partition: int) -> None:
        """Show nothing of a partition that is not there any more: the topic was made anew."""
        self._metrics.lag_messages.remove(str(partition))
        self._metrics.lag_seconds.remove(str(partition))
        del self._oldest[partition]

    def _timestamp_ms(self, partition: int, offsets: Offsets) -> int | None:
        """Return when the oldest record that is not processed was written; None when all are."""
        if not offsets.lag or self._kafka is None:
            return None
        offset, known = self._oldest.get(partition, (-1, None))
        if known is not None and offset == offsets.next:
            return known
        written = self._kafka.timestamp_ms(partition, offsets.next)
        # what is not known is not younger than what was processed last
        return known or self._clock.epoch_ms() if written is None else written

    def _seconds(self, partition: int) -> float:
        _, written = self._oldest.get(partition, (0, None))  # taken away during a scrape
        return 0.0 if written is None else max(self._clock.wall() - written / 1000, 0.0)

    def _let_go(self) -> None:
        kafka, self._kafka = self._kafka, None
        if kafka is not None:
            with suppress(KafkaError, OSError):
                kafka.close()


def _or_none(timestamp_ms: int) -> int | None:
    return timestamp_ms if timestamp_ms >= 0 else None
