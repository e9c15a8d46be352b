"""A limit on dead letters: where so many are given up, the fault is not the records'."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from kafka.structs import TopicPartition

from consumer.kafka.record import Record
from consumer.kafka.record_notes import RecordNotes


class DlqLimitExceeded(Exception):
    """Disposition: stop. A person has to look before more of the topic is given up."""


class DlqLimit:
    """Counts what becomes of records, and ends it where too many are given up.

    A broken strategy, or a partner's new format, would else move the whole topic to the dead
    letters. `most_in_a_row` is by partition; `most_of_window` is a share of the last
    `window` records of all partitions, and counts once the window is full.

    A record counts once, however often it is tried: a single one whose dead letter cannot be
    written for hours is one. It can be decided on first and be given up later, when a sink has
    refused the decision, so that each of the two is remembered by itself.
    """

    def __init__(self, most_in_a_row: int, most_of_window: float, window: int = 1000) -> None:
        self._most_in_a_row = most_in_a_row
        self._most_of_window = most_of_window
        self._in_a_row: dict[tuple[str, int], int] = {}
        self._decided: dict[tuple[str, int], int] = {}  # the last offset of each partition
        self._buried: RecordNotes[bool] = RecordNotes()
        self._last: deque[bool] = deque(maxlen=window)
        self._given_up = 0

    def note_decided(self, record: Record) -> None:
        """Count a record that was decided on."""
        where = (record.topic, record.partition)
        if record.offset <= self._decided.get(where, -1):
            return
        self._decided[where] = record.offset
        self._in_a_row.pop(where, None)
        self._note(given_up=False)

    def note_given_up(self, record: Record) -> None:
        """Count a record that is to be given up; raise DlqLimitExceeded instead."""
        if self._buried.find(record):
            return
        self._buried.keep(record, note=True)
        where = (record.topic, record.partition)
        in_a_row = self._in_a_row.get(where, 0) + 1
        self._in_a_row[where] = in_a_row
        self._note(given_up=True)
        if in_a_row > self._most_in_a_row:
            raise DlqLimitExceeded(
                f"{in_a_row} records in a row of {record.topic}-{record.partition} would be given "
                f"up (CONSUMER_DLQ_MAX_CONSECUTIVE={self._most_in_a_row}), the last at offset "
                f"{record.offset}"
            )
        full = len(self._last) == self._last.maxlen
        if full and self._given_up > self._most_of_window * len(self._last):
            raise DlqLimitExceeded(
                f"{self._given_up} of the last {len(self._last)} records would be given up "
                f"(CONSUMER_DLQ_MAX_RATIO={self._most_of_window})"
            )

    def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Drop the rows of partitions that another member reads from now on."""
        for partition in partitions:
            self._in_a_row.pop(partition, None)
            self._decided.pop(partition, None)
        self._buried.on_revoked(partitions)

    def _note(self, *, given_up: bool) -> None:
        if len(self._last) == self._last.maxlen:
            self._given_up -= self._last[0]
        self._last.append(given_up)
        self._given_up += given_up
