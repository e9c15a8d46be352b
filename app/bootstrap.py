"""The composition root: what the ingest is made of, from its settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.gunicorn_worker.server import IngestServer
from app.health.watchdog import Watchdog
from app.health.worker_state import Lifecycle
from app.http.application import create_admin_app, create_public_app
from app.http.bids import BID_ACCEPTED, BidHandler
from app.http.openapi.document import openapi_json
from app.ingest import Ingest
from app.kafka import kafka_publisher
from app.kafka.in_flight import Admission
from app.kafka.traced_publisher import traced
from app.loop.hub import Hub
from app.metrics import IngestMetrics
from app.service import Service
from app.settings import LOOP, SERVICE, IngestSettings, schema_in_force
from app.validation.modes import Judge
from app.worker_counts import WorkerCounts, count_as
from common.event_log import EventLog
from common.gc import tune_gc
from common.log_stream import LogStream
from common.tracing import NoTracer, Tracer


def build_server(
    settings: IngestSettings,
    metrics_dir: Path,
    judge: Judge,
    lines: LogStream,
    make_tracer: Callable[[], Tracer] = NoTracer,
) -> IngestServer:
    """Return gunicorn with all that it serves; nothing listens or is connected before it runs.

    `metrics_dir` holds the workers' counts and is removed at the end; `lines` is where logs go.
    """
    counts = WorkerCounts(metrics_dir)
    openapi = openapi_json(schema_in_force(settings), judge)

    def build_service() -> Service:
        """Build the parts of one worker, after the fork."""
        count_as(os.getpid())
        metrics = build_metrics(settings)
        hub = Hub()
        gate = Admission(settings.max_pending_records, settings.max_pending_bytes)
        kafka = kafka_publisher.connect(settings, gate, hub.wait, metrics.note_end)
        publisher = traced(kafka, make_tracer(), settings.kafka.topic_bid_requests)
        lifecycle = Lifecycle(metrics_dir)
        watchdog = Watchdog(publisher, lifecycle, metrics, settings.stuck_timeout_s)
        log = EventLog(BID_ACCEPTED, settings.logs, SERVICE, lines.write_line)
        handler = BidHandler(Ingest(publisher, judge), metrics, settings.max_body_bytes, log)
        public = create_public_app(handler, publisher, lifecycle)
        admin = create_admin_app(handler, publisher, lifecycle, counts.exposition, openapi)
        tune_gc()
        supervisor = kafka.connection if settings.kafka_sender == LOOP else None
        return Service(
            public, admin, publisher, lifecycle, watchdog, metrics, gate, hub, lines, supervisor
        )

    return IngestServer(settings, build_service, counts, metrics_dir)


def build_metrics(settings: IngestSettings) -> IngestMetrics:
    """Return the metrics of one worker, which say what its limits are."""
    metrics = IngestMetrics(CollectorRegistry())
    metrics.pending_records_limit.set(settings.max_pending_records)
    metrics.pending_bytes_limit.set(settings.max_pending_bytes)
    return metrics
