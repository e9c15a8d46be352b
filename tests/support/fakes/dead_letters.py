"""A topic of dead letters, and what a replay of them is done with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata, TopicPartition

from tests.support.fakes.consumer_producer import FakeProducer

AT = TopicPartition("bid_requests.dlq", 0)


class LettersConsumer:
    """Reads the letters of one partition, two at a poll, with the calls that a replay makes."""

    def __init__(self, letters: Sequence[ConsumerRecord]) -> None:
        self.letters = letters
        self.done = 0
        self._position = 0

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read the one."""
        assert partitions == [AT]

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        """Go on from there."""
        self._position = offset

    def position(self, _partition: TopicPartition) -> int:
        """Return the next offset."""
        return self._position

    def committed(self, _partition: TopicPartition) -> int:
        """Return how far replays have come."""
        return self.done

    def beginning_offsets(self, _partitions: object) -> dict[TopicPartition, int]:
        """Return the first offset."""
        return {AT: 0}

    def end_offsets(self, _partitions: object) -> dict[TopicPartition, int]:
        """Return the end."""
        return {AT: len(self.letters)}

    def poll(self, timeout_ms: int) -> dict[TopicPartition, Sequence[ConsumerRecord]]:
        """Return the next two."""
        assert timeout_ms > 0
        polled = self.letters[self._position : self._position + 2]
        self._position += len(polled)
        return {AT: polled}


class ReplayProducer(FakeProducer):
    """Keeps what is put back, and says to the consumer how far that came."""

    def __init__(self, consumer: LettersConsumer) -> None:
        super().__init__()
        self._consumer = consumer
        self._pending = 0
        self.steps: list[str] = []

    def init_transactions(self) -> None:
        """Note it."""
        self.steps.append("init")

    def begin_transaction(self) -> None:
        """Note it."""
        self.steps.append("begin")

    def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: str
    ) -> None:
        """Keep how far it came."""
        assert group == "group"
        self._pending = offsets[AT].offset

    def commit_transaction(self) -> None:
        """Tell the consumer."""
        self.steps.append("commit")
        self._consumer.done = self._pending

    def abort_transaction(self) -> None:
        """Note it."""
        self.steps.append("abort")
