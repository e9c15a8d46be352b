"""The composition root: what the ingest is made of, from its settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.gunicorn_worker.server import IngestServer
from app.health.watchdog import Watchdog
from app.health.worker_state import Lifecycle
from app.http.application import create_admin_app, create_public_app
from app.http.bids import BidHandler
from app.http.openapi.document import openapi_json
from app.ingest import Ingest
from app.kafka import kafka_publisher
from app.kafka.traced_publisher import traced
from app.metrics import IngestMetrics
from app.service import Service
from app.settings import IngestSettings, schema_in_force
from app.validation.modes import Judge
from app.worker_counts import WorkerCounts
from common.gc import tune_gc
from common.tracing import NoTracer, Tracer


def build_server(
    settings: IngestSettings,
    metrics_dir: Path,
    judge: Judge,
    make_tracer: Callable[[], Tracer] = NoTracer,
) -> IngestServer:
    """Return gunicorn with all that it serves; nothing listens or is connected before it runs.

    `metrics_dir` holds the workers' counts and is removed at the end.
    """
    counts = WorkerCounts(metrics_dir)
    openapi = openapi_json(schema_in_force(settings), judge)

    def build_service() -> Service:
        """Build the parts of one worker, after the fork."""
        metrics = build_metrics(settings)
        publisher = traced(
            kafka_publisher.connect(settings, metrics.note_end),
            make_tracer(),
            settings.kafka.topic_bid_requests,
        )
        lifecycle = Lifecycle(metrics_dir)
        watchdog = Watchdog(publisher, lifecycle, metrics, settings.stuck_timeout_s)
        handler = BidHandler(Ingest(publisher, judge), metrics, settings.max_body_bytes)
        public = create_public_app(handler, publisher, lifecycle)
        admin = create_admin_app(handler, publisher, lifecycle, counts.exposition, openapi)
        tune_gc()
        return Service(public, admin, publisher, lifecycle, watchdog, metrics)

    return IngestServer(settings, build_service, counts, metrics_dir)


def build_metrics(settings: IngestSettings) -> IngestMetrics:
    """Return the metrics of one worker, which say what its limits are."""
    metrics = IngestMetrics(CollectorRegistry())
    metrics.in_flight_limit.set(settings.threads)
    metrics.pending_records_limit.set(settings.max_pending_records)
    metrics.pending_bytes_limit.set(settings.max_pending_bytes)
    return metrics
