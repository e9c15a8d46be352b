"""The bidding logic on fakes: everything but Kafka and the time is real."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from common.logs import LogSettings
from common.tracing import NoTracer
from consumer.bidding.strategy import Strategy
from consumer.bootstrap import Bootstrap, Extensions
from consumer.health.health import Health
from consumer.kafka.clients import KafkaClients
from consumer.kafka.publisher import Publisher
from consumer.metrics import ConsumerMetrics
from consumer.processing.decision_log import DecisionLog
from consumer.processing.timeout import Timeout, no_timeout
from consumer.runtime import Runtime, Stop
from consumer.settings.consumer import load_settings
from consumer.sinks.queued import DroppingSink
from consumer.sinks.sink import Sink
from consumer.sinks.sinks import Sinks
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, FakeTransactions, Sent
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.group_offsets import FakeGroupOffsets
from tests.support.fakes.tracer import FakeTracer

DECISIONS = "bid_decisions"
DEAD_LETTERS = "bid_requests.dlq"
REQUEST = b'{"id":"r-1"}'
EXACTLY_ONCE = {"PROCESSING_GUARANTEE": "exactly_once", "CONSUMER_GROUP_INSTANCE_ID": "pod-1"}


class Wiring:
    """One service; `producers` are those it made, the last one in use."""

    def __init__(  # noqa: PLR0913  what a test can put in the place of what is usual
        self,
        consumer: FakeKafkaConsumer,
        *,
        strategy: Strategy | None = None,
        sinks: Sequence[Sink] | None = None,
        dropping: Sequence[DroppingSink] = (),
        exactly_once: bool = False,
        broker: FakeTransactions | None = None,
        tracer: FakeTracer | None = None,
        timeout: Callable[[float], Timeout] = lambda _seconds: no_timeout,
        **environ: str,
    ) -> None:
        if exactly_once and broker is None:
            broker = FakeTransactions(consumer)
        self.consumer, self.broker = consumer, broker
        self.time = FakeTime()
        clock = self.time.clock
        consumer.sleep = self.time.sleep
        self.registry = CollectorRegistry()
        self.stop, self.health = Stop(clock), Health(60, clock.monotonic)
        self.producers: list[FakeProducer] = []
        self.make_producer: Callable[[], FakeProducer] = broker.begin if broker else FakeProducer
        self.clients = KafkaClients(
            consumer, Publisher(self._connect), lambda: FakeGroupOffsets({})
        )
        durable: Any = sinks or ()  # of which only `submit` is asked
        self.bootstrap = Bootstrap(
            load_settings({**(EXACTLY_ONCE if broker else {}), **environ}),
            lambda _settings: self.clients,
            Runtime(
                clock,
                self.stop,
                self.health,
                ConsumerMetrics(self.registry),
                tracer or NoTracer(),
            ),
            Extensions(strategy or FakeStrategy(), Sinks(sinks is None, durable, dropping)),
            DecisionLog(LogSettings("INFO", "console"), "tests", sys.stdout, clock),
            timeout,
        )
        self.loop = self.bootstrap.build_pipeline(self.clients).loop

    @classmethod
    def over(cls, *logs: Sequence[bytes | None], **given: Any) -> Wiring:  # noqa: ANN401  those above
        """Wire a service over partitions that hold these values."""
        consumer = FakeKafkaConsumer(partitions=len(logs))
        for number, values in enumerate(logs):
            for value in values:
                consumer.add(value, number)
        return cls(consumer, **given)

    @property
    def producer(self) -> FakeProducer:
        """The producer in use."""
        return self.producers[-1]

    @property
    def committed(self) -> Mapping[int, int]:
        """The group's offset of each partition that has one."""
        return {tp.partition: at for tp, at in self.consumer.committed_offsets.items()}

    def go_round(self, times: int = 1, *, after_s: float = 0) -> None:
        """Go round the poll loop, each time after that many seconds."""
        for _ in range(times):
            self.time.now_s += after_s
            self.loop.run_round()

    def fail(self, refusing: Callable[[Sent], Exception | None], where: str = "refusing") -> None:
        """Let all producers fail as said, from the one in use on.

        `where` is "refusing", when they send, or "failing", when they are waited for.
        """
        make = self.make_producer

        def strict() -> FakeProducer:
            producer = make()
            setattr(producer, where, refusing)
            return producer

        setattr(self.producer, where, refusing)
        self.make_producer = strict

    def value(self, name: str, **labels: str) -> float | None:
        """Return a metric's value."""
        return self.registry.get_sample_value(name, labels)

    def _connect(self) -> FakeProducer:
        self.producers.append(self.make_producer())
        return self.producers[-1]
