"""Waiting for a condition: polled, bounded, and telling all the while what still blocks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from verification.clock import Clock
from verification.errors import HarnessError

POLL_S = 0.5


class Progress(Protocol):
    """Shows somebody what is being waited for."""

    def step(self, what: str) -> None:
        """Say that a step begins."""

    def waiting(self, what: str, elapsed_s: float, reason: str) -> None:
        """Say how long `what` has been waited for and what blocks it now."""

    def done(self, what: str, elapsed_s: float) -> None:
        """Say that `what` has come true."""


class SilentProgress:
    """Shows nothing."""

    def step(self, what: str) -> None:
        """Say nothing."""

    def waiting(self, what: str, elapsed_s: float, reason: str) -> None:
        """Say nothing."""

    def done(self, what: str, elapsed_s: float) -> None:
        """Say nothing."""


class WaitTimeoutError(HarnessError):
    """A condition did not come true in time."""


class Waiter:
    """Polls conditions by a clock."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress

    def until(self, what: str, blocked_by: Callable[[], str | None], *, within: float) -> float:
        """Poll until `blocked_by` returns None; return the seconds that it took.

        It returns what is still missing otherwise, and raises to give up at once. After `within`
        seconds WaitTimeoutError says what was waited for, how long, and the last reason.
        """
        start = self._clock.monotonic()
        while True:
            reason = blocked_by()
            elapsed = self._clock.monotonic() - start
            if reason is None:
                self._progress.done(what, elapsed)
                return elapsed
            if elapsed >= within:
                message = f"{what}: not within {within:.0f} s; last seen: {reason}"
                raise WaitTimeoutError(message)
            self._progress.waiting(what, elapsed, reason)
            self._clock.sleep(min(POLL_S, within - elapsed))
