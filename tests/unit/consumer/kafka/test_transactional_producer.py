"""kafka-python's transactions with an end to every wait."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, ProducerFencedError, for_code
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.transaction_manager import TransactionManager, TransactionState
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from consumer.kafka.producer import TransactionalProducer
from tests.support.fakes.consumer_records import partition

pytestmark = [pytest.mark.timing, pytest.mark.promise("exactly-once")]

MEMBER = ConsumerGroupMetadata("group", generation_id=3, member_id="m")
OFFSETS = {partition(): OffsetAndMetadata(1, "", 0)}
SOON = 0.01
FENCED = 90


class Unconnected(TransactionalProducer):
    """The producer without its network: kafka-python's own states, and a coordinator from here."""

    def __init__(self) -> None:
        self._closed = False
        self._metrics = None
        self.config = {"client_id": "t", "key_serializer": None, "value_serializer": None}
        self.config["transactional_id"] = "group.m"
        self._accumulator = RecordAccumulator()
        self._transaction_manager = TransactionManager("group.m", api_version=(4, 0))
        nothing = dict.fromkeys(
            ("is_alive", "initiate_close", "force_close", "join"), lambda *_: None
        )
        self._sender: Any = SimpleNamespace(wakeup=self._answer, **nothing)
        self.away = False
        self.error = 0
        self.asked: list[str] = []

    @property
    def state(self) -> TransactionState:
        """Where kafka-python says that it is."""
        return self._transaction_manager._current_state  # noqa: SLF001  no public way

    def _answer(self) -> None:
        pending = self._transaction_manager._pending_requests  # noqa: SLF001  no public way
        while pending and not self.away:
            _, _, handler = heapq.heappop(pending)
            self.asked.append(type(handler).__name__.removesuffix("Handler"))
            topics = [(tp.topic, [(tp.partition, self.error)]) for tp in OFFSETS]
            answer = {"producer_id": 1, "producer_epoch": 0, "topics": topics}
            handler.handle_response(SimpleNamespace(error_code=self.error, **answer))


@pytest.fixture
def producer() -> Iterator[Unconnected]:
    """Return a producer within its first transaction."""
    made = Unconnected()
    made.start(SOON)
    yield made
    made.force_close()


def test_it_is_always_within_a_transaction(producer: Unconnected) -> None:
    """A commit begins the next."""
    assert producer.state is TransactionState.IN_TRANSACTION
    producer.add_offsets(OFFSETS, MEMBER, SOON)
    producer.commit(SOON)
    assert producer.state is TransactionState.IN_TRANSACTION
    steps = ["InitProducerId", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"]
    assert producer.asked == steps


@pytest.mark.parametrize("step", ["start", "offsets", "commit", "close"])
def test_no_step_waits_for_longer_than_it_may(step: str) -> None:
    """kafka-python's own would wait for a coordinator that is away, for good."""
    producer = Unconnected()
    if step != "start":
        producer.start(SOON)
    producer.away = True
    steps = {
        "start": lambda: producer.start(SOON),
        "offsets": lambda: producer.add_offsets(OFFSETS, MEMBER, SOON),
        "commit": lambda: producer.commit(SOON),
        "close": lambda: producer.close(SOON),
    }
    with pytest.raises(KafkaTimeoutError, match=r"no answer to a transaction's request in 0\.01 s"):
        steps[step]()
    producer.force_close()
    producer.close(SOON)  # waits for nobody: the next producer of the name makes Kafka abort


def test_closing_aborts(producer: Unconnected) -> None:
    """A reader must not wait for a transaction that nobody ends."""
    producer.add_offsets(OFFSETS, MEMBER, SOON)
    producer.close(SOON)
    assert producer.asked[-1] == "EndTxn"
    assert producer.state is TransactionState.READY
    producer.close(SOON)
    assert producer.asked.count("EndTxn") == 1


def test_who_is_fenced_off_hears_of_it(producer: Unconnected) -> None:
    """And of nothing else from then on."""
    assert for_code(FENCED) is ProducerFencedError
    producer.error = FENCED
    with pytest.raises(ProducerFencedError):
        producer.add_offsets(OFFSETS, MEMBER, SOON)
    with pytest.raises(KafkaError):
        producer.commit(SOON)
