"""The watchdog and what the probes make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.health.watchdog import Watchdog
from app.health.worker_state import WorkerState
from app.metrics import IngestMetrics
from tests.support.fakes.publisher import FakePublisher
from tests.support.waiting import eventually

pytestmark = [pytest.mark.promise("observable"), pytest.mark.timing]

AWAY = ("kafka: away",)


class Watched:
    """One that is patient for ten seconds, what it looks at, and where it tells."""

    def __init__(self, directory: Path) -> None:
        self.publisher, self.worker_state = FakePublisher(), WorkerState(directory)
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        parts = self.publisher, self.worker_state, metrics
        self.watchdog = Watchdog(*parts, patience_s=10, every_s=0.01)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Return one that does not look by itself yet."""
    return Watched(tmp_path)


def test_a_record_without_an_end_is_marked_until_it_has_one(watched: Watched) -> None:
    """Up to its patience it waits; beyond it says why, in one line of the log and one for the end.

    However long Kafka is away, that is no reason.
    """
    found = []
    watched.publisher.reasons = AWAY
    with capture_logs() as logged:
        for watched.publisher.stuck in (9.9, 10.0, 11.0, 12.0, 13.0, 0.0):
            watched.watchdog.check()
            found += [len(watched.worker_state.not_alive())]
            if watched.publisher.stuck == 11:
                (why,) = watched.worker_state.not_alive()
                assert "stuck in this process for 11 s" in why
    assert found == [0, 0, 1, 1, 1, 0]
    events = [(line["event"], line["what"]) for line in logged]
    assert events == [("not ready", "records"), ("ready again", "records")]


def test_every_worker_answers_for_a_stuck_one(tmp_path: Path) -> None:
    """The probe reaches any of them; a mark goes with the worker that made it."""
    stuck, other = WorkerState(tmp_path, pid=11), WorkerState(tmp_path, pid=12)
    stuck.set_stuck("why")
    assert other.not_alive() == ("worker 11: why",)
    WorkerState(tmp_path, pid=11).remove()
    assert other.not_alive() == ()


def test_every_worker_answers_for_a_starting_one(watched: Watched, tmp_path: Path) -> None:
    """Not ready until each has had a producer; one that ends meanwhile is not waited for."""
    others = WorkerState(tmp_path, pid=11), WorkerState(tmp_path, pid=13)
    for starting in (watched.worker_state, *others):
        starting.set_starting()
    watched.watchdog.check()
    assert watched.worker_state.not_ready() == ("worker 11: starting", "worker 13: starting")
    for starting in others:
        starting.remove()
    assert watched.worker_state.not_ready() == ()


def test_a_worker_without_a_producer_is_still_starting(watched: Watched) -> None:
    """With Kafka away it goes on to be; once it was connected it never is again."""
    watched.worker_state.set_starting()
    found = []
    for watched.publisher.reasons in (AWAY, (), AWAY):
        watched.watchdog.check()
        found.append(bool(watched.worker_state.not_ready()))
    assert found == [True, False, False]


def test_what_it_sees_is_exposed(watched: Watched) -> None:
    """Pending records and bytes, the age of the oldest and readiness are gauges."""
    names = ("pending_records", "pending_bytes", "oldest_unacknowledged_seconds", "ready")
    for waiting, oldest, reasons in (((2, 70), 0.5, ()), ((0, 0), 0.0, AWAY)):
        watched.publisher.waiting, watched.publisher.oldest = waiting, oldest
        watched.publisher.reasons = reasons
        watched.watchdog.check()
        found = [watched.registry.get_sample_value(f"ingest_{name}") for name in names]
        assert found == [*waiting, oldest, not reasons]


@pytest.mark.promise("recovers")
def test_it_looks_by_itself_after_an_error_that_nobody_expected(watched: Watched) -> None:
    """The error is logged, and the next look is as ever, until it is stopped."""
    watched.publisher.waiting = ()  # type: ignore[assignment]  # the defect, in what it looks at
    with capture_logs() as logged:
        watched.watchdog.start()
        eventually(lambda: logged, "the error")
        watched.publisher.waiting, watched.publisher.stuck = (0, 0), 60
        eventually(watched.worker_state.not_alive, "the mark")
        watched.watchdog.stop()
    assert ("unexpected", "watchdog") in {(line["event"], line.get("thread")) for line in logged}
