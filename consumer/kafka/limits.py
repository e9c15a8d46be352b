"""The limits of topics, as the producer goes by them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import size_of_varint

from common.topic_limits import DEFAULT_BYTES

ESTIMATED_BYTES = 17  # that kafka-python's own estimate can be above the size of a record
_SMALL = 100_000  # bytes: what takes no more is not measured
_OFTEN_S = 60.0


class TopicLimits:
    """The limits of all topics that are written to.

    What the broker itself refuses as too large is fatal to an idempotent producer of kafka-python,
    and to all records that it has in hand: a record over the limit must not get that far. A limit
    can be raised while this process runs, so Kafka is asked anew where a record does not fit, but
    once a minute at most; and with each new producer, as one that was lowered costs the producer.
    """

    def __init__(
        self,
        ask: Callable[[], Mapping[str, int]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what asks Kafka, which raises KafkaError; nothing is asked before `refresh`."""
        self._ask = ask
        self._monotonic = monotonic
        self._bytes: Mapping[str, int] = {}
        self._asked_at = monotonic()
        self.small = _SMALL

    def refresh(self) -> None:
        """Ask; raise KafkaError."""
        self._asked_at = self._monotonic()
        self._bytes = self._ask()
        # far enough from every limit for what names and lengths of headers add
        self.small = min(_SMALL, min(self.all_bytes) // 8)

    @property
    def all_bytes(self) -> Sequence[int]:
        """The limits, in no order."""
        return [*self._bytes.values()] or [DEFAULT_BYTES]

    def check(self, topic: str, size: int) -> None:
        """Raise MessageSizeTooLargeError where a topic takes no batch of this size."""
        if size > self._of(topic) and self._monotonic() - self._asked_at >= _OFTEN_S:
            self._try_to_refresh()
        if size > self._of(topic):
            raise MessageSizeTooLargeError(f"{size} bytes, where {self._of(topic)} are taken")

    def _of(self, topic: str) -> int:
        return self._bytes.get(topic, DEFAULT_BYTES)

    def _try_to_refresh(self) -> None:
        try:
            self.refresh()
        except KafkaError:
            return  # what was known is the best guess


def batch_bytes(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
) -> int:
    """Return the size of a batch of this one record, uncompressed: what Kafka holds to the limit.

    kafka-python's own estimate is up to ESTIMATED_BYTES more, and refuses what was taken once.
    """
    # attributes, and the distances to the batch's offset and timestamp: a byte each
    body = 3 + DefaultRecordBatchBuilder.size_of(key, value, headers)
    header = DefaultRecordBatchBuilder.header_size_in_bytes()
    return int(header + size_of_varint(body) + body)
