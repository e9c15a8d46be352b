"""Where the figures were taken: processor, cores, and who runs on which of them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("flask", "gunicorn", "kafka-python", "marshmallow", "msgspec")


def cores() -> Sequence[int]:
    """Return the cores that this process may use; none where processes cannot be pinned."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def pin(*to: int) -> None:
    """Keep this process, and all that it starts from now on, on these cores."""
    os.sched_setaffinity(0, to)


def pinned(to: Sequence[int], command: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs `command` on these cores."""
    where = ",".join(map(str, to))
    return (sys.executable, "-m", "bench.machine", where, *command)


def described() -> dict[str, str]:
    """Return the processor, the number of cores, and the versions of what was measured."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


if __name__ == "__main__":
    pin(*map(int, sys.argv[1].split(",")))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  the command is the bench's own
