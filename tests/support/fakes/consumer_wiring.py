"""The bidding logic on fakes: everything but Kafka and the time is real."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry

from common.logs import LogSettings
from common.tracing import NoTracer
from consumer.bidding.strategy import Strategy
from consumer.dlq.producer import DeadLetters
from consumer.health.health import Health
from consumer.kafka.commits import Commits
from consumer.kafka.control_records import ControlRecords
from consumer.kafka.offset_reset import OffsetReset
from consumer.kafka.publisher import Publisher
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
from consumer.runtime import Backoff, Runtime, Stop
from consumer.sinks.kafka import KafkaSink
from consumer.sinks.queued import DroppingSink
from consumer.sinks.sink import Sink
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.consumer_records import TOPIC
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.tracer import FakeTracer

DECISIONS = "bid_decisions"
DEAD_LETTERS = "bid_requests.dlq"


class Wiring:
    """One service; `producers` are those it made, the last one in use."""

    def __init__(  # noqa: PLR0913  what a test can put in the place of what is usual
        self,
        source: FakeKafkaConsumer,
        *,
        sinks: Sequence[Sink] | None = None,
        strategy: Strategy | None = None,
        guards: Guards | None = None,
        broker: FakeTransactions | None = None,
        dropping: Sequence[DroppingSink] = (),
        tracer: FakeTracer | None = None,
        skip: bool = False,
    ) -> None:
        self.broker = broker
        self.time = FakeTime()
        clock = self.time.clock
        self.registry = CollectorRegistry()
        self.tracer: FakeTracer | NoTracer = tracer or NoTracer()
        self.source = source
        source.sleep = self.time.sleep
        self.producers: list[FakeProducer] = []
        self.make_producer: Callable[[], FakeProducer] = broker.begin if broker else FakeProducer
        self.publisher = Publisher(self._connect)
        metrics = ConsumerMetrics(self.registry)
        self.stop = Stop(clock)
        self.health = Health(60, clock.monotonic)
        self.commits = Commits(source, 5_000, self.health, metrics)
        self.recent = DuplicateDetector(1000)
        runtime = Runtime(clock, self.stop, self.health, metrics)
        self.backlog = Backlog(source, lambda: Backoff(0.1, 5), runtime)
        watchdog = StallDetector(source, self.backlog, 60, runtime)
        unreadable = Unreadable(source, lambda: Backoff(0.1, 5), runtime, skip=skip)
        log = DecisionLog(LogSettings("INFO", "console"), "tests", sys.stdout, clock)
        self.account = BufferedMetrics(metrics, clock, log, dropping)
        self.handler = RecordProcessor(
            strategy or FakeStrategy(),
            [KafkaSink(self.publisher, DECISIONS)] if sinks is None else sinks,
            DeadLetters(self.publisher, DEAD_LETTERS),
            self.account,
            clock,
            guards=guards or Guards(duplicates=self.recent),
            tracer=self.tracer,
        )
        self.processor = BatchProcessor(self.handler, clock, self.stop, 5, 10)
        self.guarantee = self._guarantee(metrics)
        control_records = ControlRecords(
            source, self.guarantee.pass_over, self.backlog, clock.monotonic
        )
        guards_kept = (self.handler.guards.limit, self.handler.guards.rejected)
        books = PartitionStates(
            (
                self.backlog,
                self.commits,
                self.guarantee,
                self.recent,
                *guards_kept,
                self.handler.dead_letters,
                control_records,
                watchdog,
                unreadable,
            )
        )
        self.loop = PollLoop(
            source,
            OffsetReset(source, 5_000, metrics),
            self.backlog,
            self.commits,
            self.guarantee,
            self.account,
            control_records,
            watchdog,
            unreadable,
            books,
            Backoff(0.1, 5),
            runtime,
            500,
        )
        self.rebalances = Rebalances(books, self.health, metrics)
        source.subscribe([TOPIC], self.rebalances)

    def _guarantee(self, metrics: ConsumerMetrics) -> Checkpointer:
        if self.broker is None:
            return AtLeastOnce(self.processor, self.commits)
        return ExactlyOnce(
            self.source,
            self.broker.committed,
            self.publisher,
            self.processor,
            metrics,
            5,
        )

    @property
    def producer(self) -> FakeProducer:
        """The producer in use."""
        return self.producers[-1]

    def go_round(self, times: int = 1) -> None:
        """Go round the poll loop."""
        for _ in range(times):
            self.loop.run_round()

    def value(self, name: str, **labels: str) -> float | None:
        """Return a metric's value."""
        return self.registry.get_sample_value(name, labels)

    def _connect(self) -> FakeProducer:
        self.producers.append(self.make_producer())
        return self.producers[-1]
