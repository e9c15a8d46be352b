"""The service in one worker process, whatever serves HTTP in front of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from app.health.watchdog import Watchdog
from app.health.worker_state import WorkerState
from app.kafka.in_flight import InFlight
from app.kafka.in_loop import SenderInLoop
from app.kafka.producer_supervisor import ProducerSupervisor
from app.kafka.publisher import Publisher
from app.loop.event_loop import READABLE, EventLoop
from app.loop.hub import Hub
from app.metrics import IngestMetrics
from app.problems import Problem
from common.log_stream import LogStream
from common.logs import get_logger

_ROUTES = frozenset(("/bid", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"))


@dataclass(frozen=True)
class Service:
    """The parts of a worker that have a beginning and an end, and the applications on them."""

    public: Flask
    admin: Flask
    publisher: Publisher
    worker_state: WorkerState
    watchdog: Watchdog
    metrics: IngestMetrics
    in_flight: InFlight
    hub: Hub
    lines: LogStream
    supervisor: ProducerSupervisor | None = None

    def start(self, patience_s: float) -> None:
        """Begin to connect; return once records can be taken, or after `patience_s` seconds."""
        self.publisher.start(patience_s)
        self.watchdog.start()

    def run_sender(self, loop: EventLoop) -> SenderInLoop | None:
        """Have the loop do the work of Kafka's sender from now on, where it can."""
        if self.supervisor is None:
            return None
        sender = SenderInLoop(self.supervisor, loop.watch, READABLE)
        loop.guest = sender
        return sender

    def close(self, timeout_s: float) -> None:
        """Wait for records in flight for up to `timeout_s` seconds, and let go of Kafka."""
        self.watchdog.stop()
        self.publisher.close(timeout_s)

    def note_response(self, path: str, status: int) -> None:
        """Count an answer of the application."""
        self.metrics.note_response(_route(path), status)

    def note_problem(self, problem: Problem, method: str, path: str) -> None:
        """Count and log an answer that the application had no part in."""
        self.metrics.note_response(_route(path), problem.status.value)
        if (method, path) == ("POST", "/bid"):
            self.metrics.received.inc()
            self.metrics.requests.labels(problem.code).inc()
        fields = {"status": problem.status.value, "code": problem.code, **problem.log_fields()}
        get_logger().info("request refused", method=method, path=_route(path), **fields)


def _route(path: str) -> str:
    """Return the path where it is one of ours: clients must not make new rows of a metric."""
    return path if path in _ROUTES else "other" if path else ""
