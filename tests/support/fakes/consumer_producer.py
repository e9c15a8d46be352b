"""Producers that acknowledge, fail or keep silent, and a broker's transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from tests.support.fakes.consumer_kafka import FakeKafkaConsumer


@dataclass(frozen=True)
class Sent:
    """A record handed to the producer."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    beside: tuple[str, int] | None = None

    def header(self, name: str) -> str:
        """Return the one header of that name as text."""
        (value,) = (value for key, value in self.headers if key == name)
        return value.decode("utf-8")


class FakeProduced:
    """The future of one record."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.done = False
        self.silent = False
        self.waited_s: list[float] = []

    @property
    def is_done(self) -> bool:
        return not self.silent

    def succeeded(self) -> bool:
        return self.done

    def get(self, timeout: float) -> None:
        self.waited_s.append(timeout)
        if self.silent:
            raise KafkaTimeoutError("Timeout")
        if self.error is not None:
            raise self.error


class FakeProducer:
    """Keeps what is sent.

    `failing` is asked for each record what its future fails with, `refusing` what `send` raises;
    None is success.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.acknowledged: list[Sent] = []
        self.futures: list[FakeProduced] = []
        self.failing: Callable[[Sent], Exception | None] = lambda _sent: None
        self.refusing: Callable[[Sent], Exception | None] = lambda _sent: None
        self.away: set[str] = set()
        self.wedged = False
        self.hurried = 0
        self.ended: list[str] = []

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        beside: tuple[str, int] | None = None,
    ) -> FakeProduced:
        """Keep the record, under the conditions that kafka-python makes."""
        assert key is not None or value is not None, "kafka-python sends no empty record"
        assert all(isinstance(content, bytes) for _, content in headers)
        if self.ended:
            raise IllegalStateError("closed")
        sent = Sent(topic, key, value, headers, beside)
        if error := self.refusing(sent):
            raise error
        self.sent.append(sent)
        error = self.failing(sent)
        if error is None:
            self.acknowledged.append(sent)
        self.futures.append(FakeProduced(error))
        return self.futures[-1]

    def is_away(self, topic: str) -> bool:
        return topic in self.away

    @contextmanager
    def expedited(self) -> Iterator[None]:
        self.hurried += 1
        yield

    def close(self, timeout: float | None = None) -> None:
        assert timeout is not None
        if self.wedged:
            raise KafkaTimeoutError
        self.ended.append("closed")

    def force_close(self) -> None:
        self.ended.append("dropped")

    def to(self, topic: str) -> list[Sent]:
        """Return what a topic has acknowledged."""
        return [sent for sent in self.acknowledged if sent.topic == topic]


class FakeTransactions:
    """What a read_committed reader sees, and the offsets that go with it.

    The errors are raised one per call, first come first served. After `lost_answers` the commit
    has happened all the same.
    """

    def __init__(self, consumer: FakeKafkaConsumer) -> None:
        self.consumer = consumer
        self.visible: list[Sent] = []
        self.aborted: list[Sent] = []
        self.offset_errors: list[Any] = []
        self.commit_errors: list[Any] = []
        self.lost_answers: list[Any] = []
        self.members: list[ConsumerGroupMetadata] = []
        self.open: FakeTransactionalProducer | None = None

    def begin(self) -> FakeTransactionalProducer:
        """Return a producer, with the transaction of the one before it aborted."""
        if self.open is not None:
            self.aborted += self.open.pending
        self.open = FakeTransactionalProducer(self)
        return self.open

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
        return self.acknowledged[self._done :]

    def add_offsets(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        member: ConsumerGroupMetadata,
        seconds: float,
    ) -> None:
        assert seconds > 0
        assert len(self.acknowledged) == len(self.sent), "offsets of what is not acknowledged"
        if self._broker.offset_errors:
            raise self._broker.offset_errors.pop(0)
        self._broker.members.append(member)
        self._offsets = {tp: stored.offset for tp, stored in offsets.items()}

    def commit(self, seconds: float) -> None:
        assert seconds > 0
        assert self._broker.open is self, "fenced off"
        if self._broker.commit_errors:
            raise self._broker.commit_errors.pop(0)
        self._broker.visible += self.pending
        self._done = len(self.acknowledged)
        self._broker.consumer.committed_offsets |= self._offsets
        if self._broker.lost_answers:
            raise self._broker.lost_answers.pop(0)
