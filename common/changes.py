"""Troubles of a service, logged when they begin and end, and seldom in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from common.logs import get_logger
from common.seldom import Seldom, without_numbers

_CHANGES_A_MINUTE = 3


@dataclass
class _Trouble:
    """Since when something has been in the way, how often it was said, and whether in the log."""

    why: str
    since_s: float
    times: int = 0
    logged: bool = False


class Changes:
    """Writes `not ready` and `ready again`; safe to use from several threads.

    What is told again and again is a line at first, a line where the reason is another, and
    otherwise one a minute with a count. What comes and goes all the time is no flood either: of one
    trouble there are three such lines a minute at most.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seldom = Seldom(monotonic)
        self._lock = threading.Lock()
        self._troubles: dict[str, _Trouble] = {}

    def begin(self, what: str, why: str, **told: object) -> None:
        """Note that `what` does not work, or still does not; `told` goes with the line."""
        with self._lock:
            trouble = self._troubles.get(what)
            changed = trouble is None or without_numbers(trouble.why) != without_numbers(why)
            if trouble is None:
                trouble = self._troubles[what] = _Trouble(why, self._monotonic())
            trouble.why = why
            trouble.times += 1
            if self._seldom.admit(what, _CHANGES_A_MINUTE if changed else 1) is None:
                return
            trouble.logged = True
            times = trouble.times
        get_logger().warning("not ready", what=what, why=why, times=times, **told)

    def end(self, what: str) -> None:
        """Note that `what` works, whether or not that is news."""
        with self._lock:
            trouble = self._troubles.pop(what, None)
        if trouble is not None and trouble.logged:
            lasted_s = round(self._monotonic() - trouble.since_s, 1)
            get_logger().info("ready again", what=what, after_s=lasted_s, times=trouble.times)
