"""Everything that the bidding logic counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from common.metrics import Metric

_PROCESSING_S = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_END_TO_END_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

RECORDS = Metric(
    "consumer_records_total",
    "counter",
    "Records read, those read again after a retry or a rebalance included.",
)
DECISIONS = Metric(
    "consumer_decisions_total",
    "counter",
    "Decisions that every sink acknowledged, by strategy and by outcome: `bid` or `no_bid`.",
    ("strategy", "outcome"),
)
PROCESSING = Metric(
    "consumer_processing_seconds",
    "histogram",
    "Time to decode a record, decide on it and hand the decision to the sinks.",
    buckets=_PROCESSING_S,
)
END_TO_END = Metric(
    "consumer_end_to_end_seconds",
    "histogram",
    "Time from `received-at`, when the ingest received a request, to the acknowledged decision.",
    buckets=_END_TO_END_S,
)
DEAD_LETTERS = Metric(
    "consumer_dead_letters_total",
    "counter",
    "Records acknowledged by the dead letter topic, by reason.",
    ("reason",),
)
COMMITS = Metric(
    "consumer_commits_total",
    "counter",
    "Offset commits, by outcome: `committed` or `failed` (tried again, or rebalanced away).",
    ("outcome",),
)
RETRIES = Metric(
    "consumer_retries_total",
    "counter",
    "Rounds that left something to be tried again, by what was unavailable: `kafka`, `sinks`, or "
    "`records` that could not be read.",
    ("unavailable",),
)
LAG_MESSAGES = Metric(
    "consumer_lag_messages",
    "gauge",
    "Offsets of a partition that the group has not committed, as Kafka has it, whoever reads it: "
    "every member reports all partitions, so take the `max` of the members.",
    ("partition",),
)
LAG_SECONDS = Metric(
    "consumer_lag_seconds",
    "gauge",
    "Age of the oldest record of a partition that the group has not committed, 0 when none waits; "
    "every member reports all partitions.",
    ("partition",),
)
LAG_READINGS = Metric(
    "consumer_lag_readings_total",
    "counter",
    "Times that Kafka told the lag; while this does not grow, the gauges of the lag are old.",
)
ASSIGNED = Metric(
    "consumer_assigned_partitions",
    "gauge",
    "Partitions assigned to this member of the group.",
)
REBALANCES = Metric(
    "consumer_rebalances_total",
    "counter",
    "Changes to the assignment, by what they were: `assigned`, `revoked`, or `lost`: taken over by "
    "others before this member had committed.",
    ("change",),
)
READY = Metric(
    "consumer_ready",
    "gauge",
    "1 while records can be decided on, else 0.",
)
STUCK = Metric(
    "consumer_stuck_partitions",
    "gauge",
    "Assigned partitions whose position stood still for `CONSUMER_PROGRESS_TIMEOUT_MS` while their "
    "leader said that records wait: `/healthz` answers 503.",
)
UNREADABLE = Metric(
    "consumer_unreadable_partitions",
    "gauge",
    "Assigned partitions that are paused because what comes next in them cannot be read.",
)
DUPLICATES = Metric(
    "consumer_duplicates_total",
    "counter",
    "Records whose bid id had come before, within the last `CONSUMER_DUPLICATE_WINDOW` ids.",
)
OUT_OF_RANGE = Metric(
    "consumer_offset_out_of_range_total",
    "counter",
    "Times that records were gone by retention before they were read, by partition: a loss.",
    ("partition",),
)
BEYOND_END = Metric(
    "consumer_positions_beyond_end_total",
    "counter",
    "Times that a log did not go as far as it had been read, by partition: the topic was made "
    "anew, or its log cut short. It is read from its oldest record.",
    ("partition",),
)
SINK_QUEUE = Metric(
    "consumer_sink_queued_decisions",
    "gauge",
    "Decisions that wait for a sink beside `kafka`, by sink.",
    ("sink",),
)
SINK_DELIVERED = Metric(
    "consumer_sink_delivered_total",
    "counter",
    "Decisions that a sink beside `kafka` has acknowledged, by sink.",
    ("sink",),
)
SINK_DROPS = Metric(
    "consumer_sink_drops_total",
    "counter",
    "Decisions that a sink will never get, by sink and reason: `full` (its queue), `refused`, "
    "`unavailable`, `failed` (it raised), `stopped` (this service did, before it was their turn).",
    ("sink", "reason"),
)

TABLE = (
    RECORDS,
    DECISIONS,
    PROCESSING,
    END_TO_END,
    DEAD_LETTERS,
    COMMITS,
    RETRIES,
    LAG_MESSAGES,
    LAG_SECONDS,
    LAG_READINGS,
    ASSIGNED,
    REBALANCES,
    READY,
    STUCK,
    UNREADABLE,
    DUPLICATES,
    OUT_OF_RANGE,
    BEYOND_END,
    SINK_QUEUE,
    SINK_DELIVERED,
    SINK_DROPS,
)


class ConsumerMetrics:
    """The rows of TABLE as instruments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = RECORDS.counter(registry)
        self.decisions = DECISIONS.counter(registry)
        self.processing = PROCESSING.batch_histogram(registry)
        self.end_to_end = END_TO_END.batch_histogram(registry)
        self.dead_letters = DEAD_LETTERS.counter(registry)
        self.commits = COMMITS.counter(registry)
        self.retries = RETRIES.counter(registry)
        self.lag_messages = LAG_MESSAGES.gauge(registry)
        self.lag_seconds = LAG_SECONDS.gauge(registry)
        self.lag_readings = LAG_READINGS.counter(registry)
        self.assigned = ASSIGNED.gauge(registry)
        self.rebalances = REBALANCES.counter(registry)
        self.ready = READY.gauge(registry)
        self.stuck = STUCK.gauge(registry)
        self.unreadable = UNREADABLE.gauge(registry)
        self.duplicates = DUPLICATES.counter(registry)
        self.out_of_range = OUT_OF_RANGE.counter(registry)
        self.beyond_end = BEYOND_END.counter(registry)
        self.sink_queue = SINK_QUEUE.gauge(registry)
        self.sink_delivered = SINK_DELIVERED.counter(registry)
        self.sink_drops = SINK_DROPS.counter(registry)
