"""Topics of a real Kafka, read by tests whose machine may stand still."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafka.errors import MetadataEmptyBrokerList

from tests.support.topics import partitions_of


@dataclass
class FakeConsumer:
    """A client of a Kafka whose one broker has been silent for too long to be listed."""

    answers: list[Exception | set[int]] = field(default_factory=list)

    def partitions_for_topic(self, _topic: str) -> set[int]:
        """Return or raise the next answer."""
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_broker_that_is_back_is_waited_for() -> None:
    """A Kafka that lists no broker for a moment is asked again."""
    consumer = FakeConsumer([MetadataEmptyBrokerList("no broker"), {0, 1}])
    assert [each.partition for each in partitions_of(consumer, "t")] == [0, 1]
