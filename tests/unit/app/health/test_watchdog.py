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
from tests.unit.app.conftest import Ingest

pytestmark = pytest.mark.timing


def watchdog(publisher: FakePublisher, worker_state: WorkerState, every_s: float = 1) -> Watchdog:
    """Make one that is patient for ten seconds."""
    metrics = IngestMetrics(CollectorRegistry())
    return Watchdog(publisher, worker_state, metrics, patience_s=10, every_s=every_s)


class TestLiveness:
    """Only a process that is broken itself is restarted."""

    def test_kafka_away_is_no_reason(self, ingest: Ingest) -> None:
        """However long nothing can be sent, the probe answers 200."""
        ingest.publisher.reasons = ("kafka: away",)
        watchdog(ingest.publisher, ingest.worker_state).check()
        assert ingest.client.get("/healthz").status_code == 200

    def test_a_record_without_an_end_is(self, ingest: Ingest) -> None:
        """Beyond the watchdog's patience the probe answers 503 and says which worker and why."""
        ingest.publisher.stuck = 10.5
        watchdog(ingest.publisher, ingest.worker_state).check()
        answer = ingest.admin.get("/healthz")
        assert answer.status_code == 503
        assert answer.json is not None
        assert "stuck in this process for 10 s" in answer.json["reasons"][0]

    def test_up_to_its_patience_it_waits(self, ingest: Ingest) -> None:
        """What may still come free is left alone, and what came free is forgotten."""
        dog = watchdog(ingest.publisher, ingest.worker_state)
        for stuck, status in ((9.9, 200), (11.0, 503), (0.0, 200)):
            ingest.publisher.stuck = stuck
            dog.check()
            assert ingest.client.get("/healthz").status_code == status

    def test_what_it_sees_again_and_again_is_one_line(self, ingest: Ingest) -> None:
        """It looks every second, and says once that a record is stuck, and once that it is not."""
        dog = watchdog(ingest.publisher, ingest.worker_state)
        with capture_logs() as logged:
            for stuck in (11.0, 12.0, 13.0, 0.0):
                ingest.publisher.stuck = stuck
                dog.check()
        events = [(line["event"], line["what"]) for line in logged]
        assert events == [("not ready", "records"), ("ready again", "records")]

    def test_every_worker_answers_for_a_stuck_one(self, tmp_path: Path) -> None:
        """The probe reaches any of them; a mark goes with the worker that made it."""
        stuck, other = WorkerState(tmp_path, pid=11), WorkerState(tmp_path, pid=12)
        stuck.set_stuck("why")
        assert other.not_alive() == ("worker 11: why",)
        WorkerState(tmp_path, pid=11).remove()
        assert other.not_alive() == ()


class TestReadiness:
    """The pod gets traffic once each of its workers can do something with it."""

    def test_every_worker_answers_for_a_starting_one(self, ingest: Ingest, tmp_path: Path) -> None:
        """Not ready until each has had a producer; one that ends meanwhile is not waited for."""
        worker_state = WorkerState(tmp_path, pid=12)
        others = WorkerState(tmp_path, pid=11), WorkerState(tmp_path, pid=13)
        for starting in (worker_state, *others):
            starting.set_starting()
        watchdog(ingest.publisher, worker_state).check()
        assert worker_state.not_ready() == ("worker 11: starting", "worker 13: starting")
        for starting in others:
            starting.remove()
        assert worker_state.not_ready() == ()

    def test_a_worker_without_a_producer_is_still_starting(self, ingest: Ingest) -> None:
        """With Kafka away it goes on to be; once it was connected it never is again."""
        ingest.worker_state.set_starting()
        dog = watchdog(ingest.publisher, ingest.worker_state)
        for reasons, starting in ((("kafka: away",), True), ((), False), (("kafka: away",), False)):
            ingest.publisher.reasons = reasons
            dog.check()
            assert bool(ingest.worker_state.not_ready()) == starting


def test_what_it_sees_is_exposed(ingest: Ingest) -> None:
    """Pending records and bytes, the age of the oldest and readiness are gauges."""
    registry = CollectorRegistry()
    dog = Watchdog(ingest.publisher, ingest.worker_state, IngestMetrics(registry), patience_s=10)
    for waiting, oldest, reasons in (((2, 70), 0.5, ()), ((0, 0), 0.0, ("kafka: away",))):
        ingest.publisher.waiting, ingest.publisher.oldest = waiting, oldest
        ingest.publisher.reasons = reasons
        dog.check()
        found = {
            name: registry.get_sample_value(f"ingest_{name}")
            for name in ("pending_records", "pending_bytes", "oldest_unacknowledged_seconds")
        }
        assert tuple(found.values()) == (*waiting, oldest)
        assert registry.get_sample_value("ingest_ready") == (not reasons)


class TestStopping:
    """SIGTERM."""

    def test_a_stopping_worker_is_alive_and_not_ready(self, ingest: Ingest) -> None:
        """It gets no new traffic, and is left to finish what it has."""
        ingest.worker_state.stop()
        assert ingest.client.get("/healthz").status_code == 200
        ready = ingest.admin.get("/readyz")
        assert ready.status_code == 503
        assert ready.json == {"status": "not ready", "reasons": ["shutting down"]}


def test_an_error_that_nobody_expected_does_not_end_it(tmp_path: Path) -> None:
    """It is logged, and the next look is as ever."""
    publisher, worker_state = FakePublisher(), WorkerState(tmp_path)
    defects = iter([ZeroDivisionError()])

    def fail_once() -> tuple[int, int]:
        for each in defects:
            raise each
        return 0, 0

    publisher.pending = fail_once  # type: ignore[method-assign]  # what it looks at first
    publisher.stuck = 60
    dog = watchdog(publisher, worker_state, every_s=0.01)
    with capture_logs() as logged:
        dog.start()
        eventually(worker_state.not_alive, "the mark")
        dog.stop()
    assert ("unexpected", "watchdog") in {(line["event"], line.get("thread")) for line in logged}


def test_it_looks_by_itself_until_it_is_stopped(tmp_path: Path) -> None:
    """Started, it notices what happens later."""
    publisher, worker_state = FakePublisher(), WorkerState(tmp_path)
    dog = watchdog(publisher, worker_state, every_s=0.01)
    dog.start()
    publisher.stuck = 60
    eventually(worker_state.not_alive, "the mark")
    dog.stop()
