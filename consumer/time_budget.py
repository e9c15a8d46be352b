"""A limit on how long a strategy may take, that holds also for one that never returns."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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

    Only Python code is interrupted. A strategy that hangs inside a C extension stops the poll loop,
    and the liveness probe tells.
    """

    def __init__(self, seconds: float) -> None:
        """Take the time that one block may take; call this in the main thread."""
        self._seconds = seconds
        signal.signal(signal.SIGALRM, _interrupt)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Raise OutOfTimeError inside the block once its time is up."""
        try:
            signal.setitimer(signal.ITIMER_REAL, self._seconds)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError
