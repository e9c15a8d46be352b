"""Everything that the ingest counts."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.metrics import MetricTable, counter, gauge, histogram

_LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_SIZE_BYTES = (512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0, 262144.0)

_SLOW_S = 0.02

# The ends of a record that was handed to Kafka's client.
ACKNOWLEDGED, NEVER_SENT, FAILED = "acknowledged", "never-sent", "failed"


class IngestMetrics(MetricTable):
    """The instruments of one worker, each declared once."""

    received: Counter = counter(
        "ingest_received_total",
        "Bid requests begun: each is counted once more in `ingest_requests_total`, when answered.",
    )
    requests: Counter = counter(
        "ingest_requests_total",
        "Bid requests answered, by outcome: `accepted` or the problem's code; after "
        "`delivery-unknown` and `internal-error` the record may be on the topic.",
        "outcome",
    )
    duration: Histogram = histogram(
        "ingest_request_duration_seconds",
        "Time from the first line of the handler to the answer, by outcome.",
        "outcome",
        buckets=_LATENCY_S,
    )
    body: Histogram = histogram(
        "ingest_request_body_bytes",
        "Size of accepted bid requests, after inflation.",
        buckets=_SIZE_BYTES,
    )
    violations: Counter = counter(
        "ingest_violations_total",
        "Violations in refused bid requests, by rule.",
        "rule",
    )
    tolerated: Counter = counter(
        "ingest_tolerated_violations_total",
        "Violations in bid requests accepted because VALIDATION_MODE is `warn`, by rule.",
        "rule",
    )
    warnings: Counter = counter(
        "ingest_warnings_total",
        "Accepted bid requests that break a soft rule, by rule.",
        "rule",
    )
    compiled_mismatches: Counter = counter(
        "ingest_compiled_mismatches_total",
        "Bid requests that the compiled check refused and marshmallow accepted: a defect in the "
        "code.",
    )
    in_flight: Gauge = gauge(
        "ingest_requests_in_flight",
        "Bid requests being answered.",
    )
    responses: Counter = counter(
        "ingest_http_responses_total",
        "Every answer once, by route (`other`: there is none; empty: the request did not come so "
        "far) and status.",
        "route",
        "status",
    )
    slow_passes: Counter = counter(
        "ingest_slow_passes_total",
        "Times that a worker's event loop took more than 20 ms to do what was to be done.",
    )
    published: Counter = counter(
        "ingest_published_records_total",
        "Records handed to Kafka's client, by what became of them: `acknowledged`, also after "
        "their request had given up; `never-sent`; `failed`: sent, and nobody knows.",
        "outcome",
    )
    acknowledgement: Histogram = histogram(
        "ingest_acknowledgement_seconds",
        "Time from handing a record to Kafka's client to the acknowledgement of all in-sync "
        "replicas.",
        buckets=_LATENCY_S,
    )
    pending_records: Gauge = gauge(
        "ingest_pending_records",
        "Records that wait for their acknowledgement, those of requests that gave up included.",
    )
    pending_records_limit: Gauge = gauge(
        "ingest_pending_records_limit",
        "Records that may wait: `INGEST_MAX_PENDING_RECORDS` of each worker.",
    )
    pending_bytes: Gauge = gauge(
        "ingest_pending_bytes",
        "Bytes of all that is not answered yet: requests, answers, and records that wait.",
    )
    pending_bytes_limit: Gauge = gauge(
        "ingest_pending_bytes_limit",
        "Bytes that may wait: `INGEST_MAX_PENDING_BYTES` of each worker.",
    )
    oldest: Gauge = gauge(
        "ingest_oldest_unacknowledged_seconds",
        "Age of the oldest record that waits for its acknowledgement, in any worker; 0 for none.",
        over_workers="livemax",
    )
    ready: Gauge = gauge(
        "ingest_ready",
        "1 while every worker can take bid requests, else 0.",
        over_workers="livemin",
    )

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.registry = registry
        # looking a child up takes longer than counting
        self._requests_of = cache(self.requests.labels)
        self._duration_of = cache(self.duration.labels)
        self._responses_of = cache(self.responses.labels)
        self._ends = {end: self.published.labels(end) for end in (ACKNOWLEDGED, NEVER_SENT, FAILED)}

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


TABLE = IngestMetrics.rows()
