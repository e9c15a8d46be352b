"""Transactions: decisions, dead letters and offsets of a batch, all of them or none."""

from __future__ import annotations

import json

import pytest
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFencedError,
)

from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import Sent
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

pytestmark = pytest.mark.timing


class Fixture:
    """A service with transactions, on a topic with requests."""

    def __init__(self, records: int, partitions: int = 1) -> None:
        self.source = FakeKafkaConsumer(partitions)
        for number in range(partitions):
            for offset in range(records):
                self.source.add(b'{"id":"%d-%d"}' % (number, offset), number)
        self.broker = FakeTransactions(self.source)
        self.service = Wiring(self.source, broker=self.broker)

    def decided(self) -> list[str]:
        """Return the ids of the decisions that a read_committed reader finds, in their order."""
        values = [sent.value for sent in self.broker.to(DECISIONS)]
        return [json.loads(value or b"")["request"]["id"] for value in values]

    def decisions_counted(self) -> float:
        """Return the counter of decisions."""
        labels = {"strategy": "fake", "outcome": "no_bid"}
        return self.service.value("consumer_decisions_total", **labels) or 0


class TestOneTransaction:
    """A batch that nothing stands in the way of."""

    def test_decisions_dead_letters_and_offsets_come_together(self) -> None:
        """Nothing is committed outside of the transaction."""
        it = Fixture(2)
        it.source.add(b"poison")
        it.service.go_round()
        assert it.decided() == ["0-0", "0-1"]
        assert len(it.broker.to(DEAD_LETTERS)) == 1
        assert it.source.committed == {partition(): 3}
        assert it.source.commits == []
        assert it.service.value("consumer_commits_total", outcome="committed") == 1

    def test_one_producer_serves_many_batches(self) -> None:
        """Each commit begins the next transaction."""
        it = Fixture(1)
        it.service.go_round()
        it.source.add(b'{"id":"later"}')
        it.service.go_round(2)
        assert it.decided() == ["0-0", "later"]
        assert len(it.service.producers) == 1

    def test_the_commit_names_the_generation_that_the_batch_was_polled_in(self) -> None:
        """Kafka refuses it when the partitions have gone to another member since."""
        it = Fixture(1)
        it.source.generation = 7

        def rejoin(_sent: Sent) -> None:
            it.source.generation = 8

        it.service.producer.failing = rejoin
        it.service.go_round()
        assert [member.generation_id for member in it.broker.members] == [7]

    def test_counted_only_once_it_is_durable(self) -> None:
        """A batch that is given up counts for nothing; its repetition counts once."""
        it = Fixture(3)
        it.broker.commit_errors = [KafkaTimeoutError("no answer")]
        it.service.go_round()
        assert it.decisions_counted() == 0
        it.service.go_round()
        assert it.decisions_counted() == 3


class TestPassedOver:
    """Positions past what is no record."""

    def test_they_are_committed_in_a_transaction(self) -> None:
        """A commit beside it could come late, and take the group back behind a later one."""
        it = Fixture(1)
        it.service.go_round()
        it.source.passed_over[partition()] = 1
        it.service.time.now_s += 1
        it.service.go_round()
        assert it.source.committed == {partition(): 2}
        assert (it.source.commits, it.broker.aborted) == ([], [])

    def test_one_that_fails_is_tried_again_and_never_takes_the_group_back(self) -> None:
        """What comes in between is committed further on, and decided once."""
        it = Fixture(1)
        it.service.go_round()
        it.source.passed_over[partition()] = 1
        it.broker.offset_errors = [KafkaTimeoutError("away")]
        it.service.time.now_s += 1
        it.service.go_round()
        assert it.source.committed == {partition(): 1}
        it.service.time.now_s += 1
        it.service.go_round()
        assert it.source.committed == {partition(): 2}


