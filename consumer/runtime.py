"""Shared by the parts of one process: time, the wish to stop, health, metrics, traces."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from common.tracing import NoTracer, Tracer
from consumer.health.health import Health
from consumer.metrics import ConsumerMetrics

_SLICE_S = 0.1


@dataclass(frozen=True)
class Clock:
    """Wall time, monotonic time (both in seconds) and sleeping."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def epoch_ms(self) -> int:
        """Return the wall time in epoch milliseconds."""
        return int(self.wall() * 1000)


class Stop:
    """Requested from a signal handler, looked at by the poll loop.

    A plain flag and short sleeps instead of a threading.Event: a handler that runs while its own
    thread is inside Event.wait can find the event's lock taken, for good.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.requested = False

    def request(self) -> None:
        """Wish to stop."""
        self.requested = True

    def wait(self, seconds: float) -> None:
        """Sleep, but not much longer than until a stop is requested."""
        end = self._clock.monotonic() + seconds
        while not self.requested and (left := end - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _SLICE_S))


class Backoff:
    """Doubles from `first_s` to `longest_s` seconds until something succeeds."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the seconds to wait now and double those of the next time."""
        now = min(self._next_s, self._longest_s)
        self._next_s = now * 2
        return now

    def reset(self) -> None:
        """Begin again at `first_s`."""
        self._next_s = self._first_s


@dataclass(frozen=True)
class Runtime:
    """One of each per process."""

    clock: Clock
    stop: Stop
    health: Health
    metrics: ConsumerMetrics
    tracer: Tracer = field(default_factory=NoTracer)
