"""The composition root: what the bidding logic is made of, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from consumer.bidding import strategies
from consumer.bidding.strategy import Strategy
from consumer.dlq.limit import DlqLimit
from consumer.dlq.producer import DeadLetters
from consumer.kafka.clients import KafkaClients, subscribe
from consumer.kafka.commits import Commits
from consumer.kafka.control_records import ControlRecords
from consumer.kafka.lag import Lag
from consumer.kafka.offset_reset import OffsetReset
from consumer.kafka.rebalance import PartitionStates, Rebalances
from consumer.kafka.stall_detector import StallDetector
from consumer.kafka.unreadable import Unreadable
from consumer.metrics import ConsumerMetrics
from consumer.poll_loop import PollLoop
from consumer.processing.at_least_once import AtLeastOnce
from consumer.processing.backlog import Backlog
from consumer.processing.batch import BatchProcessor, Checkpointer
from consumer.processing.buffered_metrics import BufferedMetrics
from consumer.processing.decision_log import DecisionLog
from consumer.processing.deduplication import DuplicateDetector
from consumer.processing.exactly_once import ExactlyOnce
from consumer.processing.processor import Guards, RecordProcessor
from consumer.processing.timeout import AlarmTimeout, Timeout
from consumer.runtime import Backoff, Clock, Runtime
from consumer.service import Pipeline, Service
from consumer.settings.consumer import ConsumerSettings
from consumer.sinks.kafka import KafkaSink
from consumer.sinks.sinks import Sinks, load_sinks

_MS = 1000


@dataclass(frozen=True)
class Extensions:
    """Made before anything is connected, so that a wrong name ends the service at once."""

    strategy: Strategy
    sinks: Sinks


def load_extensions(
    settings: ConsumerSettings,
    environ: Mapping[str, str],
    metrics: ConsumerMetrics,
    clock: Clock,
) -> Extensions:
    """Make the strategy and the sinks that the settings name; raise SettingsError."""
    timeout_s = settings.publish_timeout_ms / _MS
    return Extensions(
        strategies.load_strategy(settings.bidding, environ, clock),
        load_sinks(settings.sinks, environ, timeout_s, metrics, clock),
    )


@dataclass(frozen=True)
class Bootstrap:
    """Builds the service; nothing is connected before it runs."""

    settings: ConsumerSettings
    connect: Callable[[ConsumerSettings], KafkaClients]
    runtime: Runtime
    extensions: Extensions
    decision_log: DecisionLog
    timeout: Callable[[float], Timeout] = AlarmTimeout

    def build_service(self) -> Service:
        """Build what connects, and then runs the loop below."""
        backoff, sinks = self._build_backoff(), self.extensions.sinks
        return Service(
            self.settings, self.connect, self.build_pipeline, sinks, backoff, self.runtime
        )

    def build_pipeline(self, clients: KafkaClients) -> Pipeline:
        """Build the loop, whose client joins the group with the first poll, and its lag."""
        settings, runtime, consumer = self.settings, self.runtime, clients.consumer
        guards = self._build_guards()
        backlog = Backlog(consumer, self._build_backoff, runtime)
        commits = Commits(consumer, settings.commit_timeout_ms, runtime.health, runtime.metrics)
        metrics = BufferedMetrics(
            runtime.metrics, runtime.clock, self.decision_log, self.extensions.sinks.dropping
        )
        processor = self._build_processor(clients, guards, metrics)
        checkpointer = self._build_checkpointer(clients, processor, commits)
        control_records = ControlRecords(
            consumer, checkpointer.pass_over, backlog, runtime.clock.monotonic
        )
        stall_detector = StallDetector(
            consumer, backlog, settings.progress_timeout_ms / _MS, runtime
        )
        unreadable = Unreadable(
            consumer, self._build_backoff, runtime, skip=settings.unreadable == "skip"
        )
        of_loop = (backlog, commits, checkpointer, control_records, stall_detector, unreadable)
        of_records = (guards.duplicates, guards.limit, guards.rejected, processor.dead_letters)
        states = PartitionStates((*of_loop, *of_records))
        rebalances = Rebalances(states, runtime.health, runtime.metrics)
        loop = PollLoop(
            subscribe(clients, settings.kafka.topic_bid_requests, rebalances),
            OffsetReset(consumer, settings.commit_timeout_ms, runtime.metrics),
            backlog,
            commits,
            checkpointer,
            metrics,
            control_records,
            stall_detector,
            unreadable,
            states,
            kafka_backoff=self._build_backoff(),
            runtime=runtime,
            poll_timeout_ms=settings.poll_timeout_ms,
        )
        return Pipeline(loop, Lag(clients.group_offsets, runtime.clock, runtime.metrics))

    def _build_processor(
        self, clients: KafkaClients, guards: Guards, metrics: BufferedMetrics
    ) -> RecordProcessor:
        kafka, sinks = self.settings.kafka, self.extensions.sinks
        decisions = KafkaSink(clients.publisher, kafka.topic_bid_decisions)
        return RecordProcessor(
            self.extensions.strategy,
            [*([decisions] if sinks.writes_to_kafka else []), *sinks.durable],
            DeadLetters(clients.publisher, kafka.topic_dead_letters),
            metrics,
            self.runtime.clock,
            guards=guards,
            tracer=self.runtime.tracer,
        )

    def _build_guards(self) -> Guards:
        settings = self.settings
        return Guards(
            self.timeout(settings.strategy_timeout_ms / _MS),
            DuplicateDetector(settings.duplicate_window),
            DlqLimit(settings.dlq_max_consecutive, settings.dlq_max_ratio),
        )

    def _build_checkpointer(
        self, clients: KafkaClients, processor: RecordProcessor, commits: Commits
    ) -> Checkpointer:
        settings, runtime = self.settings, self.runtime
        batches = BatchProcessor(
            processor,
            runtime.clock,
            runtime.stop,
            settings.commit_interval_ms / _MS,
            settings.publish_timeout_ms / _MS,
            transactional=settings.exactly_once,
        )
        if not settings.exactly_once:
            return AtLeastOnce(batches, commits)
        timeout_ms = settings.commit_timeout_ms
        return ExactlyOnce(
            clients.consumer,
            lambda partition: clients.consumer.committed(partition, timeout_ms=timeout_ms),
            clients.publisher,
            batches,
            runtime.metrics,
            timeout_ms / _MS,
        )

    def _build_backoff(self) -> Backoff:
        settings = self.settings
        return Backoff(settings.retry_backoff_ms / _MS, settings.retry_backoff_max_ms / _MS)
