"""A limit on how long a strategy may take, that holds also for one that never returns."""

from __future__ import annotations

import atexit
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Protocol


class OutOfTimeError(BaseException):
    """The time is up. No Exception: a strategy that catches everything must not catch this."""


class TimeBudget(Protocol):
    """Limits a block of code; OutOfTimeError is raised inside it when its time is up."""

    def __call__(self) -> AbstractContextManager[None]:
        """Return the context that is limited."""


def unlimited() -> AbstractContextManager[None]:
    """Limit nothing."""
    return nullcontext()


class AlarmBudget:
    """Interrupts the main thread by SIGALRM: no other thread, and nothing left running behind.

    The timer is not set for each block, which would cost two system calls, but for the first one
    after it went off; where it then meets another block, it is set to that one's end.

    Only Python code is interrupted. A strategy that hangs inside a C extension stops the poll loop,
    and the liveness probe tells.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the time that one block may take; call this in the main thread."""
        self._seconds = seconds
        self._monotonic = monotonic
        self._end: float | None = None  # of the block that is being run, by the monotonic clock
        self._set = False
        signal.signal(signal.SIGALRM, self._look)
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # or it kills a process that ends

    def __call__(self) -> AlarmBudget:
        """Return the context: OutOfTimeError is raised inside the block once its time is up."""
        return self

    def __enter__(self) -> None:
        """Begin the block."""
        self._end = self._monotonic() + self._seconds
        if not self._set:
            self._set_timer(self._seconds)

    def __exit__(self, *_error: object) -> None:
        """End it: nothing is raised from here on."""
        self._end = None

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        self._set = False
        if self._end is None:
            return
        left = self._end - self._monotonic()
        if left > 0:
            self._set_timer(left)
        else:
            self._end = None
            raise OutOfTimeError

    def _set_timer(self, seconds: float) -> None:
        self._set = True
        signal.setitimer(signal.ITIMER_REAL, seconds)
