"""The counts of several worker processes, real ones, as one."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.multiprocess_metrics import MultiprocessMetrics
from verification.project import ROOT

pytestmark = [pytest.mark.promise("counted"), pytest.mark.timing]

# Counts what its arguments say, prints its process id and ends without a word.
_WORKER = """
import os, sys
from prometheus_client import CollectorRegistry
from app.metrics import IngestMetrics
metrics = IngestMetrics(CollectorRegistry())
accepted, ready = int(sys.argv[1]), int(sys.argv[2])
for _ in range(accepted):
    metrics.requests.labels("accepted").inc()
    metrics.note_delivery("acknowledged", 0.004)
metrics.in_flight.set(1)
metrics.ready.set(ready)
metrics.oldest.set(accepted)
print(os.getpid(), flush=True)
os._exit(9)
"""


@pytest.fixture
def counts(tmp_path: Path) -> MultiprocessMetrics:
    """Return the counts of nobody."""
    return MultiprocessMetrics(tmp_path)


def worker(folder: Path, accepted: int, ready: int = 1) -> int:
    """Run a worker that counts and dies; return its process id."""
    argv = [sys.executable, "-c", _WORKER, str(accepted), str(ready)]
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    return int(done.stdout)


def value(counts: MultiprocessMetrics, sample: str) -> float | None:
    """Return the value of one sample of the exposition."""
    lines = dict(line.rsplit(" ", 1) for line in counts.exposition().decode().splitlines())
    return float(lines[sample]) if sample in lines else None


def test_workers_are_added_up(counts: MultiprocessMetrics, tmp_path: Path) -> None:
    """Counters and levels are summed; the oldest record and readiness are those of the worst."""
    worker(tmp_path, 3)
    worker(tmp_path, 4, ready=0)
    assert value(counts, 'ingest_requests_total{outcome="accepted"}') == 7
    assert value(counts, "ingest_requests_in_flight") == 2
    assert value(counts, "ingest_oldest_unacknowledged_seconds") == 4
    assert value(counts, "ingest_ready") == 0


def test_the_dead_keep_their_counts_and_nothing_else(
    counts: MultiprocessMetrics, tmp_path: Path
) -> None:
    """After a death the counters stand still, the gauges are the living's, and files are few."""
    for number in range(3):
        counts.mark_dead(worker(tmp_path, number))
    worker(tmp_path, 10)
    assert value(counts, 'ingest_requests_total{outcome="accepted"}') == 13
    assert value(counts, 'ingest_published_records_total{outcome="acknowledged"}') == 13
    assert value(counts, 'ingest_acknowledgement_seconds_bucket{le="0.002"}') == 0
    assert value(counts, 'ingest_acknowledgement_seconds_bucket{le="0.005"}') == 13
    assert value(counts, "ingest_acknowledgement_seconds_count") == 13
    assert value(counts, "ingest_acknowledgement_seconds_sum") == pytest.approx(13 * 0.004)
    assert value(counts, "ingest_requests_in_flight") == 1
    assert value(counts, "ingest_ready") == 1
    dead = {"counter_dead.db", "histogram_dead.db", "lock"}
    assert len({file.name for file in tmp_path.iterdir()} - dead) == 5  # one worker's


def test_a_reader_is_not_waited_for(counts: MultiprocessMetrics, tmp_path: Path) -> None:
    """While a worker reads, its dead neighbour keeps its files; the next death clears both."""
    first = worker(tmp_path, 1)
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        counts.mark_dead(first)
        assert (tmp_path / f"counter_{first}.db").exists()
    assert value(counts, 'ingest_requests_total{outcome="accepted"}') == 1
    counts.mark_dead(worker(tmp_path, 2))
    assert value(counts, 'ingest_requests_total{outcome="accepted"}') == 3
    assert not (tmp_path / f"counter_{first}.db").exists()


def test_a_worker_that_counted_nothing_is_no_trouble(counts: MultiprocessMetrics) -> None:
    """A worker may die before it has made a file."""
    counts.mark_dead(4_000_000)
    assert counts.exposition() == b""


@pytest.mark.parametrize("content", [b"", bytes(1 << 16)], ids=["empty", "blank"])
def test_a_file_without_anything_in_it_is_no_trouble(
    counts: MultiprocessMetrics, tmp_path: Path, content: bytes
) -> None:
    """What a worker has not filled yet is passed over, and where it died of that, is gone.

    prometheus_client makes a file with nothing at all at first, then with room for its content.
    """
    worker(tmp_path, 3)
    for name in ("counter_1.db", "gauge_livesum_1.db", "histogram_1.db"):
        (tmp_path / name).write_bytes(content)
    for _ in range(2):
        assert value(counts, 'ingest_requests_total{outcome="accepted"}') == 3
        assert value(counts, "ingest_requests_in_flight") == 1
        counts.mark_dead(1)
    assert [*tmp_path.glob("*_1.db")] == []
