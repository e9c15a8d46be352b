"""The composition root: gunicorn with its settings, and one publisher per worker process."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app import kafka_publisher
from app.factory import create_app
from app.intake import Intake
from app.metrics import IngestMetrics
from app.publisher import Publisher
from app.scratch import memory_dir
from app.settings import IngestSettings
from app.validation.judge import Judge

# A worker does not accept connections before its hooks are done: with Kafka there, its first
# request finds a producer that is connected; with Kafka away, it is alive after this long.
_PATIENCE_S = 2.0


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
        "worker_class": "gthread",
        "threads": settings.threads,
        "keepalive": settings.keepalive_s,
        "graceful_timeout": settings.graceful_timeout_s,
        "timeout": 30,
        "worker_tmp_dir": memory_dir(),
        "logger_class": ForwardingLogger,
        "control_socket_disable": True,
        "proc_name": "bid-request-handler",
    }


def exposition() -> bytes:
    """Return the counts of all worker processes as Prometheus text."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class IngestServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured from the settings alone: no command line, no configuration file."""

    def __init__(self, settings: IngestSettings, metrics_dir: Path, judge: Judge) -> None:
        """Configure; `run` serves until SIGTERM, then leaves with SystemExit.

        `metrics_dir` holds the workers' counts and is removed at the end.
        """
        self.settings = settings
        self.metrics_dir = metrics_dir
        self.judge = judge
        self.publisher: Publisher | None = None
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings and the hooks to gunicorn."""
        for name, value in gunicorn_options(self.settings).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", self._start_publisher)
        self.cfg.set("worker_exit", self._close_publisher)
        self.cfg.set("child_exit", _forget_worker)
        self.cfg.set("on_exit", self._remove_counts)

    def load(self) -> Flask:
        """Build the application of one worker, after the fork."""
        self.publisher = kafka_publisher.connect(self.settings)
        metrics = IngestMetrics(CollectorRegistry())
        intake = Intake(self.publisher, self.settings.max_body_bytes, judge=self.judge)
        app = create_app(intake, self.publisher, metrics, exposition)
        # what is here now stays: the collector need not look at it for each large request
        gc.freeze()
        return app

    def _start_publisher(self, _worker: Worker) -> None:
        if self.publisher is not None:
            self.publisher.start(_PATIENCE_S)

    def _close_publisher(self, _arbiter: Arbiter, _worker: Worker) -> None:
        if self.publisher is not None:
            self.publisher.close(self.settings.drain_timeout_s)

    def _remove_counts(self, _arbiter: Arbiter) -> None:
        shutil.rmtree(self.metrics_dir, ignore_errors=True)


def _forget_worker(_arbiter: Arbiter, worker: Worker) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
