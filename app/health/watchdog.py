"""Looks at a worker from within: what waits, for how long, and whether that is still normal."""

from __future__ import annotations

import threading

from app.health.worker_state import WorkerState
from app.kafka.publisher import Publisher
from app.metrics import IngestMetrics
from common.changes import Changes
from common.threads import GuardedThread


class Watchdog:
    """Reports a publisher's state every `every_s` seconds; Kafka itself is never asked.

    A publisher that has been stuck for `patience_s` seconds fails the liveness probe.
    """

    def __init__(
        self,
        publisher: Publisher,
        worker_state: WorkerState,
        metrics: IngestMetrics,
        patience_s: float,
        every_s: float = 1.0,
    ) -> None:
        """Prepare; `start` begins to look, after the fork."""
        self._publisher = publisher
        self._worker_state = worker_state
        self._metrics = metrics
        self._patience_s = patience_s
        self._every_s = every_s
        self._ending = threading.Event()
        self._changes = Changes()

    def start(self) -> None:
        """Look from a thread of its own until `stop`."""
        GuardedThread("watchdog", self._run).start()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()

    def check(self) -> None:
        """Report once."""
        records, size = self._publisher.pending()
        self._metrics.pending_records.set(records)
        self._metrics.pending_bytes.set(size)
        self._metrics.oldest.set(self._publisher.oldest_s())
        unpublishable = self._publisher.not_ready()
        if not unpublishable:
            self._worker_state.clear_starting()
        why_not = unpublishable + self._worker_state.not_ready()
        self._metrics.ready.set(not why_not)
        stuck_s = self._publisher.stuck_s()
        if stuck_s <= self._patience_s:
            self._worker_state.clear_stuck()
            self._changes.end("records")
            return
        why = f"a record has been stuck in this process for {stuck_s:.0f} s"
        self._changes.begin("records", why)
        self._worker_state.set_stuck(why)

    def _run(self) -> None:
        self.check()
        while not self._ending.wait(self._every_s):
            self.check()
