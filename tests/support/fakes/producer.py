"""A stand-in for kafka.KafkaProducer whose acknowledgements the test decides."""

from __future__ import annotations

from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.future import Future
from kafka.producer.future import RecordMetadata
from kafka.structs import TopicPartition

from common.kafka_clients import NeverSentError


class FakeFuture(Future):  # type: ignore[misc]  # kafka-python ships no types
    """A future of record metadata; `get` waits for nobody."""

    def get(self, timeout: float) -> RecordMetadata:
        """Return or raise what it was resolved with; time out when it was not."""
        self.waited_s = timeout
        if not self.is_done:
            raise KafkaTimeoutError
        if self.exception is not None:
            raise self.exception
        return self.value


class FakeProducer:
    """Collects what is sent; `outcome` is raised, set on the future, or left open (None)."""

    def __init__(self, outcome: Exception | str | None = "acknowledge") -> None:
        """Acknowledge everything unless told otherwise."""
        self.outcome = outcome
        self.raises: Exception | None = None
        self.topic_missing: Exception | None = None
        self.close_raises: Exception | None = None
        self.sent: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = []
        self.futures: list[FakeFuture] = []
        self.closed_within_s: float | None = None
        self.dropped = False
        self.is_alive = True
        self.queued = False
        self.blocks = True

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> FakeFuture:
        """Return a future that is resolved as `outcome` says."""
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
        """Resolve a future the way the sender thread does."""
        offset = len(self.sent) - 1
        tp = TopicPartition(topic, 0)
        future.success(RecordMetadata(topic, 0, tp, offset, 0, None, 0, 0, 0))

    def partitions_for(self, _topic: str) -> set[int]:
        """Return one partition, or raise what it was told to."""
        if self.topic_missing is not None:
            raise self.topic_missing
        return {0}

    def close(self, timeout: float | None = None) -> None:
        """Note the call, or raise what it was told to."""
        self.closed_within_s = timeout
        if self.close_raises is not None:
            raise self.close_raises

    def never_block(self) -> None:
        """Note the call."""
        self.blocks = False

    def abort_unsent(self) -> None:
        """Fail what waits, where `queued` says that nothing of it was sent."""
        for future in self.futures:
            if self.queued and not future.is_done:
                future.failure(NeverSentError("not sent in time"))

    def force_close(self) -> None:
        """Note the call; what is pending fails."""
        self.dropped = True
        for future in self.futures:
            if not future.is_done:
                future.failure(IllegalStateError("Producer is closed forcefully."))
