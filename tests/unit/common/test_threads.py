"""Threads that go on whatever happens."""

from __future__ import annotations

import errno
import io
import threading

import structlog
from structlog.testing import capture_logs

from common.seldom import Seldom
from common.threads import Guard, GuardedThread
from tests.support.fakes.consumer_clock import FakeTime


class FullDisk(io.StringIO):
    """What nothing can be written to."""

    def write(self, _text: str) -> int:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


def run_to_its_end(thread: GuardedThread) -> None:
    """Start a thread and wait for it."""
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


def test_an_error_is_logged_and_the_thread_goes_on() -> None:
    """Its name and the traceback are in the log, once a minute of each kind with a count."""
    time = FakeTime()
    guard = Guard("watchdog", Seldom(time.clock.monotonic))
    with capture_logs() as logged:
        for number in (0, 0, 1):
            time.now_s += 60 * number
            with guard.round():
                1 / int("0")
    assert [(line["event"], line["thread"], line["left_out"]) for line in logged] == [
        ("unexpected", "watchdog", 0),
        ("unexpected", "watchdog", 1),
    ]
    assert all(line["exc_info"] for line in logged)


def test_a_log_that_cannot_be_written_ends_no_thread() -> None:
    """A full disk below standard output must not add to the trouble."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(FullDisk()))
    try:
        with Guard("watchdog").round():
            1 / int("0")
    finally:
        structlog.reset_defaults()


def test_work_begins_anew_until_it_returns() -> None:
    """Whatever its loop raises, and wherever in it, the thread goes on."""
    raised: list[BaseException] = [ZeroDivisionError(), SystemExit(), MemoryError()]
    begun = []

    def work() -> None:
        begun.append(threading.current_thread().name)
        if raised:
            raise raised.pop()

    with capture_logs() as logged:
        run_to_its_end(GuardedThread("lag", work, pause_s=0))
    assert begun == ["lag"] * 4
    assert [line["thread"] for line in logged] == ["lag"] * 3


def test_what_is_done_once_is_not_tried_again() -> None:
    """An end that fails is a line of the log."""
    begun = []

    def work() -> None:
        begun.append(1)
        raise ZeroDivisionError

    with capture_logs() as logged:
        run_to_its_end(GuardedThread("end", work, once=True))
    assert (len(begun), [line["event"] for line in logged]) == (1, ["unexpected"])


def test_no_thread_outlives_its_process() -> None:
    """They are daemons, whoever starts them."""
    assert GuardedThread("lag", lambda: None).daemon
