"""The machine's clock and the one that stands in for it in tests begin the same things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import verification.clock
from tests.support.fakes.harness_clock import FakeClock
from verification.clock import Clock, Due, SystemClock

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]


@pytest.fixture(params=[SystemClock, FakeClock], ids=lambda kind: kind.__name__)
def clock(request: pytest.FixtureRequest) -> Clock:
    """Return each clock in turn."""
    made: Clock = request.param()
    return made


def sleep_until(clock: Clock, event: threading.Event) -> None:
    """Let time pass until it happens."""
    while not event.is_set():
        clock.sleep(0.001)


_POOL_ENDS = threading.Event()


class NotingPool(ThreadPoolExecutor):
    """A pool that says when it ends."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  as its base has it
        """End, and tell."""
        super().shutdown(wait=False)
        _POOL_ENDS.set()
        super().shutdown(wait, cancel_futures=cancel_futures)


class LateEvent(threading.Event):
    """An event that is set just after somebody has stopped waiting for it."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  as its base has it
        """Say no once it is set, and what then follows has had its time."""
        super().wait()
        _POOL_ENDS.wait(0.2)
        return False


def test_in_order_and_not_before(clock: Clock) -> None:
    """Things are asked for one by one, none begins before it is due, or once the block is left."""
    start, asked, begun = clock.monotonic(), list[int](), list[float]()
    over = threading.Event()

    def schedule() -> Iterator[Due]:
        for number in range(3):
            asked.append(number)
            yield start + number / 100, lambda: begun.append(clock.monotonic() - start)
        over.set()
        yield start + 3600, lambda: pytest.fail("begun")

    with clock.meanwhile(schedule()):
        sleep_until(clock, over)
    assert asked == [0, 1, 2]
    assert all(at >= number / 100 for number, at in enumerate(sorted(begun)))
    assert len(begun) == 3
    clock.sleep(0.01)


def test_just_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thing whose time comes as the block is left begins and ends, and is no error."""
    monkeypatch.setattr(verification.clock, "ThreadPoolExecutor", NotingPool)
    monkeypatch.setattr(verification.clock, "Event", LateEvent)
    done = list[bool]()
    clock = SystemClock()
    with clock.meanwhile([(clock.monotonic(), lambda: done.append(True))]):
        pass
    assert done == [True]


def test_what_goes_wrong_is_raised(clock: Clock) -> None:
    """An exception of what was begun reaches whoever opened the block."""
    begun = threading.Event()

    def fail() -> None:
        begun.set()
        raise LookupError

    with pytest.raises(LookupError), clock.meanwhile([(clock.monotonic(), fail)]):
        sleep_until(clock, begun)


def test_none_waits_for_another() -> None:
    """Things that take long are under way at the same time, and have ended at the end."""
    clock, together, ended = SystemClock(), threading.Barrier(3), list[bool]()
    passed = threading.Event()

    def meet() -> None:
        together.wait()
        passed.set()
        ended.append(True)

    with clock.meanwhile([(clock.monotonic(), meet)] * 3):
        sleep_until(clock, passed)
    assert ended == [True] * 3
