"""What the processes of one server tell each other: that one is stuck, or that this one stops."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PREFIX = "stuck-"


class Lifecycle:
    """One per worker process; being stuck is marked in a directory that all of them share.

    A probe is answered by whichever worker is free. For the platform to restart the pod, each must
    answer for all.
    """

    def __init__(self, directory: Path, pid: int | None = None) -> None:
        """Take the shared directory; `pid` is this process's own unless given."""
        self._directory = directory
        self._mark = directory / f"{_PREFIX}{pid or os.getpid()}"
        self.stopping = False

    def stop(self) -> None:
        """Be not ready from now on."""
        self.stopping = True

    def not_ready(self) -> tuple[str, ...]:
        """Return why this process takes no more work."""
        return ("shutting down",) if self.stopping else ()

    def mark_stuck(self, why: str) -> None:
        """Tell all workers' probes that this process does not come free by itself."""
        with suppress(OSError):  # a full disk must not add to the trouble
            self._mark.write_text(why, encoding="utf-8")

    def clear(self) -> None:
        """Take the mark away, whether or not it was there."""
        with suppress(OSError):
            self._mark.unlink(missing_ok=True)

    def not_alive(self) -> tuple[str, ...]:
        """Return what every stuck worker says."""
        marks = sorted(self._directory.glob(f"{_PREFIX}*"))
        return tuple(_read(mark) for mark in marks if mark.exists())


def _read(mark: Path) -> str:
    pid = mark.name.removeprefix(_PREFIX)
    try:
        return f"worker {pid}: {mark.read_text(encoding='utf-8')}"
    except OSError:
        return f"worker {pid}: stuck"
