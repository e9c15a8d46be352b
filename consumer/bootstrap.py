"""The parts of the service, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kafka.errors import KafkaError

from common.logs import get_logger
from consumer.backoff import Backoff
from consumer.dlq.limit import DeadLetterLimit
from consumer.dlq.producer import DeadLetters
from consumer.extensions import Extensions
from consumer.kafka.clients import KafkaClients, TopicsUnavailableError, subscribe
from consumer.kafka.commits import Commits
from consumer.kafka.lag import Lag
from consumer.kafka.offset_reset import Positions
from consumer.kafka.rebalance import Rebalances
from consumer.kafka.stall_detector import Watchdog
from consumer.kafka.unreadable import Unreadable
from consumer.poll_loop import PollLoop
from consumer.processing.at_least_once import AtLeastOnce
from consumer.processing.batch import BatchProcessor
from consumer.processing.deduplication import RecentIds
from consumer.processing.exactly_once import ExactlyOnce
from consumer.processing.guarantee import Guarantee
from consumer.processing.processor import Guards, RecordHandler
from consumer.processing.timeout import AlarmBudget, TimeBudget
from consumer.runtime import Runtime
from consumer.settings.consumer import ConsumerSettings
from consumer.sinks.kafka import KafkaSink
from consumer.sinks.sink import Sink

_MS = 1000
_EXPORT_S = 1.0


@dataclass(frozen=True)
class Service:
    """Connects, as often as it takes, runs the poll loop until a stop, and closes in order."""

    settings: ConsumerSettings
    connect: Callable[[ConsumerSettings], KafkaClients]
    runtime: Runtime
    extensions: Extensions
    budget: Callable[[float], TimeBudget] = AlarmBudget

    def run(self) -> None:
        """Return after a stop: batch finished, offsets committed, group left, sinks drained."""
        outlets = self.extensions.outlets
        outlets.start()
        try:
            self._work()
        finally:
            outlets.drain(self.settings.sinks.drain_ms / _MS, self.runtime.clock)
            self.runtime.tracer.close(_EXPORT_S)

    def _work(self) -> None:
        self.runtime.health.hinder("kafka", "not connected yet")
        clients = self._connected()
        if clients is None:
            return
        try:
            self._loop(clients).run()
        finally:
            self.runtime.health.hinder("service", "stopping")
            self._close(clients)

    def _connected(self) -> KafkaClients | None:
        backoff = self._backoff()
        while not self.runtime.stop.requested:
            self.runtime.health.beat()
            try:
                clients = self.connect(self.settings)
            except (KafkaError, OSError, TopicsUnavailableError) as error:
                why = str(error)
                self.runtime.health.hinder("kafka", why)
                get_logger().warning("waiting for kafka", why=why)
                self.runtime.stop.wait(backoff.next_s())
            else:
                self.runtime.health.clear("kafka")
                get_logger().info("connected")
                return clients
        return None

    def _loop(self, clients: KafkaClients) -> PollLoop:
        settings, kafka = self.settings, self.settings.kafka
        clock, health, metrics = self.runtime.clock, self.runtime.health, self.runtime.metrics
        lag = Lag(clients.source, clock, metrics)
        recent = RecentIds(settings.duplicate_window)
        handler = RecordHandler(
            self.extensions.strategy,
            self._sinks(clients),
            DeadLetters(clients.publisher, kafka.topic_dead_letters),
            metrics,
            clock,
            guards=Guards(
                self.budget(settings.strategy_timeout_ms / _MS),
                recent,
                DeadLetterLimit(settings.dlq_max_consecutive, settings.dlq_max_ratio),
            ),
            dropping=self.extensions.outlets.dropping,
            tracer=self.runtime.tracer,
        )
        guarantee = self._guarantee(clients, handler)
        watchdog = Watchdog(clients.source, settings.progress_timeout_ms / _MS, self.runtime)
        pause_s = settings.retry_backoff_max_ms / _MS
        unreadable = Unreadable(clients.source, pause_s, self.runtime)
        books = (guarantee, lag, recent, watchdog, unreadable)
        rebalances = Rebalances(books, health, metrics)
        return PollLoop(
            subscribe(clients, kafka.topic_bid_requests, rebalances),
            Positions(clients.source, clients.starts, settings.commit_timeout_ms, metrics),
            guarantee,
            lag,
            watchdog,
            unreadable,
            self._backoff(),
            self._backoff(),
            self.runtime,
            settings.poll_timeout_ms,
        )

    def _sinks(self, clients: KafkaClients) -> list[Sink]:
        outlets = self.extensions.outlets
        kafka = KafkaSink(clients.publisher, self.settings.kafka.topic_bid_decisions)
        return [kafka, *outlets.durable] if outlets.kafka else [*outlets.durable]

    def _guarantee(self, clients: KafkaClients, handler: RecordHandler) -> Guarantee:
        settings, runtime = self.settings, self.runtime
        processor = BatchProcessor(handler, runtime.clock, settings.publish_timeout_ms / _MS)
        timeout_ms = settings.commit_timeout_ms
        if not settings.exactly_once:
            commits = Commits(clients.source, timeout_ms, runtime.health, runtime.metrics)
            return AtLeastOnce(processor, handler.note, commits)
        return ExactlyOnce(
            clients.source,
            lambda partition: clients.source.committed(partition, timeout_ms=timeout_ms),
            clients.publisher,
            processor,
            handler.note,
            runtime.metrics,
            timeout_ms / _MS,
        )

    def _backoff(self) -> Backoff:
        settings = self.settings
        return Backoff(settings.retry_backoff_ms / _MS, settings.retry_backoff_max_ms / _MS)

    def _close(self, clients: KafkaClients) -> None:
        try:
            clients.source.close(autocommit=False, timeout_ms=self.settings.commit_timeout_ms)
        except KafkaError as error:
            get_logger().warning("group not left in order", why=str(error))
        clients.publisher.close(self.settings.publish_timeout_ms / _MS)
