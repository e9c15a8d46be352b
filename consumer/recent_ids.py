"""Which bid ids came lately, so that one that comes again is known for what it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from kafka.structs import TopicPartition

from consumer.record import Record

_LONGEST_ID = 256  # characters that are told apart: an id can be as long as a whole request


@dataclass(frozen=True)
class Original:
    """Where a bid id was first seen."""

    partition: int
    offset: int


class RecentIds:
    """Remembers the last `most` ids of this member's partitions, and no more.

    A client that was answered `unknown` tries again with the same id, and both records may be on
    the topic: the ingest writes an id to the same partition each time, so one member sees both. A
    record that is read again, after a retry or a rebalance, is no duplicate of itself.
    """

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self._most = most
        self._seen: OrderedDict[tuple[int, str], int] = OrderedDict()

    def __len__(self) -> int:
        """Return how many it remembers."""
        return len(self._seen)

    def original(self, record: Record, bid_id: str) -> Original | None:
        """Return where this id was first seen, None when this record is the first."""
        key = (record.partition, bid_id[:_LONGEST_ID])
        first = self._seen.get(key)
        if first is not None and first < record.offset:
            self._seen.move_to_end(key)
            return Original(record.partition, first)
        self._seen[key] = record.offset
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return None

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the ids of partitions that another member reads from now on."""
        gone = {partition.partition for partition in partitions}
        for key in [key for key in self._seen if key[0] in gone]:
            del self._seen[key]
