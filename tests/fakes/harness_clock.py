"""A clock that moves only when somebody sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_TURN_S = 0.001


class FakeClock:
    """Time as the harness sees it; `sleep` is how it passes."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.seconds = 0.0

    def monotonic(self) -> float:
        """Return the seconds that have been slept."""
        return self.seconds

    def now(self) -> datetime:
        """Return a fixed day plus the seconds that have been slept."""
        return _BEGINNING + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let time pass at once, and threads of a load do meanwhile what they do in that time."""
        self.seconds += seconds
        time.sleep(_TURN_S)
