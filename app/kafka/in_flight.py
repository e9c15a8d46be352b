"""Records and bytes in flight, bounded: kafka-python's buffer has no bound, nor have clients."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.problems import Overloaded

# Once full, it takes nothing until this share is left: without it, each record that leaves lets
# one in, and an overload becomes a queue in which every request waits for its deadline.
_REOPENS_AT = 0.8
# What is no record yet, or no more, has this share of the bytes at most: else many requests that
# begin and do not end would leave no room for the records of those that do.
_HELD = 0.5


@dataclass(frozen=True)
class Slot:
    """A record that waits: its size in bytes, and since when (monotonic seconds)."""

    number: int
    size: int
    since: float


class InFlight:
    """Counts records that wait for their acknowledgement, and bytes, up to a limit of each.

    One record alone is admitted in any case: its body is limited, and has a key and headers.
    """

    def __init__(
        self, max_records: int, max_bytes: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: dict[int, Slot] = {}
        self._bytes = 0
        self._held = 0  # of them, those that are no record's
        self._closed = False

    @property
    def pending_records(self) -> int:
        """Records that wait."""
        return len(self._waiting)

    @property
    def pending_bytes(self) -> int:
        """Bytes of all of it."""
        return self._bytes

    def oldest_s(self) -> float:
        """Return the seconds that the oldest record has waited, 0 when none waits."""
        with self._changed:
            oldest = next(iter(self._waiting.values()), None)
            return 0.0 if oldest is None else self._monotonic() - oldest.since

    def acquire(self, size: int) -> Slot:
        """Count a record of `size` bytes in; raise Overloaded, counting nothing, if it is over."""
        with self._changed:
            self._closed = self._closed and not self._reopens()
            if self._closed or not self._fits(size):
                self._closed = True
                raise Overloaded
            slot = Slot(next(self._numbers), size, self._monotonic())
            self._waiting[slot.number] = slot
            self._bytes += size
            return slot

    def release(self, slot: Slot) -> float:
        """Count a record out; return the seconds that it waited."""
        with self._changed:
            del self._waiting[slot.number]
            self._bytes -= slot.size
            if not self._waiting:
                self._changed.notify_all()
            return self._monotonic() - slot.since

    def hold(self, change: int) -> None:
        """Count bytes in that are no record, or out below zero; raise Overloaded as above."""
        with self._changed:
            if change > 0 and not self._has_room_to_hold(change):
                raise Overloaded
            self._held += change
            self._bytes += change

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Return whether nothing waits any more, after `timeout_s` seconds at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def _fits(self, size: int) -> bool:
        if not self._waiting:
            return True
        return len(self._waiting) < self._max_records and self._bytes + size <= self._max_bytes

    def _has_room_to_hold(self, size: int) -> bool:
        if self._held + size > self._max_bytes * _HELD:
            return False
        return self._bytes + size <= self._max_bytes

    def _reopens(self) -> bool:
        records, of_bytes = self._max_records * _REOPENS_AT, self._max_bytes * _REOPENS_AT
        return len(self._waiting) <= records and self._bytes <= of_bytes
