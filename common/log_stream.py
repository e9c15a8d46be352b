"""A stream of log lines that one thread writes together, and all others at once."""

from __future__ import annotations

from contextlib import suppress
from threading import get_ident
from typing import Protocol


class Stream(Protocol):
    """As much of a text stream as logging needs."""

    def write(self, text: str, /) -> int:
        """Take a part of a line."""

    def flush(self) -> None:
        """Write what was taken."""


class LogStream:
    """Stands in front of a buffered stream: each flush is a call of the kernel.

    A thread that answers many clients in one pass keeps its lines back until the pass is over.
    """

    def __init__(self, stream: Stream) -> None:
        """Flush whenever asked to."""
        self._stream = stream
        self._keeper = 0  # the thread that writes its lines together; none has this number

    def keep_back(self) -> None:
        """Leave flushes of this thread to `write_kept`, from now on."""
        self._keeper = get_ident()

    def write_kept(self) -> None:
        """Flush; where nothing can be written, the lines stay with the stream for the next time."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.flush()

    def write_line(self, line: str) -> None:
        """Write a line, its end included."""
        self.write(f"{line}\n")
        self.flush()

    def write(self, text: str) -> int:
        """Take a part of a line."""
        return self._stream.write(text)

    def flush(self) -> None:
        """Write what was taken, unless this thread keeps its lines back."""
        if get_ident() != self._keeper:
            self._stream.flush()
