"""What a command tells the person while it works, apart from its output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_CLEAR = "\r\x1b[K"


class Messages:
    """Lines for a person, from any thread; a passing status overwrites itself on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._passing = ""
        self._lock = threading.Lock()
        self._elsewhere: Callable[[str], object] | None = None

    @contextmanager
    def through(self, say: Callable[[str], object]) -> Iterator[None]:
        """Meanwhile let something else that writes to the stream write the lines that stay."""
        with self._lock:
            self._elsewhere = say
        try:
            yield
        finally:
            with self._lock:
                self._elsewhere = None

    def say(self, text: str) -> None:
        """Write a line that stays."""
        with self._lock:
            if self._elsewhere is None:
                self._write(f"{self._erased()}{text}\n")
            else:
                self._elsewhere(text)

    def show(self, text: str) -> None:
        """Write a passing status: on a terminal it is overwritten by what comes next.

        Elsewhere it is a line like others, and comes once until it changes.
        """
        with self._lock:
            if self._terminal:
                self._write(f"{_CLEAR}{text}")
            elif text != self._passing:
                self._write(f"{text}\n")
            self._passing = text

    def _erased(self) -> str:
        passing, self._passing = self._passing, ""
        return _CLEAR if passing and self._terminal else ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def printable(text: str | bytes | None, also: str = "") -> str:
    """Return text from elsewhere, all but printable characters and those of `also` escaped."""
    if text is None:
        return "-"
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    return "".join(x if x.isprintable() or x in also else ascii(x)[1:-1] for x in text)
