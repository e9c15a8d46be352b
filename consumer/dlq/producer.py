"""Where records go that cannot be processed."""

from __future__ import annotations

from consumer.errors import UnprocessableError
from consumer.kafka.publisher import Headers, Publisher
from consumer.kafka.record import Record
from consumer.sinks.sink import Acknowledgement

_LONGEST_ERROR = 500  # characters: a header is for reading, not for the whole record


class DeadLetters:
    """Writes given-up records to a topic: same key, value and headers, plus why and from where."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        """Take the publisher, which is shared and closed by its owner, and the topic's name."""
        self._publisher = publisher
        self._topic = topic

    def submit(self, record: Record, error: UnprocessableError) -> Acknowledgement:
        """Begin to write the record; raise what `Acknowledgement.wait` does."""
        headers = [(name, value or b"") for name, value in record.headers]
        headers += _about(record, error)
        value = record.value
        if record.key is None and value is None:
            value = b""  # kafka-python sends no record that has neither
        return self._publisher.publish(self._topic, record.key, value, headers)


def _about(record: Record, error: UnprocessableError) -> Headers:
    said = {
        "dlq-reason": error.reason.value,
        "dlq-stage": error.stage.value,
        "dlq-error": str(error)[:_LONGEST_ERROR],
        "dlq-topic": record.topic,
        "dlq-partition": str(record.partition),
        "dlq-offset": str(record.offset),
        "dlq-timestamp": str(record.timestamp),
    }
    return [(name, text.encode("utf-8", "backslashreplace")) for name, text in said.items()]
