"""The composition root: what the ingest is made of, from its settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.gunicorn_worker.server import IngestServer
from app.health.watchdog import Watchdog
from app.health.worker_state import WorkerState
from app.http.application import create_admin_app, create_public_app
from app.http.bids import BID_ACCEPTED, BidHandler
from app.http.openapi.document import openapi_json
from app.ingest import Ingest
from app.kafka import kafka_publisher
from app.kafka.in_flight import InFlight
from app.kafka.traced_publisher import trace
from app.loop.hub import Hub
from app.metrics import IngestMetrics
from app.multiprocess_metrics import MultiprocessMetrics, count_as
from app.service import Service
from app.settings import LOOP, SERVICE, IngestSettings, schema_in_force
from app.validation.validator import Validation
from common.event_log import EventLog
from common.gc import tune_gc
from common.log_stream import LogStream
from common.tracing import NoTracer, Tracer


def build_server(
    settings: IngestSettings,
    metrics_dir: Path,
    validate: Validation,
    lines: LogStream,
    make_tracer: Callable[[], Tracer] = NoTracer,
) -> IngestServer:
    """Return gunicorn with all that it serves; nothing listens or is connected before it runs.

    `metrics_dir` holds the workers' counts and is removed at the end; `lines` is where logs go.
    """
    multiprocess = MultiprocessMetrics(metrics_dir)
    openapi = openapi_json(schema_in_force(settings), validate)

    def build_service() -> Service:
        """Build the parts of one worker, after the fork."""
        count_as(os.getpid())
        metrics = build_metrics(settings)
        hub = Hub()
        in_flight = InFlight(settings.max_pending_records, settings.max_pending_bytes)
        kafka = kafka_publisher.connect(settings, in_flight, hub.wait, metrics.note_delivery)
        publisher = trace(kafka, make_tracer(), settings.kafka.topic_bid_requests)
        worker_state = WorkerState(metrics_dir)
        watchdog = Watchdog(publisher, worker_state, metrics, settings.stuck_timeout_s)
        log = EventLog(BID_ACCEPTED, settings.logs, SERVICE, lines.write_line)
        handler = BidHandler(Ingest(publisher, validate), metrics, settings.max_body_bytes, log)
        public = create_public_app(handler, publisher, worker_state)
        admin = create_admin_app(handler, publisher, worker_state, multiprocess.exposition, openapi)
        tune_gc()
        supervisor = kafka.supervisor if settings.kafka_sender == LOOP else None
        return Service(
            public,
            admin,
            publisher,
            worker_state,
            watchdog,
            metrics,
            in_flight,
            hub,
            lines,
            supervisor,
        )

    return IngestServer(settings, build_service, multiprocess, metrics_dir)


def build_metrics(settings: IngestSettings) -> IngestMetrics:
    """Return the metrics of one worker, which say what its limits are."""
    metrics = IngestMetrics(CollectorRegistry())
    metrics.pending_records_limit.set(settings.max_pending_records)
    metrics.pending_bytes_limit.set(settings.max_pending_bytes)
    return metrics
