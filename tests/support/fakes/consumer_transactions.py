"""A stand-in for a broker's transactions, and for the producers that take part in them."""

from __future__ import annotations

from collections.abc import Mapping

from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, Sent


class FakeTransactions:
    """What a read_committed reader sees, and the offsets that go with it.

    The errors are raised one per call, first come first served. After `lost_answers` the commit
    has happened all the same; `unanswered` is raised when a committed offset is asked for.
    """

    def __init__(self, source: FakeKafkaConsumer) -> None:
        self.source = source
        self.visible: list[Sent] = []
        self.aborted: list[Sent] = []
        self.offset_errors: list[KafkaError] = []
        self.commit_errors: list[KafkaError] = []
        self.lost_answers: list[KafkaError] = []
        self.unanswered: list[KafkaError] = []
        self.members: list[ConsumerGroupMetadata] = []
        self.open: FakeTransactionalProducer | None = None

    def begin(self) -> FakeTransactionalProducer:
        """Return a producer, with the transaction of the one before it aborted."""
        if self.open is not None:
            self.aborted += self.open.pending
        self.open = FakeTransactionalProducer(self)
        return self.open

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the offset that the group goes on from."""
        if self.unanswered:
            raise self.unanswered.pop(0)
        return self.source.committed.get(partition)

    def to(self, topic: str) -> list[Sent]:
        """Return what a read_committed reader finds on a topic."""
        return [sent for sent in self.visible if sent.topic == topic]


class FakeTransactionalProducer(FakeProducer):
    """What it acknowledges is `pending` until it commits."""

    def __init__(self, broker: FakeTransactions) -> None:
        super().__init__()
        self._broker = broker
        self._offsets: dict[TopicPartition, int] = {}
        self._done = 0

    @property
    def pending(self) -> list[Sent]:
        """The records of the transaction that is open."""
        return self.acknowledged[self._done :]

    def add_offsets(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        member: ConsumerGroupMetadata,
        seconds: float,
    ) -> None:
        """Add offsets or raise what was asked for."""
        assert seconds > 0
        assert len(self.acknowledged) == len(self.sent), "offsets of what is not acknowledged"
        if self._broker.offset_errors:
            raise self._broker.offset_errors.pop(0)
        self._broker.members.append(member)
        self._offsets = {tp: stored.offset for tp, stored in offsets.items()}

    def commit(self, seconds: float) -> None:
        """Make all visible, or raise what was asked for."""
        assert seconds > 0
        assert self._broker.open is self, "fenced off"
        if self._broker.commit_errors:
            raise self._broker.commit_errors.pop(0)
        self._broker.visible += self.pending
        self._done = len(self.acknowledged)
        self._broker.source.committed |= self._offsets
        if self._broker.lost_answers:
            raise self._broker.lost_answers.pop(0)
