"""Where short-lived files of the process go: in memory where the system offers it."""

from __future__ import annotations

import os
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the kernel's tmpfs; names in it are made unique


def memory_dir() -> str | None:
    """Return a writable directory in memory, or None for the system's temporary directory."""
    return str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None
