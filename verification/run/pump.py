"""The services' lines, carried to our own streams whole."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO

HELD_LINES = 2_000


class Pump:
    """Copies lines of several processes to one place, from the moment of `release` on.

    Until then the newest lines are kept, so that the banner comes first. `on_broken` is called
    once when nobody reads that place any more.
    """

    def __init__(self, write: Callable[[bytes], object], on_broken: Callable[[], object]) -> None:
        self._write = write
        self._on_broken = on_broken
        self._lock = threading.Lock()
        self._held: deque[bytes] | None = deque(maxlen=HELD_LINES)
        self._broken = False
        self._minding = True

    def attach(self, stream: IO[bytes]) -> threading.Thread:
        """Copy `stream` from a thread of its own until it ends."""
        thread = threading.Thread(target=self._copy, args=(stream,), daemon=True)
        thread.start()
        return thread

    def release(self) -> None:
        """Write what was held back and pass on what comes."""
        with self._lock:
            held, self._held = self._held or (), None
            for line in held:
                self._pass_on(line)

    def finish(self) -> None:
        """Pass everything on, and no longer mind when nobody reads it."""
        self.release()
        self._minding = False

    def _copy(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                whole = line if line.endswith(b"\n") else line + b"\n"
                with self._lock:
                    if self._held is None:
                        self._pass_on(whole)
                    else:
                        self._held.append(whole)

    def _pass_on(self, line: bytes) -> None:
        if self._broken:
            return
        try:
            self._write(line)
        except OSError:
            self._broken = True
            if self._minding:
                self._on_broken()
