"""A change of state is logged once, and remembered once a minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from common.changes import Changes
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = pytest.mark.promise("observable")


class TestChanges:
    """What lasts is no flood."""

    @pytest.fixture(autouse=True)
    def _logging(self) -> Iterator[None]:
        """Begin without trouble, at a clock that stands still."""
        self.time = FakeTime()
        self.changes = Changes(self.time.clock.monotonic)
        with capture_logs() as self.logged:
            yield

    def lines(self, event: str, *fields: str) -> list[tuple[Any, ...]]:
        """Return some fields of the lines of an event."""
        found = [line for line in self.logged if line["event"] == event]
        return [tuple(line[name] for name in fields) for line in found]

    def test_what_begins_is_a_line(self) -> None:
        """It says what, and why, and what else is known; one does not hide another."""
        self.changes.begin("kafka", "away", brokers=["a:1: connection refused"])
        self.changes.begin("sinks", "full")
        known = {"event": "not ready", "log_level": "warning", "times": 1}
        brokers = ["a:1: connection refused"]
        assert self.logged == [
            {**known, "what": "kafka", "why": "away", "brokers": brokers},
            {**known, "what": "sinks", "why": "full"},
        ]

    def test_what_lasts_is_a_line_a_minute_with_a_count(self) -> None:
        """Once a second is two lines in the first minute and a bit."""
        for _ in range(62):
            self.changes.begin("kafka", "away")
            self.time.now_s += 1
        assert self.lines("not ready", "times") == [(1,), (61,)]

    def test_another_reason_is_a_line_at_once(self) -> None:
        """A refused login after a refused connection is news, another number is not."""
        for why in ("at 1: refused", "at 2: refused", "login refused"):
            self.changes.begin("kafka", why)
        assert self.lines("not ready", "why") == [("at 1: refused",), ("login refused",)]

    def test_the_end_is_a_line_that_says_how_long_it_was(self) -> None:
        """It is written once, and only after what it ends."""
        self.changes.end("kafka")
        self.changes.begin("kafka", "away")
        self.time.now_s += 5
        self.changes.begin("kafka", "away")
        self.changes.end("kafka")
        self.changes.end("kafka")
        assert self.lines("ready again", "what", "after_s", "times") == [("kafka", 5.0, 2)]

    def test_what_comes_and_goes_is_no_flood(self) -> None:
        """Three beginnings and ends a minute are written, and then no more."""
        for _ in range(100):
            self.changes.begin("kafka", "away")
            self.changes.end("kafka")
        assert len(self.lines("not ready")) == len(self.lines("ready again")) == 3
