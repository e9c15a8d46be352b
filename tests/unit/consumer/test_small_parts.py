"""Backoff, stop, clock, refusals."""

from __future__ import annotations

import time

import pytest

from consumer.errors import InvalidMessage, Reason, Stage
from consumer.processing.processor import RejectedRecords
from consumer.runtime import Backoff, Clock, Stop
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_records import make_record

pytestmark = pytest.mark.timing


class TestBackoff:
    """Pauses double up to a limit."""

    def test_pauses_double_up_to_the_longest(self) -> None:
        """The longest pause is kept, not exceeded."""
        backoff = Backoff(1, 5)
        assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]

    def test_a_success_begins_anew(self) -> None:
        """After reset the first pause is the shortest again."""
        backoff = Backoff(1, 5)
        backoff.next_s()
        backoff.reset()
        assert backoff.next_s() == 1


class TestStop:
    """Waiting ends with the wish to stop."""

    def test_it_waits_as_long_as_asked(self) -> None:
        """Without a request the whole time passes."""
        time = FakeTime(0)
        Stop(time.clock).wait(0.25)
        assert 0.25 <= time.now_s < 0.26

    def test_a_request_ends_the_wait_early(self) -> None:
        """A request made while it sleeps is seen after a slice, not after the whole time."""
        fake = FakeTime(0)
        stop = Stop(Clock(fake.clock.wall, fake.clock.monotonic, lambda _s: stop.request()))
        stop.wait(3_600)
        assert stop.requested

    def test_a_request_made_before_spares_the_wait(self) -> None:
        """Nothing is waited for once a stop is wished."""
        fake = FakeTime(0)
        stop = Stop(fake.clock)
        stop.request()
        stop.wait(1)
        assert fake.slept_s == []


def test_the_clock_tells_epoch_milliseconds() -> None:
    """Wall time is in milliseconds since 1970."""
    before = time.time() * 1000
    assert before - 1 <= Clock().epoch_ms() <= time.time() * 1000


def test_refusals_are_bounded() -> None:
    """The oldest goes where too many are kept; one that was dropped is forgotten."""
    refusals = RejectedRecords(most=2)
    refusal = InvalidMessage(Reason.SINK_REFUSED, Stage.SINK, "too large")
    records = [make_record(offset=offset) for offset in range(3)]
    for record in records:
        refusals.keep(record, refusal)
    refusals.check(records[0])
    with pytest.raises(InvalidMessage):
        refusals.check(records[1])
    refusals.drop(records[1])
    refusals.check(records[1])
    with pytest.raises(InvalidMessage):
        refusals.check(records[2])
