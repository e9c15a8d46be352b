"""A topic of dead letters, and what a replay of them is done with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata, TopicPartition

from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.topic_consumer import TopicConsumer

AT = TopicPartition("bid_requests.dlq", 0)


class LettersConsumer(TopicConsumer):
    """Reads the letters of one partition; `done` is how far replays have come."""

    def __init__(self, letters: Sequence[ConsumerRecord]) -> None:
        super().__init__(AT.topic, letters)
        self.done = 0

    def committed(self, _partition: TopicPartition) -> int:
        return self.done


class ReplayProducer(FakeProducer):
    """Keeps what is put back, and says to the consumer how far that came."""

    def __init__(self, consumer: LettersConsumer) -> None:
        super().__init__()
        self._consumer = consumer
        self._pending = 0
        self.steps: list[str] = []

    def init_transactions(self) -> None:
        self.steps.append("init")

    def begin_transaction(self) -> None:
        self.steps.append("begin")

    def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: str
    ) -> None:
        assert group == "group"
        self._pending = offsets[AT].offset

    def commit_transaction(self) -> None:
        self.steps.append("commit")
        self._consumer.done = self._pending

    def abort_transaction(self) -> None:
        self.steps.append("abort")
