"""Which bid ids came lately, so that one that comes again is known for what it is."""

from __future__ import annotations

from collections.abc import Iterable

from kafka.structs import TopicPartition

from common.decisions import FirstSeen
from consumer.kafka.record import Record

_LONGEST_ID = 256  # characters that are told apart: an id can be as long as a whole request


class DuplicateDetector:
    """Remembers at most `most` ids of this member's partitions, and at least the last half of that.

    A client that was answered `unknown` tries again with the same id, and both records may be on
    the topic: the ingest writes an id to the same partition each time, so one member sees both. A
    record that is read again, after a retry or a rebalance, is no duplicate of itself.

    There are two halves, and a full one takes the other's place: an ordered dictionary takes twice
    the memory for each id, and grows although nothing is added.
    """

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many it remembers."""
        return len(self._newer | self._older)

    def first_seen(self, record: Record, bid_id: str) -> FirstSeen | None:
        """Return where this id was first seen, None when this record is the first."""
        key = f"{record.partition}/{bid_id[:_LONGEST_ID]}"
        first = self._newer.get(key)
        if first is None:
            first = self._older.get(key)
        if first is not None and first < record.offset:
            self._remember(key, first)
            return FirstSeen(record.partition, first)
        self._remember(key, record.offset)
        return None

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the ids of partitions that another member reads from now on."""
        gone = tuple(f"{partition.partition}/" for partition in partitions)
        for half in (self._newer, self._older):
            for key in [key for key in half if key.startswith(gone)]:
                del half[key]

    def _remember(self, key: str, offset: int) -> None:
        self._newer[key] = offset
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer if self._half else {}, {}