class TestGivenUp:
    """What cannot be committed is aborted as a whole, and polled again."""

    @pytest.mark.parametrize(
        "error", [CommitFailedError("rebalanced"), ProducerFencedError(), KafkaTimeoutError("away")]
    )
    def test_offsets_that_are_not_taken(self, error: KafkaError) -> None:
        """Another producer does it again, and each decision is visible once."""
        it = Fixture(2, partitions=2)
        it.broker.offset_errors = [error]
        it.service.go_round()
        assert it.decided() == []
        assert it.source.committed == {}
        assert "sinks: " in it.service.health.not_ready()[0]
        it.service.go_round()
        assert sorted(it.decided()) == ["0-0", "0-1", "1-0", "1-1"]
        assert it.source.committed == {partition(0): 2, partition(1): 2}
        assert it.service.health.not_ready() == []
        assert len(it.broker.aborted) == 4

    def test_a_record_that_is_not_acknowledged_takes_all_with_it(self) -> None:
        """There is one transaction; the other partitions are tried again at once, without it."""
        it = Fixture(2, partitions=2)
        it.service.producer.failing = lambda sent: (
            KafkaTimeoutError("silence") if b'"1-1"' in (sent.value or b"") else None
        )
        it.service.go_round()
        assert (it.decided(), it.source.committed) == ([], {})
        it.service.go_round()
        assert it.decided() == ["0-0", "0-1"]
        it.service.go_round()
        assert sorted(it.decided()) == ["0-0", "0-1", "1-0", "1-1"]

    def test_a_member_without_a_place_in_the_group_commits_nothing(self) -> None:
        """Kafka would take offsets that come without a generation from anybody."""
        it = Fixture(1)
        it.source.generation = -1
        it.service.go_round()
        assert (it.decided(), it.broker.members) == ([], [])
        it.source.generation = 2
        it.service.go_round()
        assert it.decided() == ["0-0"]

    def test_a_producer_that_cannot_be_replaced_holds_the_batch(self) -> None:
        """Nothing is decided meanwhile, and nothing is skipped afterwards."""
        it = Fixture(1)
        it.service.publisher.replace()
        it.broker.open = None
        connect = it.service.make_producer

        def away() -> None:
            raise KafkaTimeoutError("no broker")

        it.service.make_producer = away  # type: ignore[assignment]
        it.service.go_round(2)
        assert it.service.value("consumer_records_total") == 0
        it.service.make_producer = connect
        it.service.go_round()
        assert it.decided() == ["0-0"]

    def test_a_member_whose_name_is_taken_stops(self) -> None:
        """No later attempt can succeed, and the other process goes on with the work."""
        it = Fixture(1)
        it.broker.offset_errors = [FencedInstanceIdError()]
        with pytest.raises(FencedInstanceIdError):
            it.service.go_round()
        assert it.decided() == []


class TestNoAnswer:
    """A commit without an answer may have been one."""

    def test_what_was_committed_is_not_done_again(self) -> None:
        """It is counted, and the next record is the one after it."""
        it = Fixture(3)
        it.broker.lost_answers = [KafkaTimeoutError("no answer")]
        it.service.go_round()
        assert it.decisions_counted() == 0
        it.service.go_round()
        assert it.decisions_counted() == 3
        it.source.add(b'{"id":"next"}')
        it.service.go_round()
        assert it.decided() == ["0-0", "0-1", "0-2", "next"]
        assert it.decisions_counted() == 4

    def test_it_is_asked_until_kafka_answers(self) -> None:
        """Meanwhile nothing of the partition is processed."""
        it = Fixture(2, partitions=2)
        it.broker.lost_answers = [KafkaTimeoutError("no answer")]
        it.broker.unanswered = [KafkaTimeoutError("away")] * 2
        it.service.go_round(5)
        assert sorted(it.decided()) == ["0-0", "0-1", "1-0", "1-1"]
        assert it.source.committed == {partition(0): 2, partition(1): 2}

    def test_a_partition_that_has_gone_is_another_ones_doubt(self) -> None:
        """When it comes back the group's offset says where to go on."""
        it = Fixture(2)
        it.broker.lost_answers = [KafkaTimeoutError("no answer")]
        it.service.go_round()
        it.source.rebalance([])
        it.service.go_round()
        it.source.rebalance([partition()])
        it.source.add(b'{"id":"next"}')
        it.service.go_round(3)
        assert it.decided() == ["0-0", "0-1", "next"]


class TestRefusedByTheBroker:
    """A refusal ends the transaction, so the dead letter belongs into another."""

    def test_the_record_is_a_dead_letter_and_the_others_are_decided(self) -> None:
        """The next attempt asks for it no more."""
        it = Fixture(3)

        def too_large(sent: Sent) -> KafkaError | None:
            large = sent.topic == DECISIONS and b'"0-1"' in (sent.value or b"")
            return MessageSizeTooLargeError("limit") if large else None

        begin = it.broker.begin

        def strict() -> object:
            producer = begin()
            producer.failing = too_large
            return producer

        it.service.make_producer = strict  # type: ignore[assignment]
        it.service.producer.failing = too_large
        it.service.go_round(2)
        assert it.decided() == ["0-0", "0-2"]
        (letter,) = it.broker.to(DEAD_LETTERS)
        assert letter.header("dlq-reason") == "sink-refused"
        assert it.source.committed == {partition(): 3}
