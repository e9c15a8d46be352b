"""From the first attempt to connect to the last acknowledgement: the life of the bidding logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kafka.errors import KafkaError

from common.logs import get_logger
from consumer.kafka.clients import KafkaClients, TopicsUnavailableError
from consumer.kafka.lag import Lag
from consumer.poll_loop import PollLoop
from consumer.runtime import Backoff, Runtime
from consumer.settings.consumer import ConsumerSettings
from consumer.sinks.sinks import Sinks

_MS = 1000
_EXPORT_S = 1.0


@dataclass(frozen=True)
class Pipeline:
    """The loop and the lag, on one connection to Kafka."""

    loop: PollLoop
    lag: Lag

    def run(self) -> None:
        """Run the loop until a stop, with its lag told beside it."""
        self.lag.start()
        try:
            self.loop.run()
        finally:
            self.lag.stop()


@dataclass(frozen=True)
class Service:
    """Connects, as often as it takes, runs the poll loop until a stop, and closes in order."""

    settings: ConsumerSettings
    connect: Callable[[ConsumerSettings], KafkaClients]
    build_pipeline: Callable[[KafkaClients], Pipeline]
    sinks: Sinks
    backoff: Backoff
    runtime: Runtime

    def run(self) -> None:
        """Return after a stop: batch finished, offsets committed, group left, sinks drained."""
        self.sinks.start()
        try:
            self._work()
        finally:
            self.sinks.drain(self.settings.sinks.drain_ms / _MS, self.runtime.clock)
            self.runtime.tracer.close(_EXPORT_S)

    def _work(self) -> None:
        self.runtime.health.set_not_ready("kafka", "not connected yet", expected=True)
        clients = self._connect()
        if clients is None:
            return
        try:
            self.build_pipeline(clients).run()
        finally:
            self.runtime.health.set_not_ready("service", "stopping", expected=True)
            self._close(clients)

    def _connect(self) -> KafkaClients | None:
        while not self.runtime.stop.requested:
            self.runtime.health.beat()
            try:
                clients = self.connect(self.settings)
            except (KafkaError, OSError, TopicsUnavailableError) as error:
                self.runtime.health.set_not_ready("kafka", str(error))
                self.runtime.stop.wait(self.backoff.next_s())
            else:
                self.runtime.health.watch(clients.troubles)
                self.runtime.health.set_ready("kafka")
                get_logger().info("connected")
                return clients
        return None

    def _close(self, clients: KafkaClients) -> None:
        try:
            clients.consumer.close(autocommit=False, timeout_ms=self.settings.commit_timeout_ms)
        except KafkaError as error:
            get_logger().warning("group not left in order", why=str(error))
        clients.publisher.close(self.settings.publish_timeout_ms / _MS)
