"""A bounded memory of single records."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

from kafka.structs import TopicPartition

from consumer.kafka.record import Place, Record, place

T = TypeVar("T")


class RecordNotes(Generic[T]):
    """One note for each record, of at most `most` records: the oldest is forgotten first."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._notes: OrderedDict[Place, T] = OrderedDict()

    def keep(self, record: Record, note: T) -> None:
        """Remember something of a record, in place of what was remembered of it."""
        self._notes[place(record)] = note
        if len(self._notes) > self._most:
            self._notes.popitem(last=False)

    def find(self, record: Record) -> T | None:
        """Return what is remembered of a record, None when nothing is."""
        return self._notes.get(place(record)) if self._notes else None

    def drop(self, record: Record) -> None:
        """Forget a record."""
        if self._notes:
            self._notes.pop(place(record), None)

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the records of partitions that another member reads from now on."""
        gone = set(partitions)
        for at in [at for at in self._notes if at[:2] in gone]:
            del self._notes[at]
