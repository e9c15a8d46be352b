"""Waiting for a condition, never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    probe: Callable[[], T],
    what: str,
    timeout_s: float = 30,
    interval_s: float = 0.02,
    until: Callable[[T], object] = bool,
) -> T:
    """Return the first answer of `probe` that is true, or that `until` finds so.

    Fails with `what` and the last answer.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() > deadline  # before the last look, which may stand still
        answer = probe()
        if until(answer):
            return answer
        if late:
            raise AssertionError(f"waited {timeout_s} s for {what}; last seen: {answer!r}")
        time.sleep(interval_s)
