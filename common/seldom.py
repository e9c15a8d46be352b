"""Few lines of one kind in a minute, so that a log stays readable while something goes wrong."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

_WITHIN_S = 60.0
_MOST_KINDS = 1_000
_NUMBERS = re.compile(r"\d+")


@dataclass
class _Kind:
    """The times at which lines of one kind were written lately, and how many were not since."""

    written: deque[float] = field(default_factory=deque)
    left_out: int = 0


class Seldom:
    """Lets few lines of a kind a minute be written; safe to use from several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kinds: dict[Hashable, _Kind] = {}

    def admit(self, kind: Hashable, most: int = 1) -> int | None:
        """Return how many of a kind were left out since the last line; None: leave this out too."""
        now = self._monotonic()
        with self._lock:
            if len(self._kinds) >= _MOST_KINDS:  # few, unless their texts hold what always changes
                self._kinds.clear()
            known = self._kinds.setdefault(kind, _Kind())
            while known.written and now - known.written[0] >= _WITHIN_S:
                known.written.popleft()
            if len(known.written) >= most:
                known.left_out += 1
                return None
            known.written.append(now)
            left_out, known.left_out = known.left_out, 0
            return left_out


def without_numbers(text: str) -> str:
    """Return a text as what it has in common with others of its kind."""
    return _NUMBERS.sub("#", text)


class SeldomFilter(logging.Filter):
    """Lets one line a minute through of each kind that a library logs, and counts the others.

    A kind is a text without its arguments and numbers, from one logger and of one level. It is for
    a handler: a logger's own filters are not asked about the lines of the loggers below it.
    """

    def __init__(self, library: str, seldom: Seldom) -> None:
        super().__init__()
        self._of_library = logging.Filter(library)
        self._seldom = seldom

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is written, and add to it how many like it were not."""
        if not self._of_library.filter(record):
            return True
        kind = (record.name, record.levelno, without_numbers(str(record.msg)))
        left_out = self._seldom.admit(kind)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more before)", ()
        return left_out is not None
