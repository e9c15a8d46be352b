"""What happened when: the spans that the report draws and sums up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from verification.clock import Clock


@dataclass(frozen=True)
class Span:
    """One piece of the run, in seconds since its beginning."""

    name: str
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end_s - self.start_s


class Timeline:
    """Spans, in the order in which they ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.spans: list[Span] = []

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return self._clock.monotonic() - self._start

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Note how long the body takes, however it ends."""
        start = self.elapsed()
        try:
            yield
        finally:
            self.spans.append(Span(name, start, self.elapsed()))
