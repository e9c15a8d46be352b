"""Few lines of a kind a minute."""

from __future__ import annotations

import logging

import pytest

from common.seldom import Seldom, SeldomFilter
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = [pytest.mark.promise("observable"), pytest.mark.promise("bounded")]


class TestSeldom:
    """Counts by kind and minute."""

    def setup_method(self) -> None:
        """Begin with nothing written."""
        self.time = FakeTime()
        self.seldom = Seldom(self.time.clock.monotonic)

    def test_one_of_a_kind_is_written_in_a_minute(self) -> None:
        """The next one comes a minute later and says how many did not; more may be asked for."""
        assert [self.seldom.admit("a") for _ in range(3)] == [0, None, None]
        self.time.now_s += 60
        assert self.seldom.admit("a") == 2
        assert [self.seldom.admit("b", 2) for _ in range(3)] == [0, 0, None]

    def test_it_does_not_grow_for_ever(self) -> None:
        """Texts that are never the same are forgotten, all at once."""
        for number in range(2_001):
            self.seldom.admit(str(number))
        assert len(self.seldom._kinds) <= 1_000  # noqa: SLF001  its memory is the promise


class TestFilter:
    """The lines of a library."""

    def setup_method(self) -> None:
        """Filter by a clock that stands still."""
        self.time = FakeTime()
        self.filter = SeldomFilter("kafka", Seldom(self.time.clock.monotonic))

    def passed(self, text: str, *arguments: object, name: str = "kafka.net") -> str | None:
        """Return what is written of a line, None when it is not."""
        record = logging.LogRecord(name, logging.ERROR, "", 0, text, arguments, None)
        return record.getMessage() if self.filter.filter(record) else None

    def test_lines_that_differ_in_numbers_and_arguments_are_of_one_kind(self) -> None:
        """Ports, counts and addresses do not make a flood new; what was left out is counted."""
        assert self.passed("node %s away, try 1", "a") == "node a away, try 1"
        assert self.passed("node %s away, try 2", "b") is None
        assert self.passed("another") == "another"
        self.time.now_s += 60
        assert self.passed("node %s away, try 3", "c") == "node c away, try 3 (1 more before)"

    def test_the_lines_of_others_all_pass(self) -> None:
        """It is about one library."""
        assert [self.passed("left", name="gunicorn") for _ in range(2)] == ["left"] * 2
