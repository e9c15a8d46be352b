"""The composition root: what the bidding logic is made of, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from consumer import sinks
from consumer.bidding import strategies
from consumer.bidding.strategy import Strategy
from consumer.dlq.limit import DeadLetterLimit
from consumer.dlq.producer import DeadLetters
from consumer.kafka.clients import KafkaClients, subscribe
from consumer.kafka.commits import Commits
from consumer.kafka.control_records import ControlRecords
from consumer.kafka.lag import Lag
from consumer.kafka.offset_reset import Positions
from consumer.kafka.rebalance import Books, Rebalances
from consumer.kafka.stall_detector import Watchdog
from consumer.kafka.unreadable import Unreadable
from consumer.metrics import ConsumerMetrics
from consumer.poll_loop import PollLoop
from consumer.processing.account import Account
from consumer.processing.at_least_once import AtLeastOnce
from consumer.processing.backlog import Backlog
from consumer.processing.batch import BatchProcessor
from consumer.processing.decision_log import DecisionLog
from consumer.processing.deduplication import RecentIds
from consumer.processing.exactly_once import ExactlyOnce
from consumer.processing.guarantee import Guarantee
from consumer.processing.processor import Guards, RecordHandler
from consumer.processing.timeout import AlarmBudget, TimeBudget
from consumer.runtime import Backoff, Clock, Runtime
from consumer.service import Pipeline, Service
from consumer.settings.consumer import ConsumerSettings
from consumer.sinks.kafka import KafkaSink
from consumer.sinks.outlets import Outlets

_MS = 1000


@dataclass(frozen=True)
class Extensions:
    """Made before anything is connected, so that a wrong name ends the service at once."""

    strategy: Strategy
    outlets: Outlets


def choose_extensions(
    settings: ConsumerSettings,
    environ: Mapping[str, str],
    metrics: ConsumerMetrics,
    clock: Clock,
) -> Extensions:
    """Make the strategy and the sinks that the settings name; raise SettingsError."""
    timeout_s = settings.publish_timeout_ms / _MS
    return Extensions(
        strategies.chosen(settings.bidding, environ, clock),
        sinks.chosen(settings.sinks, environ, timeout_s, metrics, clock),
    )


@dataclass(frozen=True)
class Bootstrap:
    """Builds the service; nothing is connected before it runs."""

    settings: ConsumerSettings
    connect: Callable[[ConsumerSettings], KafkaClients]
    runtime: Runtime
    extensions: Extensions
    decision_log: DecisionLog
    budget: Callable[[float], TimeBudget] = AlarmBudget

    def build_service(self) -> Service:
        """Build what connects, and then runs the loop below."""
        backoff, outlets = self._build_backoff(), self.extensions.outlets
        return Service(
            self.settings, self.connect, self.build_pipeline, outlets, backoff, self.runtime
        )

    def build_pipeline(self, clients: KafkaClients) -> Pipeline:
        """Build the loop, whose client joins the group with the first poll, and its lag."""
        settings, runtime, source = self.settings, self.runtime, clients.source
        guards = self._build_guards()
        backlog = Backlog(source, self._build_backoff, runtime)
        commits = Commits(source, settings.commit_timeout_ms, runtime.health, runtime.metrics)
        account = Account(
            runtime.metrics, runtime.clock, self.decision_log, self.extensions.outlets.dropping
        )
        handler = self._build_handler(clients, guards, account)
        guarantee = self._build_guarantee(clients, handler, commits)
        control_records = ControlRecords(
            source, guarantee.pass_over, backlog, runtime.clock.monotonic
        )
        watchdog = Watchdog(source, backlog, settings.progress_timeout_ms / _MS, runtime)
        unreadable = Unreadable(
            source, self._build_backoff, runtime, skip=settings.unreadable == "skip"
        )
        of_loop = (backlog, commits, guarantee, control_records, watchdog, unreadable)
        of_records = (guards.recent, guards.limit, guards.refusals, handler.dead_letters)
        books = Books((*of_loop, *of_records))
        rebalances = Rebalances(books, runtime.health, runtime.metrics)
        loop = PollLoop(
            subscribe(clients, settings.kafka.topic_bid_requests, rebalances),
            Positions(source, settings.commit_timeout_ms, runtime.metrics),
            backlog,
            commits,
            guarantee,
            account,
            control_records,
            watchdog,
            unreadable,
            books,
            kafka_backoff=self._build_backoff(),
            runtime=runtime,
            poll_timeout_ms=settings.poll_timeout_ms,
        )
        return Pipeline(loop, Lag(clients.group_offsets, runtime.clock, runtime.metrics))

    def _build_handler(
        self, clients: KafkaClients, guards: Guards, account: Account
    ) -> RecordHandler:
        kafka, outlets = self.settings.kafka, self.extensions.outlets
        decisions = KafkaSink(clients.publisher, kafka.topic_bid_decisions)
        return RecordHandler(
            self.extensions.strategy,
            [*([decisions] if outlets.kafka else []), *outlets.durable],
            DeadLetters(clients.publisher, kafka.topic_dead_letters),
            account,
            self.runtime.clock,
            guards=guards,
            tracer=self.runtime.tracer,
        )

    def _build_guards(self) -> Guards:
        settings = self.settings
        return Guards(
            self.budget(settings.strategy_timeout_ms / _MS),
            RecentIds(settings.duplicate_window),
            DeadLetterLimit(settings.dlq_max_consecutive, settings.dlq_max_ratio),
        )

    def _build_guarantee(
        self, clients: KafkaClients, handler: RecordHandler, commits: Commits
    ) -> Guarantee:
        settings, runtime = self.settings, self.runtime
        processor = BatchProcessor(
            handler,
            runtime.clock,
            runtime.stop,
            settings.commit_interval_ms / _MS,
            settings.publish_timeout_ms / _MS,
        )
        if not settings.exactly_once:
            return AtLeastOnce(processor, handler.note, commits)
        timeout_ms = settings.commit_timeout_ms
        return ExactlyOnce(
            clients.source,
            lambda partition: clients.source.committed(partition, timeout_ms=timeout_ms),
            clients.publisher,
            processor,
            handler.note,
            runtime.metrics,
            timeout_ms / _MS,
        )

    def _build_backoff(self) -> Backoff:
        settings = self.settings
        return Backoff(settings.retry_backoff_ms / _MS, settings.retry_backoff_max_ms / _MS)
