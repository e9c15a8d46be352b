"""Threads that go on whatever happens."""

from __future__ import annotations

from structlog.testing import capture_logs

from common.seldom import Seldom
from common.threads import Guard
from tests.support.fakes.consumer_clock import FakeTime


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
