"""The sink that writes decisions to a Kafka topic."""

from __future__ import annotations

from common import traceparent
from consumer.bidding.decision_record import Decided
from consumer.kafka.publisher import Publisher
from consumer.kafka.record import header
from consumer.sinks.sink import Acknowledgement


class KafkaSink:
    """One record per decision, under the key of its request, so that both keep their order."""

    name = "kafka"

    def __init__(self, publisher: Publisher, topic: str) -> None:
        """Take the publisher, which is shared and closed by its owner, and the topic's name."""
        self._publisher = publisher
        self._topic = topic

    def submit(self, decided: Decided) -> Acknowledgement:
        """Hand the decision to the producer."""
        own = (decided.traceparent or "").encode()
        carried_over = {
            traceparent.NAME: own or header(decided.record, traceparent.NAME),
            "received-at": header(decided.record, "received-at"),
        }
        headers = [("content-type", b"application/json")]
        headers += [(name, value) for name, value in carried_over.items() if value is not None]
        return self._publisher.publish(self._topic, decided.record.key, decided.value, headers)

    def close(self) -> None:
        """Do nothing: the publisher has an owner."""
