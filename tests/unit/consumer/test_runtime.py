"""What the parts of one process share: backoff, and the wish to stop."""

from __future__ import annotations

import pytest

from consumer.runtime import Backoff, Clock, Stop
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = [pytest.mark.timing, pytest.mark.promise("recovers")]


def test_pauses_double_up_to_the_longest_until_something_succeeds() -> None:
    """The longest pause is kept, not exceeded; after a success the first is the shortest again."""
    backoff = Backoff(1, 5)
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next_s() == 1


@pytest.mark.promise("drains")
def test_a_wait_ends_with_its_time_or_with_the_wish_to_stop() -> None:
    """A request that comes while it sleeps is seen after a slice; one before it spares the wait."""
    fake = FakeTime(0)
    stop = Stop(fake.clock)
    stop.wait(0.25)
    assert 0.25 <= fake.now_s < 0.26
    stop = Stop(Clock(fake.clock.wall, fake.clock.monotonic, lambda _s: stop.request()))
    stop.wait(3_600)
    assert stop.requested
    stop = Stop(fake.clock)
    stop.request()
    stop.wait(1)
    assert fake.now_s < 0.26
