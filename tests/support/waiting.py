"""Waiting for a condition, never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    probe: Callable[[], T], what: str, timeout_s: float = 30, interval_s: float = 0.02
) -> T:
    """Return the first truthy answer of `probe`; fail with `what` and the last answer."""
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() > deadline  # before the last look, which may stand still
        answer = probe()
        if answer:
            return answer
        if late:
            raise AssertionError(f"waited {timeout_s} s for {what}; last seen: {answer!r}")
        time.sleep(interval_s)


def settled(
    look: Callable[[], T], at_rest: Callable[[T], bool], what: str, timeout_s: float = 30
) -> T:
    """Look until what is seen is `at_rest` and return it; fail with `what` and the last look."""
    seen: list[T] = []

    def rests() -> bool:
        seen[:] = [look()]
        return at_rest(seen[0])

    try:
        eventually(rests, what, timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen[0]!r}") from error
    return seen[0]
