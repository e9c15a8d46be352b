"""How long the machine itself stood still: what no deadline of a process on it can be held to."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.ingest import ROOT

_NAP_S = 0.01
_WORK_S = 0.0005
_USUAL_S = 0.005  # what a nap takes too long on a machine that has nothing else to do
_WINDOW_S = 1.0


class Stalls:
    """A process of its own that naps and works a little, and notes the time it did not get.

    It does nothing that could wait for anybody: what it loses, any process of the machine may lose.
    """

    def __enter__(self) -> Self:
        """Begin to measure."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.stalls"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop measuring."""
        self._process.communicate(timeout=10)

    def most_s(self) -> float:
        """Return the most seconds that were lost within any one second until now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


class Meter:
    """Adds up what is lost within a sliding second."""

    def __init__(self) -> None:
        """Begin with nothing lost."""
        self._recent: deque[tuple[float, float]] = deque()
        self.most_s = 0.0

    def note(self, now_s: float, lost_s: float) -> None:
        """Take what a nap and its work took beyond what they were meant to take."""
        if lost_s <= _USUAL_S:
            return
        self._recent.append((now_s, lost_s))
        while self._recent[0][0] < now_s - _WINDOW_S:
            self._recent.popleft()
        self.most_s = max(self.most_s, sum(lost for _, lost in self._recent))


def lost_in_one_nap(
    clock: Callable[[], float] = time.monotonic,
    cpu: Callable[[], float] = time.process_time,
    sleep: Callable[[float], object] = time.sleep,
) -> float:
    """Nap, work, and return the seconds that went to neither."""
    began, worked = clock(), cpu()
    sleep(_NAP_S)
    while cpu() - worked < _WORK_S:
        pass
    return clock() - began - _NAP_S - (cpu() - worked)


def main() -> None:
    """Measure until standard input ends; for each line there, tell the most so far."""
    meter, ended = Meter(), threading.Event()

    def measure() -> None:
        while not ended.is_set():
            lost = lost_in_one_nap()
            meter.note(time.monotonic(), lost)

    measuring = threading.Thread(target=measure)
    measuring.start()
    for _ in sys.stdin:
        sys.stdout.write(f"{meter.most_s}\n")
        sys.stdout.flush()
    ended.set()
    measuring.join()


if __name__ == "__main__":
    main()
