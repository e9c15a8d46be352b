"""What runs in one worker process, whatever serves HTTP in front of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from app.health.watchdog import Watchdog
from app.health.worker_state import Lifecycle
from app.kafka.publisher import Publisher
from app.metrics import IngestMetrics
from app.problems import Refusal
from common.logs import get_logger


@dataclass(frozen=True)
class Service:
    """The parts of a worker that have a beginning and an end, and the applications on them."""

    public: Flask
    admin: Flask
    publisher: Publisher
    lifecycle: Lifecycle
    watchdog: Watchdog
    metrics: IngestMetrics

    def start(self, patience_s: float) -> None:
        """Begin to connect; return once records can be taken, or after `patience_s` seconds."""
        self.publisher.start(patience_s)
        self.watchdog.start()

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight for up to `timeout_s` seconds, and let go of Kafka."""
        self.watchdog.stop()
        self.publisher.close(timeout_s)

    def note_refusal(self, refusal: Refusal) -> None:
        """Count and log a request that was refused before it was whole."""
        self.metrics.received.inc()
        self.metrics.requests.labels(refusal.code).inc()
        fields = {"status": refusal.status.value, "code": refusal.code, **refusal.log_fields()}
        get_logger().info("bid refused", **fields)
