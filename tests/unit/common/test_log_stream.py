"""Lines of one pass of a loop are one write; everybody else's are written at once."""

from __future__ import annotations

from threading import Thread

from common.log_stream import LogStream


class CountingStream:
    """A buffered stream that knows how often it was flushed, and may be full."""

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


def test_lines_are_written_at_once() -> None:
    """Before a thread keeps its lines back, a flush is a flush."""
    there = CountingStream()
    LogStream(there).write_line("a")
    assert there.written == "a\n"


def test_the_lines_of_a_pass_are_written_together() -> None:
    """A thread that keeps its lines back has them written when it says so, in their order."""
    there = CountingStream()
    stream = LogStream(there)
    stream.keep_back()
    stream.write_line("a")
    stream.write_line("b")
    assert there.written == ""
    stream.write_kept()
    assert there.written == "a\nb\n"


def test_another_thread_waits_for_nobody() -> None:
    """What another thread says is written at once, with all that was said before."""
    there = CountingStream()
    stream = LogStream(there)
    stream.keep_back()
    stream.write_line("a")
    other = Thread(target=stream.write_line, args=("b",))
    other.start()
    other.join()
    assert there.written == "a\nb\n"


def test_what_cannot_be_written_waits_for_the_next_time() -> None:
    """A full disk ends no pass, and the lines come once there is room."""
    there = CountingStream()
    stream = LogStream(there)
    stream.keep_back()
    stream.write_line("a")
    there.is_full = True
    stream.write_kept()
    there.is_full = False
    stream.write_kept()
    assert there.written == "a\n"
