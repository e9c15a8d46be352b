"""The sink that writes decisions to a Kafka topic."""

from __future__ import annotations

from common import traceparent
from consumer.bidding.decision_record import DecisionRecord
from consumer.kafka.publisher import Publisher
from consumer.kafka.record import RECEIVED_AT
from consumer.sinks.sink import Acknowledgement

_CONTENT_TYPE = ("content-type", b"application/json")


class KafkaSink:
    """One record per decision, under the key of its request, so that both keep their order."""

    name = "kafka"

    def __init__(self, publisher: Publisher, topic: str) -> None:
        """Take the publisher, which is shared and closed by its owner, and the topic's name."""
        self._publisher = publisher
        self._topic = topic

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Hand the decision to the producer."""
        record, carried = decided.record, decided.headers
        headers = [_CONTENT_TYPE]
        if place := decided.traceparent or carried.traceparent:
            headers.append((traceparent.NAME, place.encode()))
        if carried.received_at is not None:
            headers.append((RECEIVED_AT, carried.received_at))
        return self._publisher.publish(
            self._topic, record.key, decided.value, headers, (record.topic, record.partition)
        )

    def close(self) -> None:
        """Do nothing: the publisher has an owner."""
