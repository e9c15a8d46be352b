"""A clock that goes only when somebody sleeps."""

from __future__ import annotations

from consumer.runtime import Clock


class FakeTime:
    """Seconds since the epoch, the same on both of the clocks it gives."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self.now_s = now_s
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now_s, monotonic=lambda: self.now_s, sleep=self.sleep)
