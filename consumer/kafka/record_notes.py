"""What is remembered of single records."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

from kafka.structs import TopicPartition

from consumer.kafka.record import Record

T = TypeVar("T")


class RecordNotes(Generic[T]):
    """One note for each record, of at most `most` records: the oldest is forgotten first."""

    def __init__(self, most: int = 10_000) -> None:
        """Begin with none."""
        self._most = most
        self._notes: OrderedDict[tuple[str, int, int], T] = OrderedDict()

    def keep(self, record: Record, note: T) -> None:
        """Remember something of a record, in place of what was remembered of it."""
        self._notes[_place(record)] = note
        if len(self._notes) > self._most:
            self._notes.popitem(last=False)

    def find(self, record: Record) -> T | None:
        """Return what is remembered of a record, None when nothing is."""
        return self._notes.get(_place(record)) if self._notes else None

    def drop(self, record: Record) -> None:
        """Forget a record."""
        if self._notes:
            self._notes.pop(_place(record), None)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the records of partitions that another member reads from now on."""
        gone = set(partitions)
        for place in [place for place in self._notes if place[:2] in gone]:
            del self._notes[place]


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
