"""The state of each process of one server, shared as files: starting, or stuck."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_STUCK = "stuck-"
_STARTING = "starting-"


class WorkerState:
    """One per worker process; what it is in is marked in a directory that all of them share.

    A probe is answered by whichever worker is free, and says of the pod as a whole whether it is
    alive and has started, so each must answer for all.
    """

    def __init__(self, directory: Path, pid: int | None = None) -> None:
        """Take the shared directory; `pid` is this process's own unless given."""
        self._directory = directory
        self._stuck = directory / f"{_STUCK}{pid or os.getpid()}"
        self._starting = directory / f"{_STARTING}{pid or os.getpid()}"
        self.stopping = False

    def stop(self) -> None:
        """Be not ready from now on."""
        self.stopping = True

    def not_ready(self) -> tuple[str, ...]:
        """Return why this process, or another that has yet to start, takes no more work."""
        if self.stopping:
            return ("shutting down",)
        marks = sorted(self._directory.glob(f"{_STARTING}*"))
        return tuple(f"worker {mark.name.removeprefix(_STARTING)}: starting" for mark in marks)

    def not_alive(self) -> tuple[str, ...]:
        """Return what every stuck worker says."""
        marks = sorted(self._directory.glob(f"{_STUCK}*"))
        return tuple(_read(mark) for mark in marks if mark.exists())

    def set_starting(self) -> None:
        """Tell all workers' probes that this process has no producer so far."""
        _write(self._starting, "")

    def clear_starting(self) -> None:
        """Say that it has, or had, one, whether or not that is news."""
        _remove(self._starting)

    def set_stuck(self, why: str) -> None:
        """Tell all workers' probes that this process does not come free by itself."""
        _write(self._stuck, why)

    def clear_stuck(self) -> None:
        """Take that back, whether or not it was said."""
        _remove(self._stuck)

    def remove(self) -> None:
        """Leave nothing of a process that has ended."""
        self.clear_starting()
        self.clear_stuck()


def _write(mark: Path, text: str) -> None:
    with suppress(OSError):  # a full disk must not add to the trouble
        mark.write_text(text, encoding="utf-8")


def _remove(mark: Path) -> None:
    with suppress(OSError):
        mark.unlink(missing_ok=True)


def _read(mark: Path) -> str:
    pid = mark.name.removeprefix(_STUCK)
    try:
        return f"worker {pid}: {mark.read_text(encoding='utf-8')}"
    except OSError:
        return f"worker {pid}: stuck"
