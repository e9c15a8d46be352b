"""Admission: what waits for Kafka is bounded in records and in bytes."""

from __future__ import annotations

import threading

import pytest

from app.kafka.in_flight import InFlight
from app.problems import Overloaded

pytestmark = pytest.mark.timing


def test_admits_up_to_the_records() -> None:
    """One record more than the limit is refused, until another has left."""
    admission = InFlight(max_records=2, max_bytes=100)
    first = admission.acquire(1)
    admission.acquire(1)
    with pytest.raises(Overloaded):
        admission.acquire(1)
    admission.release(first)
    admission.acquire(1)
    assert admission.pending_records == 2


def test_admits_up_to_the_bytes() -> None:
    """One byte more than the limit is refused, however few records there are."""
    admission = InFlight(max_records=10, max_bytes=100)
    admission.acquire(60)
    with pytest.raises(Overloaded):
        admission.acquire(41)
    admission.acquire(40)
    assert admission.pending_bytes == 100


def test_a_refused_record_is_not_counted() -> None:
    """Refusing leaves both counts as they were."""
    admission = InFlight(max_records=2, max_bytes=10)
    admission.acquire(1)
    with pytest.raises(Overloaded):
        admission.acquire(10)
    assert (admission.pending_records, admission.pending_bytes) == (1, 1)


def test_a_record_alone_is_admitted_however_large() -> None:
    """Key and headers come on top of a body, so the largest would never be accepted otherwise."""
    admission = InFlight(max_records=2, max_bytes=100)
    large = admission.acquire(150)
    with pytest.raises(Overloaded):
        admission.acquire(1)
    admission.release(large)
    assert admission.acquire(101).size == 101


def test_what_is_no_record_leaves_room_for_records() -> None:
    """However much arrives and does not end, a record has its half, and an overload an end."""
    admission = InFlight(max_records=10, max_bytes=100)
    admission.hold(50)
    with pytest.raises(Overloaded):
        admission.hold(1)
    first = admission.acquire(20)
    admission.acquire(30)
    with pytest.raises(Overloaded):
        admission.acquire(1)
    admission.release(first)
    assert admission.acquire(20).size == 20
    admission.hold(-50)
    assert admission.pending_bytes == 50


def test_records_leave_no_more_to_hold_than_there_is() -> None:
    """All together stay within the limit, whichever came first; what is refused is not counted."""
    admission = InFlight(max_records=10, max_bytes=100)
    record = admission.acquire(80)
    admission.hold(20)
    with pytest.raises(Overloaded):
        admission.hold(1)
    admission.release(record)
    admission.hold(30)
    assert admission.pending_bytes == 50


def test_once_full_it_opens_again_only_when_a_fifth_has_left() -> None:
    """An overload is answered at once, instead of letting one in for each that leaves."""
    admission = InFlight(max_records=10, max_bytes=1000)
    tickets = [admission.acquire(1) for _ in range(10)]
    with pytest.raises(Overloaded):
        admission.acquire(1)
    admission.release(tickets.pop())
    with pytest.raises(Overloaded):
        admission.acquire(1)
    admission.release(tickets.pop())
    assert admission.acquire(1).size == 1


def test_it_knows_how_long_the_oldest_has_waited() -> None:
    """The age is the first one's that is still there, whatever came and went behind it."""
    now = [100.0]
    admission = InFlight(10, 1000, monotonic=lambda: now[0])
    assert admission.oldest_s() == 0
    first = admission.acquire(1)
    now[0] = 103.0
    admission.acquire(1)
    assert admission.oldest_s() == 3.0
    admission.release(first)
    now[0] = 104.0
    assert admission.oldest_s() == 1.0


def test_counts_stay_right_over_threads() -> None:
    """Many threads that enter and leave end at nothing pending."""
    admission = InFlight(max_records=10_000, max_bytes=10_000)

    def work() -> None:
        for _ in range(500):
            admission.release(admission.acquire(1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (admission.pending_records, admission.pending_bytes) == (0, 0)


def test_waiting_ends_when_the_last_one_leaves() -> None:
    """A drain sees the last record go, and says so."""
    admission = InFlight(max_records=2, max_bytes=10)
    threading.Timer(0.01, admission.release, [admission.acquire(1)]).start()
    assert admission.wait_until_empty(5)


def test_waiting_ends_at_its_deadline() -> None:
    """A drain gives up in time, and says so."""
    admission = InFlight(max_records=2, max_bytes=10)
    admission.acquire(1)
    assert not admission.wait_until_empty(0.01)
