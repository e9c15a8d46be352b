"""What goes on beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Background:
    """Work on a thread of its own, from the beginning of the context to its end."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.ending = threading.Event()
        self._thread = threading.Thread(target=work, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Have it end, and wait for that."""
        self.ending.set()
        self._thread.join()
