"""Time, passed in so that tests need not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

AT_ONCE = 64

# What is to be begun, and the monotonic time at which it is due, the earliest first.
Due = tuple[float, Callable[[], None]]


class Clock(Protocol):
    """What the harness needs of time."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""

    def meanwhile(self, schedule: Iterable[Due]) -> AbstractContextManager[None]:
        """Until left, begin each thing when it is due, however long earlier ones take.

        The next one is asked for when the one before it has begun. When the block is left, what
        has begun has ended, and an exception of it has been raised.
        """


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)

    @contextmanager
    def meanwhile(self, schedule: Iterable[Due]) -> Iterator[None]:
        """Begin things from a thread of its own, up to AT_ONCE at the same time."""
        left = Event()
        begun: list[Future[None]] = []

        def begin_all() -> None:
            for due, thing in schedule:
                if left.wait(max(0.0, due - time.monotonic())):
                    return
                begun.append(pool.submit(thing))

        with ThreadPoolExecutor(AT_ONCE + 1, "meanwhile") as pool:
            beginning = pool.submit(begin_all)
            try:
                yield
            finally:
                left.set()
                wait([beginning])  # a pool that ends takes nothing, and it may be about to begin
        for thing in [beginning, *begun]:
            thing.result()
