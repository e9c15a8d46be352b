"""Threads that nobody would start again: what they meet, they log, and they go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from common.logs import get_logger
from common.seldom import Seldom

_PAUSE_S = 0.1


class Guard:
    """Guards a thread's work against errors that nobody expected."""

    def __init__(self, thread: str, seldom: Seldom | None = None) -> None:
        self._thread = thread
        self._seldom = seldom or Seldom()

    @contextmanager
    def round(self) -> Iterator[None]:
        """Log an error of the block, the same no more than once a minute, and end it there."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001  whatever it is, a thread that is gone is worse
            left_out = self._seldom.admit(type(error).__name__)
            if left_out is not None:
                with suppress(Exception):  # a log that cannot be written is no reason to die either
                    get_logger().exception("unexpected", thread=self._thread, left_out=left_out)


class GuardedThread(threading.Thread):
    """A daemon whose work begins anew after an error that nobody expected, until it returns.

    Both services start no other threads: the linter forbids them everywhere but here.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        *,
        once: bool = False,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """Prepare; what is done `once` is not tried again, all else after a pause."""
        super().__init__(name=name, daemon=True)
        self._work = work
        self._ended = once
        self._pause_s = pause_s

    def run(self) -> None:
        """Work; `start` calls this in the thread."""
        guard = Guard(self.name)
        while True:
            with guard.round():
                self._work()
                self._ended = True
            if self._ended:
                return
            time.sleep(self._pause_s)
