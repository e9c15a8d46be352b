"""A stand-in for kafka.KafkaProducer whose acknowledgements the test decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.future import Future
from kafka.producer.future import RecordMetadata
from kafka.structs import TopicPartition

from common.kafka_clients import NeverSentError


class FakeFuture(Future):  # type: ignore[misc]  # kafka-python ships no types
    """A future of record metadata; `get` waits for nobody."""

    def get(self, timeout: float) -> RecordMetadata:
        self.waited_s = timeout
        if not self.is_done:
            raise KafkaTimeoutError
        if self.exception is not None:
            raise self.exception
        return self.value


@dataclass(eq=False)
class FakeProducer:
    """Collects what is sent; `outcome` is set on the future, or leaves it open (None).

    `raises`, `topic_missing` and `close_raises` are raised by `send`, `partitions_for` and `close`.
    What is left open can be aborted where it is `queued`.
    """

    outcome: Exception | str | None = "acknowledge"
    raises: Exception | None = None
    topic_missing: Exception | None = None
    close_raises: Exception | None = None
    queued: bool = False
    is_alive: bool = True
    sent: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = field(
        default_factory=list
    )
    futures: list[FakeFuture] = field(default_factory=list)
    closed_within_s: float | None = None
    dropped: bool = False
    blocks: bool = True

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> FakeFuture:
        if self.raises is not None:
            raise self.raises
        future = FakeFuture()
        self.sent.append((key, value, headers))
        self.futures.append(future)
        if isinstance(self.outcome, Exception):
            future.failure(self.outcome)
        elif self.outcome == "acknowledge":
            self.acknowledge(future, topic)
        return future

    def acknowledge(self, future: FakeFuture, topic: str = "bid_requests") -> None:
        offset = len(self.sent) - 1
        tp = TopicPartition(topic, 0)
        future.success(RecordMetadata(topic, 0, tp, offset, 0, None, 0, 0, 0))

    def partitions_for(self, _topic: str) -> set[int]:
        if self.topic_missing is not None:
            raise self.topic_missing
        return {0}

    def close(self, timeout: float | None = None) -> None:
        self.closed_within_s = timeout
        if self.close_raises is not None:
            raise self.close_raises

    def never_block(self) -> None:
        self.blocks = False

    def abort_unsent(self) -> None:
        if self.queued:
            self._fail_open(NeverSentError("not sent in time"))

    def force_close(self) -> None:
        self.dropped = True
        self._fail_open(IllegalStateError("Producer is closed forcefully."))

    def _fail_open(self, error: Exception) -> None:
        for future in self.futures:
            if not future.is_done:
                future.failure(error)
