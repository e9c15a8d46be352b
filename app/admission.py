"""How much may wait for Kafka at once: kafka-python's own buffer has no bound."""

from __future__ import annotations

import threading

from app.refusals import Overloaded


class Admission:
    """Counts records and bytes that wait for their acknowledgement, up to a limit of each."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        """Admit up to `max_records` records of `max_bytes` bytes in all."""
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._records = 0
        self._bytes = 0

    @property
    def pending_records(self) -> int:
        """Records that wait."""
        return self._records

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def enter(self, size: int) -> None:
        """Count a record of `size` bytes in; raise Overloaded, counting nothing, if it is over."""
        with self._changed:
            if self._records >= self._max_records or self._bytes + size > self._max_bytes:
                raise Overloaded
            self._records += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Count a record of `size` bytes out."""
        with self._changed:
            self._records -= 1
            self._bytes -= size
            if not self._records:
                self._changed.notify_all()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Return whether nothing waits any more, after `timeout_s` seconds at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._records, timeout_s)
