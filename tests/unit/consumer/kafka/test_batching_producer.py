"""Sending many records with little work for each, to the places where kafka-python puts them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.partitioner import DefaultPartitioner
from kafka.producer.record_accumulator import RecordAccumulator

from consumer.kafka.producer import BatchingProducer

pytestmark = pytest.mark.timing

TOPIC = "bid_decisions"


class FakeCluster:
    """What a client knows of a topic with seven partitions."""

    def topics(self) -> set[str]:
        """Return the one."""
        return {TOPIC}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return them; None of another topic."""
        return set(range(7)) if topic == TOPIC else None

    available_partitions_for_topic = partitions_for_topic


class Unconnected(BatchingProducer):
    """The producer without its network: kafka-python's own queue of batches, and no sender."""

    def __init__(self) -> None:
        """Begin with an empty queue."""
        self._closed = False
        self.config = {"client_id": "test", "transactional_id": None}
        self._metadata = FakeCluster()
        self._transaction_manager: Any = None
        self._accumulator = RecordAccumulator(batch_size=1000)
        self.wakened: list[bool] = []
        self._sender = SimpleNamespace(
            wakeup=lambda: self.wakened.append(self._accumulator.flush_in_progress())
        )

    def end(self) -> None:
        """Leave kafka-python nothing to close."""
        self._closed = True

    def queued(self) -> dict[int, int]:
        """Return how many records wait, by partition."""
        waiting = self._accumulator._batches.items()  # noqa: SLF001  kafka-python's own
        return {tp.partition: sum(b.record_count for b in batches) for tp, batches in waiting}


@pytest.fixture
def producer() -> Iterator[Unconnected]:
    """Return a producer, which is closed after the test."""
    made = Unconnected()
    yield made
    made.end()


@pytest.fixture
def sent_by_kafka(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Return the values that kafka-python's own `send` is called with."""
    sent: list[bytes | None] = []
    monkeypatch.setattr(KafkaProducer, "send", lambda _self, _topic, **of: sent.append(of["value"]))
    return sent


@pytest.mark.parametrize("key", [b"", b"r-1", b"\xff" * 9, b"6b1c4e2a-8d1f-4c57-9a53-0de1f1a0c3b7"])
def test_a_key_has_the_partition_that_kafka_python_gives_it(
    producer: Unconnected, key: bytes
) -> None:
    """Decisions on one id stay in order with those that were written by its own send."""
    where = DefaultPartitioner().partition(TOPIC, key, key, b"", b"", FakeCluster())
    producer.send(TOPIC, key=key, value=b"v", headers=[("h", b"1")])
    assert producer.queued() == {where: 1}


def test_the_sender_is_wakened_for_new_batches_and_full_ones_alone(producer: Unconnected) -> None:
    """What goes into a batch that has begun wakes nobody."""
    for _ in range(3):
        producer.send(TOPIC, key=b"k", value=b"x" * 100, headers=[])
    assert len(producer.wakened) == 1
    producer.send(TOPIC, key=b"k", value=b"x" * 990, headers=[])
    assert len(producer.wakened) == 2


@pytest.mark.parametrize(
    ("key", "value"), [(None, b"v"), (b"k", None), (b"k", b"x" * 100_000), (b"k" * 100_000, b"")]
)
def test_unusual_records_are_left_to_kafka_python(
    producer: Unconnected,
    sent_by_kafka: list[bytes | None],
    key: bytes | None,
    value: bytes | None,
) -> None:
    """Without a key or a value, or so large that a limit may be near."""
    producer.send(TOPIC, key=key, value=value, headers=[])
    assert sent_by_kafka == [value]
    assert producer.queued() == {}


def test_unusual_times_are_left_to_kafka_python(
    producer: Unconnected, sent_by_kafka: list[bytes | None]
) -> None:
    """A topic that is not known yet, a transaction, and a producer that is closed."""
    producer.send("another", key=b"k", value=b"1", headers=[])
    producer._transaction_manager = SimpleNamespace(is_transactional=lambda: True)  # noqa: SLF001  kafka-python's own
    producer.send(TOPIC, key=b"k", value=b"2", headers=[])
    producer._transaction_manager = SimpleNamespace(is_transactional=lambda: False)  # noqa: SLF001  the same
    producer.end()
    producer.send(TOPIC, key=b"k", value=b"3", headers=[])
    assert sent_by_kafka == [b"1", b"2", b"3"]


def test_while_somebody_waits_nothing_waits_for_company(producer: Unconnected) -> None:
    """The sender is told so at once, and no longer than the wait takes, however it ends."""
    with pytest.raises(TimeoutError), producer.hurrying():
        raise TimeoutError
    assert producer.wakened == [True]
    assert not producer._accumulator.flush_in_progress()  # noqa: SLF001  kafka-python's own
