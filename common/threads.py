"""For threads that nobody would start again: what they meet, they log, and they go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from common.logs import get_logger
from common.seldom import Seldom


class Guard:
    """Guards each round of a thread's loop against errors that nobody expected."""

    def __init__(self, thread: str, seldom: Seldom | None = None) -> None:
        """Take the thread's name for the log."""
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
                get_logger().exception("unexpected", thread=self._thread, left_out=left_out)
