"""Threads that go on whatever happens."""

from __future__ import annotations

import errno
import io
import threading

import pytest
import structlog
from structlog.testing import capture_logs

from common.seldom import Seldom
from common.threads import Guard, GuardedThread
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = pytest.mark.promise("recovers")


class FullDisk(io.StringIO):
    """What nothing can be written to."""

    def write(self, _text: str) -> int:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


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


@pytest.mark.parametrize("once", [False, True])
def test_work_begins_anew_until_it_returns(*, once: bool) -> None:
    """Whatever its loop raises, and wherever in it; what is done once is not tried again."""
    raised: list[BaseException] = [ZeroDivisionError(), SystemExit(), MemoryError()]
    begun = []

    def work() -> None:
        begun.append(threading.current_thread().name)
        if raised:
            raise raised.pop()

    thread = GuardedThread("lag", work, once=once, pause_s=0)
    assert thread.daemon  # it does not outlive its process
    with capture_logs() as logged:
        thread.start()
        thread.join(30)
    assert not thread.is_alive()
    assert begun == ["lag"] * (1 if once else 4)
    assert [line["thread"] for line in logged] == ["lag"] * (1 if once else 3)
