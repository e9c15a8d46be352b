"""The composition root: gunicorn with its settings, and one publisher per worker process."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client import CollectorRegistry

from app.collector import settle_collector
from app.gunicorn_worker.worker import BufferingWorker
from app.health.watchdog import Watchdog
from app.health.worker_state import Lifecycle
from app.http.application import create_app
from app.http.docs import docs_blueprint
from app.http.openapi.document import openapi_json
from app.ingest import Intake
from app.kafka import kafka_publisher
from app.kafka.publisher import Publisher
from app.kafka.traced_publisher import traced
from app.metrics import IngestMetrics
from app.problems import Refusal
from app.scratch import memory_dir
from app.settings import IngestSettings, schema_in_force
from app.validation.modes import Judge
from app.worker_counts import WorkerCounts
from common.logs import get_logger
from common.tracing import NoTracer, Tracer

# A worker does not accept connections before its hooks are done: with Kafka there, its first
# request finds a producer that is connected; with Kafka away, it is alive after this long.
_PATIENCE_S = 2.0
# Between the end that a worker takes by itself and the arbiter's SIGKILL.
_MARGIN_S = 2
_OTHER_FILES = 200


class ForwardingLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Hands gunicorn's own lines to the root logger, which writes them as JSON."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  gunicorn ships no types
        """Keep no handlers here."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


def gunicorn_options(settings: IngestSettings) -> dict[str, Any]:
    """Return gunicorn's settings; threads wait for Kafka, so there are many per worker."""
    return {
        "bind": f"{settings.host}:{settings.port}",
        "backlog": settings.backlog,
        "workers": settings.workers,
        "worker_class": BufferingWorker,
        "threads": settings.threads,
        "keepalive": settings.keepalive_s,
        "graceful_timeout": settings.graceful_timeout_s + settings.drain_timeout_s + _MARGIN_S,
        "worker_connections": _connections(settings),
        "max_requests": settings.max_requests,
        "timeout": 30,
        "worker_tmp_dir": memory_dir(),
        "logger_class": ForwardingLogger,
        "control_socket_disable": True,
        # no client, on loopback neither, may set a path, a scheme or a variable: no proxy is known
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "raw_env": ["SCRIPT_NAME="],  # or one in the environment answers every request with 500
        "proc_name": "bid-request-handler",
    }


class IngestServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured from the settings alone: no command line, no configuration file."""

    def __init__(
        self,
        settings: IngestSettings,
        metrics_dir: Path,
        judge: Judge,
        make_tracer: Callable[[], Tracer] = NoTracer,
    ) -> None:
        """Configure; `metrics_dir` holds the workers' counts and is removed at the end."""
        self.settings = settings
        self.metrics_dir = metrics_dir
        self.counts = WorkerCounts(metrics_dir)
        self.judge = judge
        self.make_tracer = make_tracer
        self.openapi = openapi_json(schema_in_force(settings), judge)
        self.publisher: Publisher | None = None
        self.lifecycle = Lifecycle(metrics_dir)
        self.metrics: IngestMetrics | None = None
        self.watchdog: Watchdog | None = None
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings and the hooks to gunicorn."""
        for name, value in gunicorn_options(self.settings).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", self._start_publisher)
        self.cfg.set("worker_exit", self._close_publisher)
        self.cfg.set("child_exit", self._forget_worker)
        self.cfg.set("on_exit", self._remove_counts)

    def run(self) -> None:
        """Serve until SIGTERM, then leave with SystemExit."""
        Arbiter(self).run()

    def load(self) -> Flask:
        """Build the application of one worker, after the fork."""
        self.metrics = metrics = IngestMetrics(CollectorRegistry())
        metrics.in_flight_limit.set(self.settings.threads)
        metrics.pending_records_limit.set(self.settings.max_pending_records)
        metrics.pending_bytes_limit.set(self.settings.max_pending_bytes)
        publisher = kafka_publisher.connect(self.settings, metrics.note_end)
        topic = self.settings.kafka.topic_bid_requests
        self.publisher = traced(publisher, self.make_tracer(), topic)
        self.lifecycle = lifecycle = Lifecycle(self.metrics_dir)
        lifecycle.mark_starting()
        patience_s = self.settings.stuck_timeout_s
        self.watchdog = Watchdog(self.publisher, lifecycle, metrics, patience_s)
        intake = Intake(self.publisher, self.settings.max_body_bytes, judge=self.judge)
        app = create_app(intake, self.publisher, lifecycle, metrics, self.counts.exposition)
        app.register_blueprint(docs_blueprint(self.openapi))
        settle_collector()
        return app

    def note_refusal(self, refusal: Refusal) -> None:
        """Count and log a request that was refused before it was whole."""
        if self.metrics is not None:
            self.metrics.received.inc()
            self.metrics.requests.labels(refusal.code).inc()
        fields = {"status": refusal.status.value, "code": refusal.code, **refusal.log_fields()}
        get_logger().info("bid refused", **fields)

    def _start_publisher(self, _worker: Worker) -> None:
        if self.publisher is not None:
            self.publisher.start(_PATIENCE_S)
        if self.watchdog is not None:
            self.watchdog.start()

    def _close_publisher(self, _arbiter: Arbiter, _worker: Worker) -> None:
        if self.watchdog is not None:
            self.watchdog.stop()
        if self.publisher is not None:
            self.publisher.close(self.settings.drain_timeout_s)

    def _forget_worker(self, _arbiter: Arbiter, worker: Worker) -> None:
        self.counts.forget(worker.pid)
        Lifecycle(self.metrics_dir, worker.pid).forget()

    def _remove_counts(self, _arbiter: Arbiter) -> None:
        shutil.rmtree(self.metrics_dir, ignore_errors=True)


def _connections(settings: IngestSettings) -> int:
    """Return the connections per worker, leaving file descriptors for Kafka, logs and counts."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(settings.connections, descriptors - _OTHER_FILES), settings.threads + 1)
