"""Admission: what waits for Kafka is bounded in records and in bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.kafka.in_flight import InFlight
from app.problems import Overloaded

pytestmark = [pytest.mark.promise("bounded"), pytest.mark.timing]


def is_full(in_flight: InFlight, take: Callable[[int], object], size: int = 1) -> bool:
    """Say whether this is refused; what is refused is not counted."""
    before = in_flight.pending_records, in_flight.pending_bytes
    try:
        take(size)
    except Overloaded:
        return (in_flight.pending_records, in_flight.pending_bytes) == before
    return False


@pytest.mark.parametrize(
    ("max_records", "sizes", "one_more"),
    [
        pytest.param(2, [1, 1], 1, id="records"),
        pytest.param(10, [60], 41, id="bytes"),
        pytest.param(10, [60, 40], 1, id="not one byte"),
        # key and headers come on top of a body: the largest would never be accepted otherwise
        pytest.param(10, [150], 1, id="one alone, however large"),
    ],
)
def test_one_more_than_the_limit_is_refused(
    max_records: int, sizes: list[int], one_more: int
) -> None:
    """What is over the limit comes in once another has left."""
    in_flight = InFlight(max_records, max_bytes=100)
    slots = [in_flight.acquire(size) for size in sizes]
    assert is_full(in_flight, in_flight.acquire, one_more)
    in_flight.release(slots.pop())
    in_flight.acquire(one_more)
    assert in_flight.pending_records == len(sizes)
    assert in_flight.pending_bytes == sum(sizes[:-1]) + one_more


def test_what_is_no_record_leaves_room_for_records() -> None:
    """However much arrives and does not end, a record has its half, and an overload an end."""
    in_flight = InFlight(max_records=10, max_bytes=100)
    in_flight.hold(50)
    assert is_full(in_flight, in_flight.hold)
    first = in_flight.acquire(20)
    in_flight.acquire(30)
    assert is_full(in_flight, in_flight.acquire)
    in_flight.release(first)
    assert in_flight.acquire(20).size == 20
    in_flight.hold(-50)
    assert in_flight.pending_bytes == 50


def test_records_leave_no_more_to_hold_than_there_is() -> None:
    """All together stay within the limit, whichever came first."""
    in_flight = InFlight(max_records=10, max_bytes=100)
    slot = in_flight.acquire(80)
    in_flight.hold(20)
    assert is_full(in_flight, in_flight.hold)
    in_flight.release(slot)
    in_flight.hold(30)
    assert in_flight.pending_bytes == 50


def test_once_full_it_opens_again_only_when_a_fifth_has_left() -> None:
    """An overload is answered at once, instead of letting one in for each that leaves."""
    in_flight = InFlight(max_records=10, max_bytes=1000)
    slots = [in_flight.acquire(1) for _ in range(10)]
    assert is_full(in_flight, in_flight.acquire)
    in_flight.release(slots.pop())
    assert is_full(in_flight, in_flight.acquire)
    in_flight.release(slots.pop())
    assert in_flight.acquire(1).size == 1


def test_it_knows_how_long_the_oldest_has_waited() -> None:
    """The age is the first one's that is still there, whatever came and went behind it."""
    now = [100.0]
    in_flight = InFlight(10, 1000, monotonic=lambda: now[0])
    assert in_flight.oldest_s() == 0
    first = in_flight.acquire(1)
    now[0] = 103.0
    in_flight.acquire(1)
    assert in_flight.oldest_s() == 3.0
    in_flight.release(first)
    now[0] = 104.0
    assert in_flight.oldest_s() == 1.0


def test_counts_stay_right_over_threads() -> None:
    """Many threads that enter and leave end at nothing pending."""
    in_flight = InFlight(max_records=10_000, max_bytes=10_000)

    def work() -> None:
        for _ in range(500):
            in_flight.release(in_flight.acquire(1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (in_flight.pending_records, in_flight.pending_bytes) == (0, 0)


def test_waiting_ends_when_the_last_one_leaves_or_at_its_deadline() -> None:
    """A drain gives up in time, or sees the last record go, and says which."""
    in_flight = InFlight(max_records=2, max_bytes=10)
    slot = in_flight.acquire(1)
    assert not in_flight.wait_until_empty(0.01)
    threading.Timer(0.01, in_flight.release, [slot]).start()
    assert in_flight.wait_until_empty(5)
