"""A clock that runs forty times as fast as the machine's."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_SPEED = 40.0


class FastClock:
    """Time for checks that wait for threads: these need real time, and a test has little of it."""

    def monotonic(self) -> float:
        """Return fast seconds."""
        return time.monotonic() * _SPEED

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let fast seconds pass."""
        time.sleep(seconds / _SPEED)
