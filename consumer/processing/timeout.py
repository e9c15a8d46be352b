"""A limit on how long a strategy may take, that holds also for one that never returns."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Protocol

from common.threads import GuardedThread

_AGAIN_S = 0.01


class StrategyTimeout(BaseException):
    """The time is up. No Exception: a strategy that catches everything must not catch this."""


class Timeout(Protocol):
    """Limits a block of code; StrategyTimeout is raised inside it when its time is up."""

    def __call__(self) -> AbstractContextManager[None]:
        """Return the context that is limited."""


def no_timeout() -> AbstractContextManager[None]:
    """Limit nothing."""
    return nullcontext()


class AlarmTimeout:
    """Interrupts the main thread by SIGALRM: no other thread, and no block left running behind.

    A thread that looks at the clock sends it. The signal of a timer would go to any thread of this
    process, and where that is not the main one, what waits there goes on waiting. It looks when the
    time of a block can be up at the earliest, so a block costs no system call.

    Only Python code is interrupted. A strategy that hangs inside a C extension stops the poll loop,
    and the liveness probe tells.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the time that one block may take; call this in the main thread."""
        self._seconds = seconds
        self._monotonic = monotonic
        self._end: float | None = None  # of the block that is being run, by the monotonic clock
        signal.signal(signal.SIGALRM, self._on_alarm)
        main = threading.get_ident()
        GuardedThread("strategy-timeout", lambda: self._watch(main)).start()

    def __call__(self) -> AlarmTimeout:
        """Return the context: StrategyTimeout is raised inside the block once its time is up."""
        return self

    def __enter__(self) -> None:
        """Begin the block."""
        self._end = self._monotonic() + self._seconds

    def __exit__(self, *_error: object) -> None:
        """End it: nothing is raised from here on."""
        self._end = None

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._end is not None and self._end <= self._monotonic():
            self._end = None
            raise StrategyTimeout

    def _watch(self, main: int) -> None:
        while True:
            end = self._end
            left = self._seconds if end is None else end - self._monotonic()
            if left <= 0:
                signal.pthread_kill(main, signal.SIGALRM)
            time.sleep(max(left, _AGAIN_S))
