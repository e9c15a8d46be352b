"""The metrics of all worker processes, each of which counts in files of its own, added up."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric, generate_latest, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus_client's own recipe, `mark_process_dead` after each worker, keeps one of the promises
# below alone: it removes the files of gauges. Those of counters and histograms stay by design, two
# for each worker that ever was, and every scrape reads them all. Hence its file format is used.
_ADDED_UP = ("counter", "histogram")


def count_as(pid: int) -> None:
    """Count as this process from now on, which does not fork: each count would ask for its id.

    Nothing changes where a process counts for itself alone.
    """
    if values.ValueClass is not values.MutexValue:
        values.ValueClass = values.MultiProcessValue(lambda: pid)  # type: ignore[no-untyped-call]


class MultiprocessMetrics:
    """The files in one directory, which is this server's alone.

    The counters of a worker that has ended must stay in the sum, or they would seem to run
    backwards; its files must not stay, or they would fill the memory one worker after the other.
    They are added to a pair of files for all the dead.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._dead: set[int] = set()

    def exposition(self) -> bytes:
        """Return the counts of all workers as Prometheus text."""
        with self._lock(fcntl.LOCK_SH):
            return generate_latest(self)

    def collect(self) -> Iterable[Metric]:
        """Return the counts of all workers, added up as each metric asks for."""
        files = [str(file) for file in self._directory.glob("*.db") if _has_content(file)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged

    def mark_dead(self, pid: int) -> None:
        """Take a dead worker's gauges away, and its other counts among those of the dead.

        Never waits: while a worker reads, or hangs as it reads, this is left to the next time.
        """
        mark_process_dead(pid, str(self._directory))  # type: ignore[no-untyped-call]
        self._dead.add(pid)
        try:
            with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                while self._dead:
                    self._merge_dead(self._dead.pop())
        except BlockingIOError:
            return

    def _merge_dead(self, pid: int) -> None:
        for kind in _ADDED_UP:
            dead = self._directory / f"{kind}_{pid}.db"
            if _has_content(dead):
                _add(dead, self._directory / f"{kind}_dead.db")
            dead.unlink(missing_ok=True)

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        with (self._directory / "lock").open("a") as lock:
            fcntl.flock(lock, how)
            yield


def _has_content(file: Path) -> bool:
    """Say whether a file can be read: prometheus_client makes it before it gives it a size."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False  # a gauge of a worker that has just ended


def _add(counts: Path, to: Path) -> None:
    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(counts)):  # type: ignore[no-untyped-call]
        before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    total.close()  # type: ignore[no-untyped-call]
