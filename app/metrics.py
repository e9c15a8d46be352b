"""Everything that the ingest counts."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry

from common.metrics import Metric

_LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZE_BYTES = (512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0, 262144.0)

_SLOW_S = 0.02

# The ends of a record that was handed to Kafka's client.
ACKNOWLEDGED, NEVER_SENT, FAILED = "acknowledged", "never-sent", "failed"

RECEIVED = Metric(
    "ingest_received_total",
    "counter",
    "Bid requests begun: each is counted once more in `ingest_requests_total`, when answered.",
)
REQUESTS = Metric(
    "ingest_requests_total",
    "counter",
    "Bid requests answered, by outcome: `accepted` or the problem's code; after "
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
    "Violations in refused bid requests, by rule.",
    ("rule",),
)
TOLERATED = Metric(
    "ingest_tolerated_violations_total",
    "counter",
    "Violations in bid requests accepted because VALIDATION_MODE is `warn`, by rule.",
    ("rule",),
)
WARNINGS = Metric(
    "ingest_warnings_total",
    "counter",
    "Accepted bid requests that break a soft rule, by rule.",
    ("rule",),
)
COMPILED_MISMATCHES = Metric(
    "ingest_compiled_mismatches_total",
    "counter",
    "Bid requests that the compiled check refused and marshmallow accepted: a defect in the code.",
)
IN_FLIGHT = Metric(
    "ingest_requests_in_flight",
    "gauge",
    "Bid requests being answered.",
)
RESPONSES = Metric(
    "ingest_http_responses_total",
    "counter",
    "Every answer once, by route (`other`: there is none; empty: the request did not come so far) "
    "and status.",
    ("route", "status"),
)
SLOW_PASSES = Metric(
    "ingest_slow_passes_total",
    "counter",
    "Times that a worker's event loop took more than 20 ms to do what was to be done.",
)
PUBLISHED = Metric(
    "ingest_published_records_total",
    "counter",
    "Records handed to Kafka's client, by what became of them: `acknowledged`, also after their "
    "request had given up; `never-sent`; `failed`: sent, and nobody knows.",
    ("outcome",),
)
ACKNOWLEDGEMENT = Metric(
    "ingest_acknowledgement_seconds",
    "histogram",
    "Time from handing a record to Kafka's client to the acknowledgement of all in-sync replicas.",
    buckets=_LATENCY_S,
)
PENDING_RECORDS = Metric(
    "ingest_pending_records",
    "gauge",
    "Records that wait for their acknowledgement, those of requests that gave up included.",
)
PENDING_BYTES = Metric(
    "ingest_pending_bytes",
    "gauge",
    "Bytes of all that is not answered yet: requests, answers, and records that wait.",
)
PENDING_RECORDS_LIMIT = Metric(
    "ingest_pending_records_limit",
    "gauge",
    "Records that may wait: `INGEST_MAX_PENDING_RECORDS` of each worker.",
)
PENDING_BYTES_LIMIT = Metric(
    "ingest_pending_bytes_limit",
    "gauge",
    "Bytes that may wait: `INGEST_MAX_PENDING_BYTES` of each worker.",
)
OLDEST = Metric(
    "ingest_oldest_unacknowledged_seconds",
    "gauge",
    "Age of the oldest record that waits for its acknowledgement, in any worker; 0 for none.",
    over_workers="livemax",
)
READY = Metric(
    "ingest_ready",
    "gauge",
    "1 while every worker can take bid requests, else 0.",
    over_workers="livemin",
)

TABLE = (
    RECEIVED,
    REQUESTS,
    DURATION,
    BODY,
    VIOLATIONS,
    TOLERATED,
    WARNINGS,
    COMPILED_MISMATCHES,
    IN_FLIGHT,
    RESPONSES,
    SLOW_PASSES,
    PUBLISHED,
    ACKNOWLEDGEMENT,
    PENDING_RECORDS,
    PENDING_RECORDS_LIMIT,
    PENDING_BYTES,
    PENDING_BYTES_LIMIT,
    OLDEST,
    READY,
)


class IngestMetrics:
    """The rows of TABLE as instruments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.received = RECEIVED.counter(registry)
        self.requests = REQUESTS.counter(registry)
        self.duration = DURATION.histogram(registry)
        # looking a child up takes longer than counting
        self._requests_of = cache(self.requests.labels)
        self._duration_of = cache(self.duration.labels)
        self.body = BODY.histogram(registry)
        self.violations = VIOLATIONS.counter(registry)
        self.tolerated = TOLERATED.counter(registry)
        self.warnings = WARNINGS.counter(registry)
        self.compiled_mismatches = COMPILED_MISMATCHES.counter(registry)
        self.in_flight = IN_FLIGHT.gauge(registry)
        self._responses_of = cache(RESPONSES.counter(registry).labels)
        self.slow_passes = SLOW_PASSES.counter(registry)
        published = PUBLISHED.counter(registry)
        self._ends = {end: published.labels(end) for end in (ACKNOWLEDGED, NEVER_SENT, FAILED)}
        self.acknowledgement = ACKNOWLEDGEMENT.histogram(registry)
        self.pending_records = PENDING_RECORDS.gauge(registry)
        self.pending_records_limit = PENDING_RECORDS_LIMIT.gauge(registry)
        self.pending_bytes = PENDING_BYTES.gauge(registry)
        self.pending_bytes_limit = PENDING_BYTES_LIMIT.gauge(registry)
        self.oldest = OLDEST.gauge(registry)
        self.ready = READY.gauge(registry)

    def note_answer(self, outcome: str, seconds: float) -> None:
        """Count an answer `seconds` after its request began."""
        self._requests_of(outcome).inc()
        self._duration_of(outcome).observe(seconds)

    def note_response(self, route: str, status: int) -> None:
        """Count an answer."""
        self._responses_of(route, str(status)).inc()

    def note_pass(self, seconds: float) -> None:
        """Count a pass of the event loop that held up others."""
        if seconds > _SLOW_S:
            self.slow_passes.inc()

    def note_delivery(self, outcome: str, seconds: float) -> None:
        """Count what became of a record `seconds` after it was handed to Kafka's client."""
        self._ends[outcome].inc()
        if outcome == ACKNOWLEDGED:
            self.acknowledgement.observe(seconds)
