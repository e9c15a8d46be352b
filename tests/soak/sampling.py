"""Memory, threads and open files of processes over time, and whether they grow."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from tests.support.background import Background

EVERY_S = 0.5
WARM_UP_S = 5.0  # of a process
MIB = 1024 * 1024
_LEAST = 12  # samples: fewer say nothing about growth


@dataclass(frozen=True)
class Sample:
    """One look at a process: bytes of memory, threads, file descriptors."""

    memory: int
    threads: int
    files: int


@dataclass(frozen=True)
class Growth:
    """How much more of each a process has in the last third of its time than in the first."""

    service: str
    pid: int
    seconds: float
    first: Sample
    last: Sample


Processes = Callable[[], Mapping[str, Sequence[psutil.Process]]]


class Sampler(Background):
    """Looks at all processes twice a second, inside its context."""

    def __init__(self, processes: Processes) -> None:
        super().__init__(self._run)
        self._processes = processes
        self._samples: defaultdict[tuple[str, int], list[Sample]] = defaultdict(list)

    @property
    def looks(self) -> int:
        """How many samples there are, of all processes."""
        return sum(map(len, self._samples.values()))

    def growth(self) -> list[Growth]:
        """Return the growth of each process that lived long enough to show one."""
        warm = int(WARM_UP_S / EVERY_S)
        return [
            Growth(service, pid, len(samples) * EVERY_S, *thirds(samples[warm:]))
            for (service, pid), samples in self._samples.items()
            if len(samples) >= warm + _LEAST
        ]

    def _run(self) -> None:
        while not self.ending.wait(EVERY_S):
            try:
                for service, processes in self._processes().items():
                    for process in processes:
                        self._samples[service, process.pid].append(look(process))
            except psutil.NoSuchProcess:
                time.sleep(0)  # it ended while it was looked at: the next round sees its successor


def look(process: psutil.Process) -> Sample:
    """Look at a process once; raise psutil.NoSuchProcess when it is gone."""
    with process.oneshot():
        return Sample(process.memory_info().rss, process.num_threads(), process.num_fds())


def thirds(samples: Sequence[Sample]) -> tuple[Sample, Sample]:
    """Return the medians of the first and of the last third."""
    third = len(samples) // 3
    return median(samples[:third]), median(samples[-third:])


def median(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure."""
    return Sample(
        int(statistics.median(sample.memory for sample in samples)),
        int(statistics.median(sample.threads for sample in samples)),
        int(statistics.median(sample.files for sample in samples)),
    )
