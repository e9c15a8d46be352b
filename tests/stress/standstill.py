"""A machine that stands still: all processes of a command are stopped at random for seconds."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import psutil

GOES_S = (0.5, 6.0)
STANDS_S = (0.5, 4.0)
_STILL = {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}


class Stoppable(Protocol):
    """What is needed of a psutil.Process."""

    def status(self) -> str:
        """Return whether it runs, is stopped, or has ended."""

    def suspend(self) -> None:
        """Stop it."""

    def resume(self) -> None:
        """Continue it."""


Family = Callable[[], Sequence[Stoppable]]


@contextlib.contextmanager
def held(family: Family) -> Iterator[None]:
    """Stop every process of the family, also those begun meanwhile; continue them at the end.

    What a test itself has stopped is left as it is.
    """
    ours: list[Stoppable] = []
    try:
        while sum(_stop(process, ours) for process in family()):
            pass
        yield
    finally:
        for process in reversed(ours):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def _stop(process: Stoppable, ours: list[Stoppable]) -> bool:
    """Stop it unless it is; whether it was not, and may have begun others meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if process in ours or process.status() in _STILL:
            return False
        ours.append(process)  # before it is stopped, so that none stays behind
        process.suspend()
        return True
    return False


def stalling(
    wait: Callable[[float], int],
    family: Family,
    dice: random.Random,
    sleep: Callable[[float], None],
) -> tuple[int, int]:
    """Hold the family now and then until `wait` returns a status; return it and the stalls."""
    stalls = 0
    while True:
        try:
            return wait(dice.uniform(*GOES_S)), stalls
        except subprocess.TimeoutExpired:
            with held(family):
                sleep(dice.uniform(*STANDS_S))
            stalls += 1
