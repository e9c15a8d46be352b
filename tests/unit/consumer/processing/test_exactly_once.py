"""Transactions: decisions, dead letters and offsets of a batch, all of them or none."""

from __future__ import annotations

import json

import pytest
from kafka.errors import (
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFencedError,
)

from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeTransactions, Sent
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

pytestmark = [pytest.mark.timing, pytest.mark.promise("exactly-once")]


class Fixture:
    """A service with transactions, on a topic with requests, that has joined its group."""

    def __init__(self, records: int, partitions: int = 1) -> None:
        self.consumer = FakeKafkaConsumer(partitions)
        self.broker = FakeTransactions(self.consumer)
        self.service = Wiring(self.consumer, broker=self.broker)
        self.service.go_round()
        for number in range(partitions):
            for offset in range(records):
                self.consumer.add(b'{"id":"%d-%d"}' % (number, offset), number)

    def decided(self) -> list[str]:
        """Return the ids of the decisions that a read_committed reader finds."""
        values = [sent.value for sent in self.broker.to(DECISIONS)]
        return sorted(json.loads(value or b"")["request"]["id"] for value in values)

    def decisions_counted(self) -> float:
        """Return the counter of decisions."""
        labels = {"strategy": "fake", "outcome": "no_bid"}
        return self.service.value("consumer_decisions_total", **labels) or 0


def test_the_commit_names_the_generation_that_the_batch_was_polled_in() -> None:
    """Kafka refuses it when the partitions have gone to another member since."""
    it = Fixture(1)
    it.consumer.generation = 7
    it.service.producer.failing = lambda _sent: setattr(it.consumer, "generation", 8)
    it.service.go_round()
    assert [member.generation_id for member in it.broker.members] == [7]
    assert it.service.value("consumer_commits_total", outcome="committed") == 1
    it.consumer.add(b'{"id":"later"}')
    it.service.go_round()
    assert it.decided() == ["0-0", "later"]
    assert len(it.service.producers) == 1  # each commit begins the next transaction


def test_a_member_without_a_place_in_the_group_commits_nothing() -> None:
    """Kafka would take offsets that come without a generation from anybody."""
    it = Fixture(1)
    it.consumer.generation = -1
    it.service.go_round()
    assert (it.decided(), it.broker.members) == ([], [])
    it.consumer.generation = 2
    it.service.go_round()
    assert it.decided() == ["0-0"]


@pytest.mark.parametrize(
    "error", [CommitFailedError("rebalanced"), ProducerFencedError(), KafkaTimeoutError("away")]
)
def test_what_cannot_be_committed_is_aborted_as_a_whole(error: KafkaError) -> None:
    """Another producer does it again, and each decision is visible and counted once."""
    it = Fixture(2, partitions=2)
    it.broker.offset_errors = [error]
    it.service.go_round()
    assert (it.decided(), it.service.committed, it.decisions_counted()) == ([], {}, 0)
    assert "sinks: " in it.service.health.not_ready()[0]
    it.service.go_round()
    assert it.decided() == ["0-0", "0-1", "1-0", "1-1"]
    assert it.service.committed == {0: 2, 1: 2}
    assert it.service.health.not_ready() == []
    assert (len(it.broker.aborted), it.decisions_counted()) == (4, 4)


def test_a_record_that_is_not_acknowledged_takes_all_with_it() -> None:
    """There is one transaction; the other partitions are tried again at once, without it."""
    it = Fixture(2, partitions=2)
    it.service.producer.failing = lambda sent: (
        KafkaTimeoutError("silence") if b'"1-1"' in (sent.value or b"") else None
    )
    it.service.go_round()
    assert (it.decided(), it.service.committed) == ([], {})
    it.service.go_round()
    assert it.decided() == ["0-0", "0-1"]
    it.service.go_round()
    assert it.decided() == ["0-0", "0-1", "1-0", "1-1"]


def test_a_commit_without_an_answer_that_was_one_is_not_done_again() -> None:
    """Kafka is asked until it answers; then it is counted, and the next record comes."""
    it = Fixture(3)
    it.broker.lost_answers = [KafkaTimeoutError("no answer")]
    it.service.go_round()
    assert it.decisions_counted() == 0
    it.consumer.committed_errors = [KafkaTimeoutError("away")]
    it.service.go_round()
    assert it.decisions_counted() == 0
    it.service.go_round()
    assert it.decisions_counted() == 3
    it.consumer.add(b'{"id":"next"}')
    it.service.go_round()
    assert it.decided() == ["0-0", "0-1", "0-2", "next"]
    assert it.decisions_counted() == 4


def test_what_the_broker_refuses_is_a_dead_letter_in_another_transaction() -> None:
    """A refusal ends the first; the next attempt asks for it no more."""
    it = Fixture(3)

    def too_large(sent: Sent) -> KafkaError | None:
        large = sent.topic == DECISIONS and b'"0-1"' in (sent.value or b"")
        return MessageSizeTooLargeError("limit") if large else None

    it.service.fail(too_large, "failing")
    it.service.go_round(2)
    assert it.decided() == ["0-0", "0-2"]
    (letter,) = it.broker.to(DEAD_LETTERS)
    assert letter.header("dlq-reason") == "sink-refused"
    assert it.service.committed == {0: 3}
