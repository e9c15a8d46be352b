"""Everything that the bidding logic counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from common.metrics import BatchHistogram, MetricTable, batch_histogram, counter, gauge

_PROCESSING_S = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_END_TO_END_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class ConsumerMetrics(MetricTable):
    """The instruments of the bidding logic, each declared once."""

    records: Counter = counter(
        "consumer_records_total",
        "Records read, those read again after a retry or a rebalance included.",
    )
    decisions: Counter = counter(
        "consumer_decisions_total",
        "Decisions that every sink acknowledged, by strategy and by outcome: `bid` or `no_bid`.",
        "strategy",
        "outcome",
    )
    processing: BatchHistogram = batch_histogram(
        "consumer_processing_seconds",
        "Time to decode a record, decide on it and hand the decision to the sinks.",
        buckets=_PROCESSING_S,
    )
    end_to_end: BatchHistogram = batch_histogram(
        "consumer_end_to_end_seconds",
        "Time from `received-at`, when the ingest received a request, to the acknowledged "
        "decision.",
        buckets=_END_TO_END_S,
    )
    dead_letters: Counter = counter(
        "consumer_dead_letters_total",
        "Records acknowledged by the dead letter topic, by reason.",
        "reason",
    )
    commits: Counter = counter(
        "consumer_commits_total",
        "Offset commits, by outcome: `committed` or `failed` (tried again, or rebalanced away).",
        "outcome",
    )
    retries: Counter = counter(
        "consumer_retries_total",
        "Rounds that left something to be tried again, by what was unavailable: `kafka`, `sinks`, "
        "or `records` that could not be read.",
        "unavailable",
    )
    lag_messages: Gauge = gauge(
        "consumer_lag_messages",
        "Offsets of a partition that the group has not committed, as Kafka has it, whoever reads "
        "it: every member reports all partitions, so take the `max` of the members.",
        "partition",
    )
    lag_seconds: Gauge = gauge(
        "consumer_lag_seconds",
        "Age of the oldest record of a partition that the group has not committed, 0 when none "
        "waits; every member reports all partitions.",
        "partition",
    )
    lag_readings: Counter = counter(
        "consumer_lag_readings_total",
        "Times that Kafka told the lag; while this does not grow, the gauges of the lag are old.",
    )
    assigned: Gauge = gauge(
        "consumer_assigned_partitions",
        "Partitions assigned to this member of the group.",
    )
    rebalances: Counter = counter(
        "consumer_rebalances_total",
        "Changes to the assignment, by what they were: `assigned`, `revoked`, or `lost`: taken "
        "over by others before this member had committed.",
        "change",
    )
    ready: Gauge = gauge(
        "consumer_ready",
        "1 while records can be decided on, else 0.",
    )
    stuck: Gauge = gauge(
        "consumer_stuck_partitions",
        "Assigned partitions whose position stood still for `CONSUMER_PROGRESS_TIMEOUT_MS` while "
        "their leader said that records wait: `/healthz` answers 503.",
    )
    unreadable: Gauge = gauge(
        "consumer_unreadable_partitions",
        "Assigned partitions that are paused because what comes next in them cannot be read.",
    )
    duplicates: Counter = counter(
        "consumer_duplicates_total",
        "Records whose bid id had come before, within the last `CONSUMER_DUPLICATE_WINDOW` ids.",
    )
    out_of_range: Counter = counter(
        "consumer_offset_out_of_range_total",
        "Times that records were gone by retention before they were read, by partition: a loss.",
        "partition",
    )
    beyond_end: Counter = counter(
        "consumer_positions_beyond_end_total",
        "Times that a log did not go as far as it had been read, by partition: the topic was made "
        "anew, or its log cut short. It is read from its oldest record.",
        "partition",
    )
    sink_queue: Gauge = gauge(
        "consumer_sink_queued_decisions",
        "Decisions that wait for a sink beside `kafka`, by sink.",
        "sink",
    )
    sink_delivered: Counter = counter(
        "consumer_sink_delivered_total",
        "Decisions that a sink beside `kafka` has acknowledged, by sink.",
        "sink",
    )
    sink_drops: Counter = counter(
        "consumer_sink_drops_total",
        "Decisions that a sink will never get, by sink and reason: `full` (its queue), `refused`, "
        "`unavailable`, `failed` (it raised), `stopped` (this service did, before it was their "
        "turn).",
        "sink",
        "reason",
    )


TABLE = ConsumerMetrics.rows()
