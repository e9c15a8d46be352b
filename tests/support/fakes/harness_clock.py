"""A clock that moves only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from verification.clock import Due

_BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """Time as the harness sees it; `sleep` is how it passes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._coming: dict[Iterator[Due], Due] = {}

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return _BEGINNING + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let time pass at once, from each thing that falls due meanwhile to the next."""
        until = self.seconds + seconds
        while self._coming:
            schedule, (due, begin) = min(self._coming.items(), key=lambda item: item[1][0])
            if due > until:
                break
            self.seconds = max(self.seconds, due)
            begin()
            self._ask(schedule)
        self.seconds = until

    @contextmanager
    def meanwhile(self, schedule: Iterable[Due]) -> Iterator[None]:
        """Begin and end things, without a thread, as time passes."""
        things = iter(schedule)
        self._ask(things)
        self.sleep(0)
        try:
            yield
        finally:
            self._coming.pop(things, None)

    def _ask(self, schedule: Iterator[Due]) -> None:
        self._coming.pop(schedule, None)
        if thing := next(schedule, None):
            self._coming[schedule] = thing
