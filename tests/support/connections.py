"""Connections of the ingest to fake producers, closed when the test is over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from kafka.errors import KafkaTimeoutError

from app.kafka.producer_supervisor import ProducerSupervisor
from common.kafka_reasons import BrokerTroubles
from tests.support.fakes.producer import FakeProducer


class Connections(ExitStack):
    """Makes connections and closes them all on exit."""

    def make(
        self,
        connect: Callable[[], FakeProducer],
        grace_s: float = 0,
        troubles: BrokerTroubles | None = None,
    ) -> ProducerSupervisor:
        """Return a connection that is not started."""
        connection = ProducerSupervisor(connect, "bid_requests", grace_s, troubles)
        self.callback(connection.close, 0)
        return connection

    def connected(self, *producers: FakeProducer, grace_s: float = 0) -> ProducerSupervisor:
        """Return one that has the first producer; with none left, Kafka is away."""
        rest = iter(producers)

        def connect() -> FakeProducer:
            for producer in rest:
                return producer
            return away()

        connection = self.make(connect, grace_s)
        connection.start(patience_s=5)
        assert connection.producer is producers[0]
        return connection


def away() -> FakeProducer:
    """Fail to connect."""
    raise KafkaTimeoutError("away")
