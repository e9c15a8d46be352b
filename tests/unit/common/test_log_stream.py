"""Lines of one pass of a loop are one write; everybody else's are written at once."""

from __future__ import annotations

from threading import Thread

import pytest

from common.log_stream import LogStream

pytestmark = pytest.mark.promise("observable")


class BufferedStream:
    """What is kept of a stream until it is flushed, and what is written; it may be full."""

    def __init__(self) -> None:
        self.kept, self.written = "", ""
        self.is_full = False

    def write(self, text: str) -> int:
        """Keep it."""
        self.kept += text
        return len(text)

    def flush(self) -> None:
        """Write what is kept, or fail."""
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.written, self.kept = self.written + self.kept, ""


class TestLogStream:
    """In front of a buffered stream."""

    def setup_method(self) -> None:
        """Write nothing so far."""
        self.there = BufferedStream()
        self.stream = LogStream(self.there)

    def test_the_lines_of_a_pass_are_written_together(self) -> None:
        """At once at first; once a thread keeps them back when it says so, in their order."""
        self.stream.write_line("a")
        assert self.there.written == "a\n"
        self.stream.keep_back()
        self.stream.write_line("b")
        self.stream.write_line("c")
        assert self.there.written == "a\n"
        self.stream.write_kept()
        assert self.there.written == "a\nb\nc\n"

    def test_another_thread_waits_for_nobody(self) -> None:
        """What another thread says is written at once, with all that was said before."""
        self.stream.keep_back()
        self.stream.write_line("a")
        other = Thread(target=self.stream.write_line, args=("b",))
        other.start()
        other.join()
        assert self.there.written == "a\nb\n"

    def test_what_cannot_be_written_waits_for_the_next_time(self) -> None:
        """A full disk ends no pass, and the lines come once there is room."""
        self.stream.keep_back()
        self.stream.write_line("a")
        for self.there.is_full in (True, False):
            self.stream.write_kept()
        assert self.there.written == "a\n"
