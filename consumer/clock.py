"""The time, as the services' parts are given it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Wall time, monotonic time (both in seconds) and sleeping."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def epoch_ms(self) -> int:
        """Return the wall time in epoch milliseconds."""
        return int(self.wall() * 1000)
