"""Admission: what waits for Kafka is bounded in records and in bytes."""

from __future__ import annotations

import threading

import pytest

from app.admission import Admission
from app.refusals import Overloaded


def test_admits_up_to_the_records() -> None:
    """One record more than the limit is refused, until another has left."""
    admission = Admission(max_records=2, max_bytes=100)
    admission.enter(1)
    admission.enter(1)
    with pytest.raises(Overloaded):
        admission.enter(1)
    admission.leave(1)
    admission.enter(1)
    assert admission.pending_records == 2


def test_admits_up_to_the_bytes() -> None:
    """One byte more than the limit is refused, however few records there are."""
    admission = Admission(max_records=10, max_bytes=100)
    admission.enter(60)
    with pytest.raises(Overloaded):
        admission.enter(41)
    admission.enter(40)
    assert admission.pending_bytes == 100


def test_a_refused_record_is_not_counted() -> None:
    """Refusing leaves both counts as they were."""
    admission = Admission(max_records=1, max_bytes=10)
    with pytest.raises(Overloaded):
        admission.enter(11)
    assert (admission.pending_records, admission.pending_bytes) == (0, 0)


def test_counts_stay_right_over_threads() -> None:
    """Many threads that enter and leave end at nothing pending."""
    admission = Admission(max_records=10_000, max_bytes=10_000)

    def work() -> None:
        for _ in range(500):
            admission.enter(1)
            admission.leave(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (admission.pending_records, admission.pending_bytes) == (0, 0)


def test_waiting_ends_when_the_last_one_leaves() -> None:
    """A drain sees the last record go, and says so."""
    admission = Admission(max_records=2, max_bytes=10)
    admission.enter(1)
    threading.Timer(0.01, admission.leave, [1]).start()
    assert admission.wait_until_empty(5)


def test_waiting_ends_at_its_deadline() -> None:
    """A drain gives up in time, and says so."""
    admission = Admission(max_records=2, max_bytes=10)
    admission.enter(1)
    assert not admission.wait_until_empty(0.01)
