"""The settings of the bidding logic, out of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import fields, validate

from common.kafka import KafkaSettings
from common.logs import LogSettings
from common.settings import POSITIVE, SettingsError, load, setting
from common.tracing import TracingSettings
from consumer.settings.bidding import BiddingSettings
from consumer.settings.sinks import PATIENCE, SinkSettings

PREFIXES = ("BIDDING_", "CONSUMER_", "KAFKA_", "PROCESSING_", "TRACING")


def _milliseconds(least: int, most: int = 3_600_000) -> fields.Integer:
    return fields.Integer(validate=validate.Range(least, most))


@dataclass(frozen=True)
class ConsumerSettings:
    """One row per environment variable of the bidding logic."""

    kafka: KafkaSettings
    logs: LogSettings
    tracing: TracingSettings
    bidding: BiddingSettings
    sinks: SinkSettings
    health_host: str = setting(
        "CONSUMER_HEALTH_HOST",
        fields.String(validate=validate.Length(min=1)),
        doc="Address that health and metrics are served on.",
        default="0.0.0.0",  # noqa: S104  a container is reached from outside of it
    )
    health_port: int = setting(
        "CONSUMER_HEALTH_PORT",
        fields.Integer(validate=validate.Range(0, 65_535)),
        doc="Port that health and metrics are served on; 0 takes a free one.",
        default="8081",
    )
    start_from: str = setting(
        "CONSUMER_START_FROM",
        fields.String(validate=validate.OneOf(["earliest", "latest"])),
        doc="Where a group without committed offsets begins: `earliest` or `latest`. Partitions"
        " that are added to the topic of a group that has begun begin at the earliest.",
        default="earliest",
    )
    unreadable: str = setting(
        "CONSUMER_UNREADABLE",
        fields.String(validate=validate.OneOf(["hold", "skip"])),
        doc="What becomes of a batch that cannot be read. `hold`: its partition waits and is tried "
        "again. `skip`: one dead letter names its offsets and the SHA-256 of its bytes, and the "
        "partition goes on; where its last offset is not certain, it is paused all the same.",
        default="hold",
    )
    guarantee: str = setting(
        "PROCESSING_GUARANTEE",
        fields.String(validate=validate.OneOf(["at_least_once", "exactly_once"])),
        doc="`at_least_once`: a crash between effects and commit repeats decisions. "
        "`exactly_once`: each batch is a Kafka transaction, a `read_committed` reader sees each "
        "decision once; needs `CONSUMER_GROUP_INSTANCE_ID`.",
        default="at_least_once",
    )
    strategy_timeout_ms: int = setting(
        "CONSUMER_STRATEGY_TIMEOUT_MS",
        _milliseconds(1),
        doc="Milliseconds that a strategy may take for one request; then it is a dead letter.",
        default="1000",
    )
    duplicate_window: int = setting(
        "CONSUMER_DUPLICATE_WINDOW",
        fields.Integer(validate=validate.Range(0, 10_000_000)),
        doc="Most bid ids that are remembered to mark those that come again, and at least the last "
        "half of them; about 150 bytes each.",
        default="100000",
    )
    dlq_max_consecutive: int = setting(
        "CONSUMER_DLQ_MAX_CONSECUTIVE",
        fields.Integer(validate=POSITIVE),
        doc="Dead letters in a row from one partition; with one more the service stops with an "
        "error instead of emptying the topic into them.",
        default="100",
    )
    dlq_max_ratio: float = setting(
        "CONSUMER_DLQ_MAX_RATIO",
        fields.Float(validate=validate.Range(0, 1)),
        doc="Share of dead letters in the last 1000 records; with more the service stops.",
        default="0.5",
    )
    group_instance_id: str = setting(
        "CONSUMER_GROUP_INSTANCE_ID",
        fields.String(validate=validate.Regexp(r"^[A-Za-z0-9._-]{0,249}\Z", error="Not a name.")),
        doc="Name of this member, for static membership: a restart within the session timeout "
        "moves no partition. The pod's name, for instance; empty: none.",
        default="",
    )
    max_poll_records: int = setting(
        "CONSUMER_MAX_POLL_RECORDS",
        fields.Integer(validate=validate.Range(1, 10_000)),
        doc="Most records in a batch: what is decided, delivered and committed together.",
        default="1000",
    )
    max_batch_bytes: int = setting(
        "CONSUMER_MAX_BATCH_BYTES",
        fields.Integer(validate=validate.Range(65_536, 1 << 30)),
        doc="Most bytes that one compressed batch may inflate to; a larger one cannot be read. "
        "Reading it takes about twice that, within the container's memory.",
        default="16777216",
    )
    poll_timeout_ms: int = setting(
        "CONSUMER_POLL_TIMEOUT_MS",
        _milliseconds(10),
        doc="Milliseconds that one poll waits for records.",
        default="500",
    )
    publish_timeout_ms: int = setting(
        "CONSUMER_PUBLISH_TIMEOUT_MS",
        _milliseconds(100),
        doc="Milliseconds that a batch's decisions may take to be acknowledged; later the rest of "
        "the batch is tried again.",
        default="10000",
    )
    commit_interval_ms: int = setting(
        "CONSUMER_COMMIT_INTERVAL_MS",
        _milliseconds(10),
        doc="Milliseconds that records are decided on before what is decided is delivered and "
        "committed; of a slow strategy's batch the rest waits for the next round.",
        default="5000",
    )
    commit_timeout_ms: int = setting(
        "CONSUMER_COMMIT_TIMEOUT_MS",
        _milliseconds(100),
        doc="Milliseconds that a commit may take; later it is tried again after the next poll.",
        default="5000",
    )
    retry_backoff_ms: int = setting(
        "CONSUMER_RETRY_BACKOFF_MS",
        _milliseconds(1),
        doc="Milliseconds before the first retry when Kafka or a sink is unavailable; doubles "
        "with every further one.",
        default="100",
    )
    retry_backoff_max_ms: int = setting(
        "CONSUMER_RETRY_BACKOFF_MAX_MS",
        _milliseconds(1),
        doc="Most milliseconds between retries.",
        default="5000",
    )
    connect_timeout_ms: int = setting(
        "CONSUMER_CONNECT_TIMEOUT_MS",
        _milliseconds(100),
        doc="Milliseconds that one attempt to reach Kafka at the start may take; attempts go on "
        "until one succeeds.",
        default="5000",
    )
    session_timeout_ms: int = setting(
        "CONSUMER_SESSION_TIMEOUT_MS",
        _milliseconds(1_000),
        doc="Milliseconds without a heartbeat after which the group takes this member for dead; "
        "brokers refuse less than their `group.min.session.timeout.ms` (6000).",
        default="10000",
    )
    max_poll_interval_ms: int = setting(
        "CONSUMER_MAX_POLL_INTERVAL_MS",
        _milliseconds(1_000),
        doc="Milliseconds between two polls after which the member leaves the group.",
        default="120000",
    )
    liveness_timeout_ms: int = setting(
        "CONSUMER_LIVENESS_TIMEOUT_MS",
        _milliseconds(1_000),
        doc="Milliseconds between two rounds of the poll loop after which `/healthz` answers 503.",
        default="60000",
    )

    progress_timeout_ms: int = setting(
        "CONSUMER_PROGRESS_TIMEOUT_MS",
        _milliseconds(1_000),
        doc="Milliseconds that a partition may stand still while its leader says that records "
        "wait; then `/healthz` answers 503. A Kafka or a sink that is away does not count.",
        default="60000",
    )

    @property
    def exactly_once(self) -> bool:
        """Whether each batch is a transaction."""
        return self.guarantee == "exactly_once"

    @property
    def longest_round_ms(self) -> int:
        """Most milliseconds that one round of the poll loop takes."""
        # the strategy's last record may begin at the end of the interval
        deciding = self.commit_interval_ms + self.strategy_timeout_ms
        # a batch waits for room in the queue of each other sink that is waited for, for all
        # acknowledgements together, and a refusal is asked for once more
        waiting = int(self.sinks.queues_waited_for * PATIENCE * self.publish_timeout_ms)
        publishing = 2 * self.publish_timeout_ms + waiting
        # a transaction begins anew, a commit without an answer is asked after, and then the commit
        committing = (3 if self.exactly_once else 2) * self.commit_timeout_ms
        # polling failed, and a producer is replaced
        pausing = self.retry_backoff_max_ms + self.connect_timeout_ms
        return self.poll_timeout_ms + deciding + publishing + committing + pausing


def load_settings(environ: Mapping[str, str]) -> ConsumerSettings:
    """Read the settings; raise common.settings.SettingsError at the first wrong one."""
    settings = load(ConsumerSettings, environ, PREFIXES)
    if settings.exactly_once and not settings.group_instance_id:
        raise SettingsError(
            "CONSUMER_GROUP_INSTANCE_ID: is required with PROCESSING_GUARANTEE=exactly_once "
            "(a name that the member keeps when it restarts, and nobody else has)"
        )
    longest = settings.longest_round_ms
    for name, value in (
        ("CONSUMER_MAX_POLL_INTERVAL_MS", settings.max_poll_interval_ms),
        ("CONSUMER_LIVENESS_TIMEOUT_MS", settings.liveness_timeout_ms),
    ):
        if value <= longest:
            message = (
                f"{name}={value}: must be more than {longest}, the longest round of the poll loop "
                "(a poll, the commit interval, the timeouts of strategy, publishing and commits, "
                "backoff and connecting)"
            )
            raise SettingsError(message)
    return settings
