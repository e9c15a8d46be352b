"""Everything that the ingest counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from common.metrics import Metric

_LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZE_BYTES = (512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0, 262144.0)

RECEIVED = Metric(
    "ingest_received_total",
    "counter",
    "Bid requests begun: each is counted once more in `ingest_requests_total`, when answered.",
)
REQUESTS = Metric(
    "ingest_requests_total",
    "counter",
    "Bid requests answered, by outcome: `accepted` or the refusal's code; after "
    "`delivery-unknown` and `internal-error` the record may be on the topic.",
    ("outcome",),
)
DURATION = Metric(
    "ingest_request_duration_seconds",
    "histogram",
    "Time from the first line of the handler to the answer, by outcome.",
    ("outcome",),
    buckets=_LATENCY_S,
)
BODY = Metric(
    "ingest_request_body_bytes",
    "histogram",
    "Size of accepted bid requests, after inflation.",
    buckets=_SIZE_BYTES,
)
VIOLATIONS = Metric(
    "ingest_violations_total",
    "counter",
    "Broken rules in refused bid requests, by rule.",
    ("rule",),
)
TOLERATED = Metric(
    "ingest_tolerated_violations_total",
    "counter",
    "Broken rules in bid requests that were accepted because VALIDATION_MODE is `warn`, by rule.",
    ("rule",),
)
WARNINGS = Metric(
    "ingest_warnings_total",
    "counter",
    "Accepted bid requests that break a soft rule, by rule.",
    ("rule",),
)
DISPUTED = Metric(
    "ingest_disputed_checks_total",
    "counter",
    "Bid requests that the compiled check refused and marshmallow accepted: a defect in the code.",
)
IN_FLIGHT = Metric(
    "ingest_requests_in_flight",
    "gauge",
    "Bid requests being answered.",
)
PENDING_RECORDS = Metric(
    "ingest_pending_records",
    "gauge",
    "Records that wait for their acknowledgement, those of requests that gave up included.",
)
PENDING_BYTES = Metric(
    "ingest_pending_bytes",
    "gauge",
    "Bytes of the records that wait for their acknowledgement.",
)

TABLE = (
    RECEIVED,
    REQUESTS,
    DURATION,
    BODY,
    VIOLATIONS,
    TOLERATED,
    WARNINGS,
    DISPUTED,
    IN_FLIGHT,
    PENDING_RECORDS,
    PENDING_BYTES,
)


class IngestMetrics:
    """The rows of TABLE as instruments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every row."""
        self.received = RECEIVED.counter(registry)
        self.requests = REQUESTS.counter(registry)
        self.duration = DURATION.histogram(registry)
        self.body = BODY.histogram(registry)
        self.violations = VIOLATIONS.counter(registry)
        self.tolerated = TOLERATED.counter(registry)
        self.warnings = WARNINGS.counter(registry)
        self.disputed = DISPUTED.counter(registry)
        self.in_flight = IN_FLIGHT.gauge(registry)
        self.pending_records = PENDING_RECORDS.gauge(registry)
        self.pending_bytes = PENDING_BYTES.gauge(registry)
